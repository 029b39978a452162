package access

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"kiln/auth"
	"kiln/fhir"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// DisagreementError says that the second look held back what the predicate had let through, or the other way round. It
// names no resource.
type DisagreementError struct {
	Type        string
	Interaction fhir.Interaction
}

// Error names the type and the interaction.
func (e *DisagreementError) Error() string {
	return fmt.Sprintf("the two decisions about a %s disagree (%s): it was not shown", e.Type, e.Interaction)
}

// verify is the second look at a resource that is about to leave.
func (d *decision) verify(ctx context.Context, v store.Version) error {
	t, e, err := d.traitsOf(v)
	if err != nil {
		return err
	}
	allowed, decided := d.admits(t)
	if !decided {
		if e.IsZero() {
			if e, err = parsed(v); err != nil {
				return err
			}
		}
		allowed = t.typ == d.action.Type && d.allows(e, v.ID)
	}
	if !allowed {
		return d.disagree(ctx)
	}
	if trail := auth.TrailFrom(ctx); trail != nil {
		trail.Disclose(v.Type, v.ID, t.patients)
		for _, p := range t.patients {
			if d.broke(p) {
				trail.Broke(p)
			}
		}
	}
	return nil
}

// broke reports whether the glass is broken for a patient: whatever else the caller may see of theirs.
func (d *decision) broke(patient string) bool { return d.facts != nil && d.facts.glass.Has(patient) }

func (d *decision) disagree(ctx context.Context) error {
	d.disagreed.Add(1)
	err := &DisagreementError{Type: d.action.Type, Interaction: d.action.Interaction}
	request, _ := ctx.Value(fhir.RequestIDKey{}).(string)
	d.options.Logger.LogAttrs(ctx, slog.LevelError, "ALERT: access decisions disagree; nothing was shown", slog.String("request", request),
		slog.String("type", err.Type), slog.String("interaction", string(err.Interaction)), slog.String("token", d.who.TokenID))
	return err
}

// allows decides by the resource itself.
func (d *decision) allows(e resources.Element, id string) bool {
	patients := d.patientsOf(e, id)
	if !slices.ContainsFunc(d.terms, func(t term) bool { return d.reaches(t, e, patients) }) {
		return false
	}
	if slices.ContainsFunc(confidentialities(e), func(code string) bool { return slices.Contains(d.withheld, code) }) {
		return false
	}
	return !d.objected(e, id, patients)
}

// reaches decides whether one term reaches a resource of some patients.
func (d *decision) reaches(t term, e resources.Element, patients []string) bool {
	if !meets(e, t.query) {
		return false
	}
	if e.Type().Name == "Binary" {
		return d.reachesContext(t, e)
	}
	return t.domain.all || slices.ContainsFunc(patients, t.domain.has) || nobodys(e)
}

// reachesContext judges a Binary whose securityContext is a patient; any other was judged when it was asked for.
func (d *decision) reachesContext(t term, e resources.Element) bool {
	id, ok := strings.CutPrefix(d.local(e.First("securityContext")), "Patient/")
	return !ok || t.domain.has(id)
}

// meets judges the query of a scope as far as it asks for categories, which are what people are offered; other conditions
// are left to the predicate.
func meets(e resources.Element, query string) bool {
	for part := range strings.SplitSeq(query, "&") {
		name, escaped, _ := strings.Cut(part, "=")
		wanted, err := url.QueryUnescape(escaped)
		if name != "category" || err != nil || strings.Contains(wanted, `\`) {
			continue
		}
		if !inCategory(e, strings.Split(wanted, ",")) {
			return false
		}
	}
	return true
}

func inCategory(e resources.Element, wanted []string) bool {
	for _, coding := range append(at(e, "category.coding"), at(e, "category")...) {
		system, code := coding.First("system").Text(), coding.First("code").Text()
		if coding.Type() != nil && coding.Type().Name == "code" {
			code = coding.Text()
		}
		if code == "" {
			continue
		}
		for _, w := range wanted {
			s, c, both := strings.Cut(w, "|")
			if !both && w == code || both && s == system && (c == code || c == "") {
				return true
			}
		}
	}
	return false
}

// mayWrite judges what a write would make of a resource; after is zero for a delete. Beyond what the predicate asks of both images, a write names no
// patient anew who is out of reach, attaches no Binary that is, lifts no denial of its writer, and relates nobody to themselves.
func (d *decision) mayWrite(ctx context.Context, key store.Key, before, after resources.Element) error {
	if lifts, err := d.lifts(ctx, before, after); err != nil {
		return err
	} else if lifts {
		return outcome.New(outcome.Forbidden, "You may not change or delete %s: it denies you something, and is for the patient, or for somebody whom it denies nothing, to take back.", key)
	}
	if after.IsZero() {
		return nil
	}
	if !d.allows(after, key.ID) {
		if after.Type().Name == "Binary" { // no predicate looks into one
			return outcome.New(outcome.Forbidden, "You may not write this content to %s.", key)
		}
		return d.disagree(ctx)
	}
	var named []string
	if !before.IsZero() {
		named = d.patientsOf(before, key.ID)
	}
	for _, id := range d.patientsOf(after, key.ID) {
		if !slices.Contains(named, id) && !slices.ContainsFunc(d.terms, func(t term) bool { return t.domain.has(id) }) {
			return outcome.New(outcome.Forbidden, "You may not write this content to %s: it names a patient whom you do not reach.", key)
		}
	}
	if err := d.mayAttach(ctx, key, before, after); err != nil {
		return err
	}
	if d.who.Backend() || !d.rank.Relates() {
		return nil
	}
	facts, err := d.known.facts(ctx, d.view)
	if err != nil {
		return err
	}
	if d.relatesSelf(facts.inTime(), before, after) {
		return outcome.New(outcome.Forbidden, "You may not write this content to %s: it would relate yourself to a patient whom you do not reach.", key)
	}
	return nil
}

// relatesSelf reports whether a write makes its writer reach patients who are out of reach. Having broken the glass is no
// relation: it would not end.
func (d *decision) relatesSelf(facts *facts, before, after resources.Element) bool {
	typ := after.Type().Name
	switch typ {
	case "PractitionerRole":
		return facts.is(d.local(after.First("practitioner"))) || !before.IsZero() && facts.is(d.local(before.First("practitioner")))
	case "Location":
		ward := d.local(after.First("partOf"))
		return facts.wards[ward] && (before.IsZero() || d.local(before.First("partOf")) != ward)
	case "Consent":
		return d.grants(facts, after) && (before.IsZero() || !d.grants(facts, before))
	}
	s := relating[typ]
	if s == nil || !d.names(facts, s, after) {
		return false
	}
	for _, id := range s.patients(d.Authorizer, after) {
		if !facts.related.Has(id) {
			return true
		}
	}
	return false
}

// names reports whether a resource of a relating type names the caller where that relates them.
func (d *decision) names(facts *facts, s *source, e resources.Element) bool {
	for _, path := range s.people {
		if slices.ContainsFunc(at(e, path), func(r resources.Element) bool { return facts.is(d.local(r)) }) {
			return true
		}
	}
	return typeIs(e, "Encounter") && slices.ContainsFunc(at(e, "location.location"), func(r resources.Element) bool { return facts.wards[d.local(r)] })
}

func typeIs(e resources.Element, name string) bool { return e.Type().Name == name }
