// Package datatypes reads FHIR's data types from their text and keeps the precision that was
// written: a birth date of 1970-05 stays a month, 1.00 stays two decimals.
// https://hl7.org/fhir/R4/datatypes.html
//
//	t, err := datatypes.ParseDateTime("1970-05")
//	from, to := t.Range(time.UTC) // 1970-05-01T00:00Z, 1970-06-01T00:00Z
package datatypes
