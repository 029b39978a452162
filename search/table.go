package search

import (
	"cmp"
	"slices"

	"kiln/resources/definitions"
)

// table is the set of parameters at one moment. It is never changed: Revise and Complete put
// another in its place.
type table struct {
	r4      map[string]*typeParameters // R4's own; "" holds those that all types share
	types   map[string]*typeParameters // with those of customs
	customs map[string]*Custom         // by the id of their SearchParameter
	// generation grows with every change of what can be searched by.
	generation uint64
}

// typeParameters are the parameters of one resource type.
type typeParameters struct {
	list     []*Parameter // by code, those that can be searched by
	byCode   map[string]*Parameter
	building map[string]*Parameter // by code, those whose index is not whole yet
	plan     *plan                 // finds the values of all of them
	own      *plan                 // finds those of R4 alone; nil where there are no others
}

func (t *typeParameters) add(p *Parameter) {
	t.list = append(t.list, p)
	t.byCode[p.Code] = p
}

// with is the table of R4's parameters and those of customs.
func (t *table) with(customs map[string]*Custom) *table {
	next := &table{r4: t.r4, types: make(map[string]*typeParameters, len(t.r4)), customs: customs, generation: t.generation + 1}
	for name, own := range t.r4 {
		next.types[name] = own.with(name, customs)
	}
	return next
}

func (t *typeParameters) with(name string, customs map[string]*Custom) *typeParameters {
	var more []*Parameter
	for _, c := range customs {
		for _, p := range c.Parameters {
			if name == "" && p.Base == "Resource" || name != "" && p.appliesTo(definitions.R4().Type(name)) {
				more = append(more, p)
			}
		}
	}
	if len(more) == 0 {
		return t
	}
	slices.SortFunc(more, func(a, b *Parameter) int { return cmp.Compare(a.Code, b.Code) })
	next := &typeParameters{byCode: map[string]*Parameter{}, building: map[string]*Parameter{}, own: t.plan}
	for _, p := range t.list {
		next.add(p)
	}
	for _, p := range more {
		if p.custom.Progress().Complete {
			next.add(p)
		} else {
			next.building[p.Code] = p
		}
	}
	slices.SortFunc(next.list, func(a, b *Parameter) int { return cmp.Compare(a.Code, b.Code) })
	if name != "" {
		next.plan = newPlan(definitions.R4().Type(name), slices.Concat(t.list, more))
	}
	return next
}

// appliesTo reports whether resources of the type may have values of the parameter.
func (p *Parameter) appliesTo(typ *definitions.Type) bool { return typ.Is(p.Base) }

// Generation grows whenever what can be searched by changes, for those who keep what they made of it.
func (p *Parameters) Generation() uint64 { return p.table.Load().generation }

// building finds a parameter whose index is not whole yet; nil if there is none of that name.
func (p *Parameters) building(typ, code string) *Parameter {
	if t := p.table.Load().types[typ]; t != nil {
		return t.building[code]
	}
	return nil
}
