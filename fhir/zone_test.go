package fhir_test

import (
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/search"
)

// Dates without an offset are of the zone of the server, in resources and in searches; what has an
// offset is the moment that it names. https://hl7.org/fhir/R4/search.html#date
func TestDatesInTheZoneOfTheServer(t *testing.T) {
	parameters, err := search.NewParameters(search.Options{BaseURL: fhirtest.BaseURL, Zone: time.FixedZone("", 5*3600+1800)})
	if err != nil {
		t.Fatal(err)
	}
	h := with(t, fhir.Options{Parameters: parameters})
	for _, o := range [][2]string{
		{"day", "2024-03-15"},
		{"late", "2024-03-14T20:00:00Z"}, // the 15th there
		{"early", "2024-03-14T18:29:59Z"},
	} {
		h.put(`{"resourceType":"Observation","id":"` + o[0] + `","status":"final","code":{"text":"x"},"effectiveDateTime":"` + o[1] + `"}`)
	}
	for query, want := range map[string]string{
		"date=2024-03-15":                    "Observation/day, Observation/late",
		"date=2024-03-14":                    "Observation/early",
		"date=2024-03-15T01:30":              "Observation/late",
		"date=2024-03-14T20:00Z":             "Observation/late",
		"date=lt2024-03-15T00:00":            "Observation/early",
		"date=sa2024-03-14T23:59:59%2B05:30": "Observation/day, Observation/late",
	} {
		equal(t, query, names(h.search("Observation", query)), want)
	}
}
