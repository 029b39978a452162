package fhirpath_test

import (
	"testing"

	"kiln/fhirpath"
)

func TestLastingRefusesWhatDependsOnMore(t *testing.T) {
	for source, taken := range map[string]bool{
		"now()": false, "Patient.birthDate < today()": false, "name.where(timeOfDay() > @T10).given": false,
		"maritalStatus.where(memberOf('http://example.org/vs'))": false, "(name | contact.name.where(use = today().toString()))": false,
		"name.given.trace('x')": true, "managingOrganization.resolve()": true, "birthDate + 1 year": true, "extension('http://example.org/now').value": true,
	} {
		if _, err := fhirpath.Compile(source, fhirpath.Lasting()); (err == nil) != taken {
			t.Errorf("%s: %v", source, err)
		}
		if _, err := fhirpath.Compile(source); err != nil {
			t.Errorf("%s is refused without Lasting: %v", source, err)
		}
	}
}
