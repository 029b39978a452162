package definitions

import "slices"

// SearchParameter is one search parameter: https://hl7.org/fhir/R4/searchparameter.html
type SearchParameter struct {
	Code        string
	URL         string
	Type        string   // number, date, string, token, reference, composite, quantity, uri, special
	Base        []string // type names that it is defined on; Resource and DomainResource stand for all below
	Expression  string   // FHIRPath; empty for _text, _content, _filter and _query
	Targets     []string // resource types a reference may point to
	Usage       string   // xpathUsage: normal, phonetic, nearby …
	SingleOr    bool     // multipleOr is false: a comma-separated list is not allowed
	SingleAnd   bool     // multipleAnd is false: the parameter may not repeat
	Comparators []string // prefixes the definition lists; empty if it lists none
	Modifiers   []string // modifiers the definition lists; empty if it lists none
	Components  []Component
}

// Component is one part of a composite parameter.
type Component struct {
	URL        string // canonical URL of the part's SearchParameter
	Expression string // relative to each element that the composite's expression selects
}

type parameterKey struct{ typ, code string }

// SearchParameters lists the parameters of a resource type in alphabetical order,
// those of Resource and DomainResource included. The slice is shared and must not be changed.
func (d *Definitions) SearchParameters(resource string) []*SearchParameter { return d.byType[resource] }

// SearchParameter finds the parameter code of a resource type (or of "Resource",
// "DomainResource"), nil if there is none.
func (d *Definitions) SearchParameter(resource, code string) *SearchParameter {
	return d.byCode[parameterKey{resource, code}]
}

// SearchParameterByURL finds a parameter by its canonical URL, nil if there is none.
func (d *Definitions) SearchParameterByURL(url string) *SearchParameter { return d.byURL[url] }

// AllSearchParameters lists all 1,376 parameters. The slice is shared and must not be changed.
func (d *Definitions) AllSearchParameters() []*SearchParameter { return d.parameters }

// Target reports whether the parameter may point to the resource type.
func (p *SearchParameter) Target(resource string) bool {
	return len(p.Targets) == 0 || slices.Contains(p.Targets, resource) || slices.Contains(p.Targets, "Resource")
}
