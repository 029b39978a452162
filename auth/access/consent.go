package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/search"
	"kiln/store"
)

// provision is one rule of a Consent: https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
type provision struct {
	permit   bool
	from, to time.Time
	invalid  bool // its period cannot be read
	actors   []string
	unnamed  bool // some actor is none of this server
	purposes []string
	types    []string
	labels   []coding
	data     []string
	strange  bool // it has a condition that is not judged here
	inner    []provision
}

type coding struct{ system, code string }

// denies reports whether something in a provision may deny anything.
func (p provision) denies() bool {
	return !p.permit || slices.ContainsFunc(p.inner, provision.denies)
}

// consents are the provisions of active Consents that deny something, by patient.
type consents struct {
	epoch     uint64
	byPatient map[string][]provision
}

// turn is when something first begins or ends in provisions after a moment; zero for never.
func turn(list []provision, after time.Time) (first time.Time) {
	for _, p := range list {
		for _, at := range []time.Time{p.from, p.to, turn(p.inner, after)} {
			if at.After(after) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

const resourceTypes = "http://hl7.org/fhir/resource-types"

// consents gives the provisions that deny something to somebody, of the patients of some sets or of all. The map may have more than was asked for.
func (d *decision) consents(ctx context.Context, of domain) (map[string][]provision, error) {
	k := &d.known
	if d.options.Store.Shared() {
		return once(ctx, "access/consents "+of.name(), func() (map[string][]provision, error) { return d.readConsents(ctx, of) })
	}
	epoch := k.epoch.Load()
	k.mutex.Lock()
	kept := k.consents
	k.mutex.Unlock()
	if kept != nil && kept.epoch == epoch {
		return kept.byPatient, nil
	}
	all, err := d.readConsents(ctx, domain{all: true})
	if err != nil {
		return nil, err
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.consents = &consents{epoch, all}
	return all, nil
}

func (a *Authorizer) readConsents(ctx context.Context, of domain) (map[string][]provision, error) {
	filter := a.test("Consent", "status", tokens([]string{"active"}))
	if !of.all {
		var who search.Or
		for _, set := range of.sets {
			who = append(who, search.Among{Params: []*search.Parameter{a.options.Parameters.Lookup("Consent", "patient")}, Targets: set})
		}
		filter = search.And{filter, who}
	}
	byPatient := map[string][]provision{}
	for v, err := range found(ctx, a.options.Store, "Consent", filter) {
		if err != nil {
			return nil, err
		}
		e, err := parsed(v)
		if err != nil {
			return nil, err
		}
		root := e.First("provision")
		if id, ok := strings.CutPrefix(a.local(e.First("patient")), "Patient/"); ok && !root.IsZero() {
			if p := a.provision(root, 0); p.denies() {
				byPatient[id] = append(byPatient[id], p)
			}
		}
	}
	return byPatient, nil
}

// maxProvisions is how deep provisions are read; those deeper make the one around them strange.
const maxProvisions = 8

func (a *Authorizer) provision(e resources.Element, depth int) provision {
	p := provision{permit: e.First("type").Text() == "permit"}
	var ok bool
	p.from, p.to, ok = span(e.First("period"), a.options.Zone)
	p.invalid = !ok
	for actor := range e.Child("actor") {
		if to := a.local(actor.First("reference")); to != "" {
			p.actors = append(p.actors, to)
		} else {
			p.unnamed = true
		}
	}
	for purpose := range e.Child("purpose") {
		p.purposes = append(p.purposes, purpose.First("code").Text())
	}
	for class := range e.Child("class") {
		name := class.First("code").Text()
		if class.First("system").Text() != resourceTypes || definitions.R4().Resource(name) == nil {
			p.strange = true
			continue
		}
		p.types = append(p.types, name)
	}
	for label := range e.Child("securityLabel") {
		p.labels = append(p.labels, coding{label.First("system").Text(), label.First("code").Text()})
	}
	for data := range e.Child("data") {
		if to := a.local(data.First("reference")); to != "" {
			p.data = append(p.data, to)
		} else {
			p.strange = true
		}
	}
	p.strange = p.strange || !e.First("code").IsZero() || !e.First("dataPeriod").IsZero() || !e.First("action").IsZero()
	for inner := range e.Child("provision") {
		if depth == maxProvisions {
			p.strange = true
			break
		}
		p.inner = append(p.inner, a.provision(inner, depth+1))
	}
	return p
}

// treating are the purposes for which people ask; a provision for other purposes alone is not for them.
// https://hl7.org/fhir/R4/v3/PurposeOfUse/vs.html
var treating = []string{"TREAT", "ETREAT", "HOPERAT", "HPAYMT", "CAREMGT", "COC"}

// aims reports whether a provision is for the caller and the moment. What cannot be judged counts where it denies, and does
// not where it permits.
func (d *decision) aims(p provision) bool {
	if p.invalid {
		return !p.permit
	}
	if !covers(p.from, p.to, d.now) {
		return false
	}
	if p.permit && p.strange {
		return false
	}
	if len(p.purposes) > 0 && !d.who.Backend() && !slices.ContainsFunc(p.purposes, func(code string) bool { return slices.Contains(treating, code) }) {
		return false
	}
	if len(p.actors) == 0 && !p.unnamed {
		return true
	}
	return slices.ContainsFunc(p.actors, func(name string) bool { return d.acts(name, p.permit) })
}

// acts reports whether an actor is the caller, by itself or by the organization of a role. A group of people may hold the
// caller: where it is denied something, the caller is.
func (d *decision) acts(name string, permitted bool) bool {
	typ, _, _ := strings.Cut(name, "/")
	if !permitted && (typ == "Group" || typ == "CareTeam") {
		return true
	}
	if d.facts == nil {
		return name == d.who.FHIRUser
	}
	return d.facts.is(name) || d.facts.organizations[name]
}

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
