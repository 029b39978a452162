package definitions

// DecodeR4 lets benchmarks decode the tables again.
var DecodeR4 = decodeR4

// DecodeTerminology lets benchmarks decode the code systems and value sets again.
var DecodeTerminology = decodeTerminology
