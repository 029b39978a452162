package access

import (
	"context"
	"slices"
	"strings"

	"kiln/resources"
	"kiln/search"
)

// byConsent notes the patients who grant the person access, to all of theirs or to some types.
func (g *gathering) byConsent(ctx context.Context, me []search.Criterion) error {
	filter := search.And{g.test("Consent", "actor", me), g.test("Consent", "status", tokens([]string{"active"}))}
	for v, err := range found(ctx, g.reader, "Consent", filter) {
		if err != nil {
			return err
		}
		e, err := parsed(v)
		if err != nil {
			return err
		}
		patient, ok := strings.CutPrefix(g.local(e.First("patient")), "Patient/")
		if root := e.First("provision"); ok && e.First("status").Text() == "active" && !root.IsZero() {
			g.grant(patient, g.provision(root, 0))
		}
	}
	return nil
}

// grant notes what a provision grants the person by name.
func (g *gathering) grant(patient string, p provision) {
	g.turns(p.from)
	g.turns(p.to)
	if !p.permit || p.invalid || p.strange || !covers(p.from, p.to, g.now) {
		return
	}
	for _, inner := range p.inner {
		g.grant(patient, inner)
	}
	named := slices.ContainsFunc(p.actors, g.facts.is)
	if !named || len(p.labels)+len(p.data) > 0 || len(p.purposes) > 0 && !slices.ContainsFunc(p.purposes, func(code string) bool { return slices.Contains(treating, code) }) {
		return
	}
	if len(p.types) == 0 {
		g.ids[patient] = true
	}
	for _, typ := range p.types {
		if g.some[typ] == nil {
			g.some[typ] = map[string]bool{}
		}
		g.some[typ][patient] = true
	}
}

// grants reports whether a Consent grants something to the caller by name.
func (d *decision) grants(facts *facts, e resources.Element) bool {
	var search func(p provision) bool
	search = func(p provision) bool {
		return p.permit && slices.ContainsFunc(p.actors, facts.is) || slices.ContainsFunc(p.inner, search)
	}
	root := e.First("provision")
	return !root.IsZero() && search(d.provision(root, 0))
}
