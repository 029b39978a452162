package terminology

import (
	"context"

	"kiln/resources/definitions"
)

// Embedded is the source of the definitions of R4. They are decoded when first asked for.
func Embedded() Source { return embedded{} }

type embedded struct{}

func (embedded) CodeSystem(_ context.Context, url, version string) (Found[CodeSystem], error) {
	cs := definitions.R4Terminology().CodeSystem(url)
	if cs == nil || version != "" && version != cs.Version {
		return Found[CodeSystem]{}, nil
	}
	return Found[CodeSystem]{embeddedRevision, func() (*CodeSystem, error) { return embeddedCodeSystem(cs), nil }}, nil
}

func (embedded) ValueSet(_ context.Context, url, version string) (Found[ValueSet], error) {
	vs := definitions.R4Terminology().ValueSet(url)
	if vs == nil || version != "" && version != vs.Version {
		return Found[ValueSet]{}, nil
	}
	return Found[ValueSet]{embeddedRevision, func() (*ValueSet, error) { return embeddedValueSet(vs), nil }}, nil
}

const embeddedRevision = "R4 " + definitions.Version

func embeddedCodeSystem(from *definitions.CodeSystem) *CodeSystem {
	cs := &CodeSystem{
		URL: from.URL, Version: from.Version, Content: from.Content, Supplements: from.Supplements,
		IgnoreCase: !from.CaseSensitive, HierarchyMeaning: from.HierarchyMeaning, bare: true,
		Concepts: make([]Concept, len(from.Concepts)),
	}
	for i, c := range from.Concepts {
		cs.Concepts[i] = Concept{Code: c.Code, Display: c.Display, parents: c.Parents}
	}
	cs.index()
	return cs
}

func embeddedValueSet(from *definitions.ComposedValueSet) *ValueSet {
	return &ValueSet{
		URL: from.URL, Version: from.Version, Composed: true, ActiveOnly: from.ActiveOnly,
		Include: embeddedParts(from.Include), Exclude: embeddedParts(from.Exclude),
	}
}

func embeddedParts(from []definitions.ValueSetPart) []Part {
	parts := make([]Part, len(from))
	for i, p := range from {
		parts[i] = Part{System: p.System, Version: p.Version, ValueSets: p.ValueSets}
		for _, c := range p.Concepts {
			parts[i].Concepts = append(parts[i].Concepts, Coding{System: c.System, Code: c.Code, Display: c.Display})
		}
		for _, f := range p.Filters {
			parts[i].Filters = append(parts[i].Filters, Filter(f))
		}
	}
	return parts
}
