package terminology

import (
	"context"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/outcome"
)

// MemberOf answers FHIRPath's memberOf(): whether a code, Coding or CodeableConcept is in the value
// set; of a CodeableConcept some coding, of a code or string whatever its system. It is what
// fhirpath.Environment.MemberOf asks for. Errors are those of Contains, and type errors for other
// values. https://hl7.org/fhir/R4/fhirpath.html#functions
func (s *Service) MemberOf(ctx context.Context, coded fhirpath.Value, valueSet string) (bool, error) {
	set, err := s.Set(ctx, valueSet)
	if err != nil {
		return false, err
	}
	e, ok := coded.Element()
	if !ok {
		return set.ContainsCode(coded.Text())
	}
	switch t := e.Type(); {
	case t != nil && t.Name == "CodeableConcept":
		return set.containsConcept(e)
	case t != nil && t.Name == "Coding":
		return set.containsCoding(e)
	case t != nil && t.Primitive():
		return set.ContainsCode(e.Text())
	}
	return false, refuse(outcome.Value, "memberOf() is for a code, Coding or CodeableConcept.")
}

func (s *Set) containsCoding(e resources.Element) (bool, error) {
	code := e.First("code").Text()
	if code == "" {
		return false, nil
	}
	return s.Contains(e.First("system").Text(), code)
}

// containsConcept is true where one coding is in the set, though others cannot be told.
func (s *Set) containsConcept(e resources.Element) (bool, error) {
	var unsure error
	for coding := range e.Child("coding") {
		member, err := s.containsCoding(coding)
		if member {
			return true, nil
		}
		if err != nil {
			unsure = err
		}
	}
	return false, unsure
}
