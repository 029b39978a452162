package definitions

// DecodeR4 lets benchmarks decode the tables again.
var DecodeR4 = decodeR4
