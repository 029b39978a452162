package search

import (
	"context"
	"slices"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
)

// ExtractByFHIRPath is Extract with every expression evaluated by package fhirpath instead of by
// the plan of the type.
func (p *Parameters) ExtractByFHIRPath(ctx context.Context, resource resources.Element) ([]Entry, error) {
	x := extraction{Parameters: p, resource: resource}
	for _, param := range p.Of(resource.Type().Name) {
		if engineMade[param.Code] || param.Type == TypeSpecial && !param.Nearby() {
			continue
		}
		found, err := evaluate(ctx, param.Definition.Expression, resource, resource)
		if err != nil {
			return nil, err
		}
		x.param = param
		for _, v := range found {
			e, ok := v.Element()
			start := len(x.pool)
			switch {
			case !ok:
				x.computed(param.Type, v)
				x.give(x.pool[start:])
			case param.Type == TypeComposite:
				if err := x.compositeByFHIRPath(ctx, param, e); err != nil {
					return nil, err
				}
			default:
				x.give(x.convert(param.Type, e))
			}
		}
	}
	return appendWords(x.entries, resource, p.Of(resource.Type().Name)), nil
}

func (x *extraction) compositeByFHIRPath(ctx context.Context, param *Parameter, e resources.Element) error {
	parts := make([][]Value, len(param.Components))
	for i, part := range param.Definition.Components {
		if errata := componentErrata[param.Definition.URL]; errata != nil {
			part.Expression = errata[i]
		}
		if param.Code == "code-value-date" && i == 1 {
			part.Expression = "value.as(dateTime) | value.as(Period)"
		}
		found, err := evaluate(ctx, part.Expression, e, x.resource)
		if err != nil {
			return err
		}
		for _, v := range found {
			if element, ok := v.Element(); ok {
				parts[i] = append(parts[i], x.convert(param.Components[i].Type, element)...)
			}
		}
		if !slices.ContainsFunc(parts[i], Present) {
			return nil
		}
	}
	x.give([]Value{CompositeValue{parts}})
	return nil
}

func evaluate(ctx context.Context, expression string, input, resource resources.Element) (fhirpath.Collection, error) {
	x, err := fhirpath.Compile(expression, fhirpath.AsOfType())
	if err != nil {
		return nil, err
	}
	return x.Evaluate(ctx, input, &fhirpath.Environment{Resource: resource})
}

// Unconverted lists the pairs of parameter and element type for which there is no index value, as
// "Type.code: type of the element".
func (p *Parameters) Unconverted() []string {
	var list []string
	for _, name := range definitions.R4().ResourceNames() {
		resource := definitions.R4().Type(name)
		for _, param := range p.Of(name) {
			if param.Type == TypeComposite {
				list = append(list, unconvertedParts(resource, param)...)
				continue
			}
			for _, found := range unconverted(param.Type, param.selectors, resource) {
				list = append(list, name+"."+param.Code+": "+found)
			}
		}
	}
	return list
}

func unconverted(t ParameterType, selectors []*selector, from *definitions.Type) []string {
	var list []string
	for _, s := range selectors {
		found := s.content(from)
		if len(found) == 0 {
			list = append(list, "nothing")
		}
		for _, c := range found {
			if converters[t][c.content.Name] == nil {
				list = append(list, c.content.Name)
			}
		}
	}
	return list
}

func unconvertedParts(resource *definitions.Type, param *Parameter) []string {
	var list []string
	for _, s := range param.selectors {
		for _, at := range s.content(resource) {
			for _, part := range param.Components {
				found := append(unconverted(part.Type, part.selectors, at.content), unconverted(part.Type, part.root, resource)...)
				for _, f := range found {
					list = append(list, resource.Name+"."+param.Code+"."+part.Code+": "+f)
				}
			}
		}
	}
	return list
}

// MaxConversions bounds Conversions.
const MaxConversions = maxConversions

// Conversions is the number of units that c remembers.
func Conversions(c QuantityCriterion) int { return len(c.conversions.in) }
