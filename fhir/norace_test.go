//go:build !race

package fhir_test

// raceEnabled shortens what the race detector makes slow.
const raceEnabled = false
