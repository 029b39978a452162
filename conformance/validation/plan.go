package validation

import (
	"math/bits"
	"slices"
	"sync"

	"kiln/resources/definitions"
)

// plan is what a type demands of its JSON object. Its members are laid out on first use.
type plan struct {
	typ      *definitions.Type
	plans    map[*definitions.Type]*plan
	once     sync.Once
	members  map[string]*member
	slots    []*slot
	required uint64 // slots with a minimum
	idOnly   uint64 // the slot of id
	rules    []*rule
	check    check                // rules beyond the table; nil without
	defines  *definitions.Element // the element that a backbone type is defined at
}

// slot is one element of a type: value[x] is one slot with many members.
type slot struct {
	element *definitions.Element
	bit     uint64
	list    bool
}

// member is what one JSON name means in a type.
type member struct {
	*slot
	name     string // without the underscore
	typ      *definitions.Type
	shadow   bool // _name
	plan     *plan
	lexical  *lexical // of a primitive
	rules    []*rule  // that hold on the content, those of its type included
	targets  []string // of a Reference; nil if any will do
	binding  *binding // that is required; nil without
	simple   bool     // a SimpleQuantity
	fragment fragment // whether its text can name a contained resource
}

// fragment tells by which members a contained resource can be referred to as "#id":
// https://hl7.org/fhir/R4/references.html#contained
type fragment uint8

const (
	fragmentNone      fragment = iota
	fragmentURI                // uri, url, oid, uuid: "#id" counts
	fragmentReference          // named reference, or a canonical: "#" counts too
)

func fragmentOf(m *member) fragment {
	switch {
	case m.name == "reference" || m.typ.Name == "canonical":
		return fragmentReference
	case m.typ.Is("uri"):
		return fragmentURI
	}
	return fragmentNone
}

// layOut makes the empty plans of all types, so that they can be found without a lock.
func layOut(d *definitions.Definitions) map[*definitions.Type]*plan {
	plans := map[*definitions.Type]*plan{}
	var add func(t *definitions.Type)
	add = func(t *definitions.Type) {
		if plans[t] != nil {
			return
		}
		p := &plan{typ: t, plans: plans}
		plans[t] = p
		for _, e := range t.Elements {
			if e.Content == nil {
				continue
			}
			add(e.Content)
			if e.Content.Kind == definitions.KindBackbone && e.Content.Name == e.Path {
				plans[e.Content].defines = e
			}
		}
	}
	for t := range d.Types {
		add(t)
	}
	return plans
}

// ready is p with its members laid out.
func (p *plan) ready() *plan {
	p.once.Do(p.fill)
	return p
}

func (p *plan) fill() {
	p.members = make(map[string]*member, 2*len(p.typ.Elements))
	p.check = checkOf(p.typ)
	for i, e := range p.typ.Elements {
		s := &slot{element: e, bit: 1 << i, list: e.List()}
		p.slots = append(p.slots, s)
		if e.Min > 0 {
			p.required |= s.bit
		}
		if e.Name == "id" {
			p.idOnly = s.bit
		}
		for _, ref := range e.Types {
			p.addMember(s, ref)
		}
	}
	for _, c := range p.typ.Constraints {
		p.rules = appendRule(p.rules, c, p)
	}
	for _, m := range p.members {
		m.rules = m.contentRules()
	}
}

func (p *plan) addMember(s *slot, ref definitions.TypeRef) {
	m := &member{
		slot: s, name: s.element.JSONName(ref.Type), typ: ref.Type, plan: p.plans[ref.Type],
		binding: bindingOf(s.element, ref.Type), simple: slices.Contains(ref.Profiles, "SimpleQuantity"),
	}
	if ref.Type.Name == "Reference" && !slices.Contains(ref.Targets, "Resource") {
		m.targets = ref.Targets
	}
	p.members[m.name] = m
	if !m.typ.Primitive() {
		return
	}
	m.lexical = lexicals[m.typ.Name]
	m.fragment = fragmentOf(m)
	if s.element.Attribute {
		return // id and url are texts alone: https://hl7.org/fhir/R4/extensibility.html#Extension
	}
	shadow := *m
	shadow.shadow = true
	p.members["_"+m.name] = &shadow
}

// contentRules are the invariants of the content's type and those of the element.
func (m *member) contentRules() []*rule {
	var rules []*rule
	if m.typ.Kind != definitions.KindResource {
		for _, c := range m.typ.Constraints {
			rules = appendRule(rules, c, m.plan)
		}
	}
	own := m.element.Constraint
	if m.plan.defines != nil && len(own) == 0 {
		own = m.plan.defines.Constraint // a contentReference brings the rules of its target along
	}
	for _, c := range own {
		rules = appendRule(rules, c, m.plan)
	}
	return rules
}

// bitOf is the slot of the element that FHIRPath calls name; 0 if the type has none.
func (p *plan) bitOf(name string) uint64 {
	i := slices.IndexFunc(p.typ.Elements, func(e *definitions.Element) bool { return e.Name == name })
	if i < 0 {
		return 0
	}
	return 1 << i
}

// each calls yield for every slot in the set.
func (p *plan) each(set uint64, yield func(*slot)) {
	for ; set != 0; set &= set - 1 {
		yield(p.slots[bits.TrailingZeros64(set)])
	}
}
