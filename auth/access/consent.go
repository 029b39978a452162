package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/search"
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
