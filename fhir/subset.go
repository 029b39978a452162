package fhir

import (
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
)

// Subset is a part of resources that _summary and _elements ask for:
// https://hl7.org/fhir/R4/search.html#summary. The zero value is the whole.
type Subset struct {
	Summary  search.Summary
	Elements []string
}

var summaries = map[string]search.Summary{
	"": search.SummaryFalse, "false": search.SummaryFalse,
	"true": search.SummaryTrue, "text": search.SummaryText, "data": search.SummaryData,
}

// ParseSubset reads the values of _summary and _elements of a read; both may be empty.
// _summary=count is no part of a resource and an error there.
func ParseSubset(summary, elements string) (Subset, error) {
	chosen, ok := summaries[summary]
	if !ok {
		return Subset{}, outcome.New(outcome.Value, "The value of _summary is %q; expected true, text, data or false.", clip(summary)).In(outcome.StageSyntax)
	}
	subset := Subset{Summary: chosen}
	for name := range strings.SplitSeq(elements, ",") {
		if name = strings.TrimSpace(name); name != "" {
			subset.Elements = append(subset.Elements, name)
		}
	}
	return subset, nil
}

// IsZero reports whether the whole is asked for.
func (s Subset) IsZero() bool { return s.Summary == search.SummaryFalse && len(s.Elements) == 0 }

// Apply is the part of a stored resource, tagged SUBSETTED; elements that must be there stay. The
// whole is the very bytes given.
func (s Subset) Apply(body []byte) ([]byte, error) {
	if s.IsZero() || body == nil {
		return body, nil
	}
	doc, err := resources.Parse(body)
	if err != nil {
		return nil, err
	}
	element, err := doc.Resource()
	if err != nil {
		return nil, err
	}
	edits := []resources.Edit{tagged(doc)}
	if len(s.Elements) > 0 {
		newSelection(s.Elements).cut(doc, element.Type(), 0, true, &edits)
	} else {
		s.cut(doc, element.Type(), 0, true, &edits)
	}
	return doc.AppendCompact(make([]byte, 0, len(body)), 0, edits...), nil
}

// cut removes the members of n that are not part of the summary.
func (s Subset) cut(doc *resources.Document, typ *definitions.Type, n resources.Node, root bool, edits *[]resources.Edit) {
	for c := range doc.Children(n) {
		name := doc.Name(c)
		if name == "resourceType" || root && (name == "id" || name == "meta") {
			continue
		}
		member, known := typ.Member(name)
		if !known || !s.keeps(member.Element, root) {
			*edits = append(*edits, resources.Edit{Node: c})
			continue
		}
		s.below(doc, member.Type, c, edits)
	}
}

// keeps reports whether an element is part of the summary.
func (s Subset) keeps(e *definitions.Element, root bool) bool {
	if !root {
		return s.Summary != search.SummaryTrue || e.Summary || e.Min > 0
	}
	switch s.Summary {
	case search.SummaryText:
		return e.Min > 0 || e.Name == "text"
	case search.SummaryData:
		return e.Name != "text"
	}
	return e.Summary || e.Min > 0
}

// below goes on into elements that are defined in place: of these, too, the summary has only
// what is marked. Data types are shown whole.
func (s Subset) below(doc *resources.Document, typ *definitions.Type, n resources.Node, edits *[]resources.Edit) {
	if s.Summary != search.SummaryTrue || typ == nil || typ.Kind != definitions.KindBackbone {
		return
	}
	if doc.Kind(n) == resources.Object {
		s.cut(doc, typ, n, false, edits)
		return
	}
	for item := range doc.Children(n) {
		if doc.Kind(item) == resources.Object {
			s.cut(doc, typ, item, false, edits)
		}
	}
}

const subsetted = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`

// tagged adds the tag SUBSETTED to meta, which every stored resource has and a contained one may not.
func tagged(doc *resources.Document) resources.Edit {
	meta := doc.Member(0, "meta")
	if meta == resources.None {
		before := doc.Member(0, "id")
		if before == resources.None {
			before = doc.Member(0, "resourceType")
		}
		return resources.Edit{Node: before, Raw: append(doc.AppendCompact(nil, before), `,"meta":{"tag":[`+subsetted+"]}"...)}
	}
	if tags := doc.Member(meta, "tag"); tags != resources.None {
		text := doc.AppendCompact(nil, tags)
		return resources.Edit{Node: tags, Raw: append(text[:len(text)-1], ","+subsetted+"]"...)}
	}
	text := doc.AppendCompact(nil, meta)
	separator := ","
	if len(text) == len("{}") {
		separator = ""
	}
	return resources.Edit{Node: meta, Raw: append(text[:len(text)-1], separator+`"tag":[`+subsetted+"]}"...)}
}
