package search

import "slices"

// Restricted reports whether the parameter has exactly those values of another that refer to resources of
// a type, as patient has of subject where that is read "Observation.subject.where(resolve() is Patient)".
// What refers to a resource of the type by one then does so by the other. It is false where the definitions
// do not show it, and of custom parameters, whose definitions may change.
// https://hl7.org/fhir/R4/searchparameter-registry.html#clinical-patient
func (p *Parameter) Restricted(other *Parameter, typ string) bool {
	if p.custom != nil || other.custom != nil || p.Type != TypeReference || other.Type != TypeReference {
		return false
	}
	return p.expression == nil && other.expression == nil && len(p.selectors) > 0 &&
		slices.EqualFunc(p.selectors, other.selectors, func(s, of *selector) bool {
			return s.target == typ && of.target == "" && s.head == of.head && slices.Equal(s.steps, of.steps)
		})
}
