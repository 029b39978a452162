package access

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// denial is what a patient objects to, of one type.
type denial struct {
	patient string
	labels  []coding // of which a resource must have one; none: all resources
	data    []string // of which it must be one; none: all
	except  []provision
}

// denials are the objections to what a decision would reach.
type denials struct {
	whole  *search.Targets // who object to the type as such
	narrow []denial
}

// exempt are types that no provision hides: what patients object to must be seen to be heeded and taken back, and who did
// what is for those who watch over it.
var exempt = map[string]bool{"AuditEvent": true, "Consent": true}

// objections gathers the denials of the patients in reach. Patients do not object to themselves; breaking the glass
// overrides what they object to: https://hl7.org/fhir/R4/consent.html
func (d *decision) objections(ctx context.Context) error {
	if len(d.terms) == 0 || !about(d.action.Type) || exempt[d.action.Type] {
		return nil
	}
	var reached domain
	for _, t := range d.terms {
		reached.all = reached.all || t.domain.all
		reached.sets = append(reached.sets, t.domain.sets...)
	}
	byPatient, err := d.consents(ctx, reached)
	if err != nil || len(byPatient) == 0 {
		return err
	}
	if !d.who.Backend() && d.facts == nil {
		if d.facts, err = d.known.facts(ctx, d.view); err != nil {
			return err
		}
	}
	own, _ := strings.CutPrefix(d.who.FHIRUser, "Patient/")
	var whole []string
	for id, list := range byPatient {
		if !reached.has(id) || id == own || d.facts != nil && d.facts.glass.Has(id) {
			continue
		}
		if at := turn(list, d.now); !at.IsZero() && (d.consentsUntil.IsZero() || at.Before(d.consentsUntil)) {
			d.consentsUntil = at
		}
		for _, p := range list {
			all, some := d.denies(id, p)
			if all {
				whole = append(whole, id)
			}
			d.denials.narrow = append(d.denials.narrow, some...)
		}
	}
	if len(whole) > 0 {
		d.denials.whole = newPatients(whole...)
	}
	slices.SortFunc(d.denials.narrow, func(a, b denial) int { return strings.Compare(a.patient, b.patient) })
	return nil
}

// denies is what a provision and those inside deny of the type of the decision.
func (d *decision) denies(patient string, p provision) (whole bool, narrow []denial) {
	if !d.aims(p) {
		return false, nil
	}
	if p.permit {
		for _, inner := range p.inner {
			all, some := d.denies(patient, inner)
			whole = whole || all
			narrow = append(narrow, some...)
		}
		return whole, narrow
	}
	if len(p.types) > 0 && !slices.Contains(p.types, d.action.Type) {
		return false, nil
	}
	one := denial{patient: patient, labels: p.labels, data: p.data}
	for _, inner := range p.inner {
		// an exception with exceptions of its own is none
		if inner.permit && len(inner.inner) == 0 && d.aims(inner) && (len(inner.types) == 0 || slices.Contains(inner.types, d.action.Type)) {
			if len(inner.labels)+len(inner.data) == 0 {
				return false, nil
			}
			one.except = append(one.except, inner)
		}
	}
	if len(one.labels)+len(one.data)+len(one.except) == 0 {
		return true, nil
	}
	return false, []denial{one}
}

// denied is the condition for what patients object to; nil for nothing.
func (d *decision) denied() search.Expr {
	params := d.membership()
	var either search.Or
	if d.denials.whole != nil {
		either = append(either, d.of(d.denials.whole, params))
	}
	for _, n := range d.denials.narrow {
		all := search.And{d.of(newPatients(n.patient), params)}
		all = append(all, d.extent(n.labels, n.data)...)
		for _, x := range n.except {
			all = append(all, search.Not{Of: d.extent(x.labels, x.data)})
		}
		either = append(either, all)
	}
	if len(either) == 0 {
		return nil
	}
	return either
}

// extent is the condition for resources with one of some labels, and among some.
func (d *decision) extent(labels []coding, data []string) search.And {
	var all search.And
	if len(labels) > 0 {
		test := search.Test{Param: d.options.Parameters.Lookup(d.action.Type, "_security")}
		for _, l := range labels {
			test.Any = append(test.Any, search.TokenCriterion{System: l.system, Code: l.code})
		}
		all = append(all, test)
	}
	if len(data) > 0 {
		test := search.Test{Param: d.options.Parameters.ID()}
		for _, name := range data {
			if typ, id, _ := strings.Cut(name, "/"); typ == d.action.Type {
				test.Any = append(test.Any, search.TokenCriterion{Code: id, AnySystem: true})
			}
		}
		all = append(all, test)
	}
	return all
}

// objected judges by the resource itself whether one of its patients objects.
func (d *decision) objected(e resources.Element, id string, patients []string) bool {
	name := store.Key{Type: e.Type().Name, ID: id}.String()
	if slices.ContainsFunc(patients, d.denials.whole.Has) {
		return true
	}
	return slices.ContainsFunc(d.denials.narrow, func(n denial) bool {
		return slices.Contains(patients, n.patient) && within(e, name, n.labels, n.data) &&
			!slices.ContainsFunc(n.except, func(p provision) bool { return within(e, name, p.labels, p.data) })
	})
}

func within(e resources.Element, name string, labels []coding, data []string) bool {
	labelled := len(labels) == 0 || slices.ContainsFunc(at(e, "meta.security"), func(c resources.Element) bool {
		return slices.Contains(labels, coding{c.First("system").Text(), c.First("code").Text()})
	})
	return labelled && (len(data) == 0 || slices.Contains(data, name))
}

// lifts reports whether a write takes away or changes a Consent that denies its writer something, now or in time. Patients do so
// as they please, backend services keep Consents for others, and who has broken the glass is seen to.
func (d *decision) lifts(ctx context.Context, before, after resources.Element) (bool, error) {
	if before.IsZero() || !typeIs(before, "Consent") || before.First("status").Text() != "active" || d.who.Backend() {
		return false, nil
	}
	id, ok := strings.CutPrefix(d.local(before.First("patient")), "Patient/")
	root := before.First("provision")
	if !ok || root.IsZero() || d.who.FHIRUser == "Patient/"+id {
		return false, nil
	}
	facts, err := d.known.facts(ctx, d.view)
	if err != nil || facts.glass.Has(id) {
		return false, err
	}
	judge := *d
	judge.facts = facts.inTime()
	was := d.provision(root, 0)
	if !judge.binds(was) {
		return false, nil
	}
	return after.IsZero() || after.First("status").Text() != "active" || d.local(after.First("patient")) != "Patient/"+id ||
		!reflect.DeepEqual(was, d.provision(after.First("provision"), 0)), nil
}

// binds reports whether a provision, or one inside, denies the caller something at some time.
func (d *decision) binds(p provision) bool {
	p.from, p.to = provision{}.from, provision{}.to
	if !d.aims(p) {
		return false
	}
	return !p.permit || slices.ContainsFunc(p.inner, d.binds)
}
