package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/search"
)

// source is one kind of resource that relates people to patients.
type source struct {
	param  string              // by which those that name a person are found
	status map[string][]string // token parameters that must have one of some codes, to find fewer
	people []string            // elements that name people
	holds  func(g *gathering, e resources.Element) bool
	// patients are those whom the resource relates them to.
	patients func(a *Authorizer, e resources.Element) []string
}

// relating are the types that relate people to patients, besides Consents that grant access and the wards of roles.
var relating = map[string]*source{
	"CareTeam": {
		param: "participant", status: map[string][]string{"status": {"active"}}, people: []string{"participant.member"},
		holds: func(g *gathering, e resources.Element) bool {
			return e.First("status").Text() == "active" && g.during(e.First("period")) && g.taking(e, "participant", "member")
		},
		patients: named("subject"),
	},
	"Encounter": {
		param: "participant", status: map[string][]string{"status": {"in-progress"}}, people: []string{"participant.individual"},
		holds: func(g *gathering, e resources.Element) bool {
			return e.First("status").Text() == "in-progress" && g.taking(e, "participant", "individual")
		},
		patients: named("subject"),
	},
	"Patient": {
		param: "general-practitioner", people: []string{"generalPractitioner"},
		holds: func(g *gathering, e resources.Element) bool {
			return slices.ContainsFunc(at(e, "generalPractitioner"), func(r resources.Element) bool { return g.facts.is(g.local(r)) })
		},
		patients: func(_ *Authorizer, e resources.Element) []string { return []string{e.First("id").Text()} },
	},
	"EpisodeOfCare": {
		param: "care-manager", status: map[string][]string{"status": {"active"}}, people: []string{"careManager"},
		holds: func(g *gathering, e resources.Element) bool {
			return e.First("status").Text() == "active" && g.during(e.First("period")) && g.facts.is(g.local(e.First("careManager")))
		},
		patients: named("patient"),
	},
	"Appointment": {
		param: "actor", status: map[string][]string{"status": appointed}, people: []string{"participant.actor"},
		holds: func(g *gathering, e resources.Element) bool {
			return slices.Contains(appointed, e.First("status").Text()) && g.around(e) && g.attending(e)
		},
		patients: named("participant.actor"),
	},
}

// appointed are the states of an Appointment that is to take place or does: https://hl7.org/fhir/R4/valueset-appointmentstatus.html
var appointed = []string{"booked", "arrived", "checked-in", "fulfilled"}

// named gives the patients that an element names.
func named(path string) func(*Authorizer, resources.Element) []string {
	return func(a *Authorizer, e resources.Element) []string {
		var ids []string
		for _, reference := range at(e, path) {
			if id, ok := strings.CutPrefix(a.local(reference), "Patient/"); ok {
				ids = append(ids, id)
			}
		}
		return ids
	}
}

// taking reports whether the person is one of the participants at the moment.
func (g *gathering) taking(e resources.Element, list, who string) bool {
	took := false
	for p := range e.Child(list) {
		took = g.facts.is(g.local(p.First(who))) && g.during(p.First("period")) || took
	}
	return took
}

// attending reports whether the person takes part in an Appointment and has not declined.
func (g *gathering) attending(e resources.Element) bool {
	for p := range e.Child("participant") {
		if g.facts.is(g.local(p.First("actor"))) && p.First("status").Text() != "declined" && g.during(p.First("period")) {
			return true
		}
	}
	return false
}

// around reports whether the moment is near an Appointment, as near as the policy says.
func (g *gathering) around(e resources.Element) bool {
	start, err := datatypes.ParseDateTime(e.First("start").Text())
	if err != nil {
		return false
	}
	from, to := start.Range(g.options.Zone)
	if end, err := datatypes.ParseDateTime(e.First("end").Text()); err == nil {
		_, to = end.Range(g.options.Zone)
	}
	before, after := g.policy.Appointments()
	from, to = from.Add(-before), to.Add(after)
	g.turns(from)
	g.turns(to)
	return covers(from, to, g.now)
}

// roles notes the roles of the person that are in force, with their wards: https://hl7.org/fhir/R4/practitionerrole.html
func (g *gathering) roles(ctx context.Context) error {
	me := []search.Criterion{reference(g.who.FHIRUser)}
	for v, err := range found(ctx, g.reader, "PractitionerRole", g.test("PractitionerRole", "practitioner", me)) {
		if err != nil {
			return err
		}
		e, err := parsed(v)
		if err != nil {
			return err
		}
		if g.local(e.First("practitioner")) != g.who.FHIRUser {
			continue
		}
		identities, organizations, wards := g.facts.identities, g.facts.organizations, g.facts.wards
		if e.First("active").Text() == "false" || !g.during(e.First("period")) {
			identities, organizations, wards = g.facts.ever, g.facts.evermore, g.facts.evermore
		}
		identities["PractitionerRole/"+v.ID] = true
		if of := g.local(e.First("organization")); of != "" {
			organizations[of] = true
		}
		for _, location := range at(e, "location") {
			if ward := g.local(location); ward != "" {
				wards[ward] = true
			}
		}
	}
	return g.rooms(ctx)
}

// maxDepth is how deep a ward may be parted into rooms and beds.
const maxDepth = 8

// rooms adds what is part of the wards: https://hl7.org/fhir/R4/location-definitions.html#Location.partOf
func (g *gathering) rooms(ctx context.Context) error {
	above := keys(g.facts.wards)
	for depth := 0; depth < maxDepth && len(above) > 0; depth++ {
		filter := g.test("Location", "partof", references(above))
		above = nil
		for v, err := range found(ctx, g.reader, "Location", filter) {
			if err != nil {
				return err
			}
			if name := v.Key.String(); !g.facts.wards[name] {
				g.facts.wards[name] = true
				above = append(above, name)
			}
		}
	}
	return nil
}

// relations notes the patients whom the person is related to.
func (g *gathering) relations(ctx context.Context) error {
	me := references(keys(g.facts.identities))
	for typ, s := range relating {
		filter := search.And{g.test(typ, s.param, me)}
		for code, values := range s.status {
			filter = append(filter, g.test(typ, code, tokens(values)))
		}
		if typ == "Appointment" {
			filter = append(filter, g.near())
		}
		for v, err := range found(ctx, g.reader, typ, filter) {
			if err != nil {
				return err
			}
			e, err := parsed(v)
			if err != nil {
				return err
			}
			if s.holds(g, e) {
				for _, id := range s.patients(g.Authorizer, e) {
					g.ids[id] = true
				}
			}
		}
	}
	if err := g.onWards(ctx); err != nil {
		return err
	}
	return g.byConsent(ctx, me)
}

// near finds the Appointments that may relate somebody at the moment or before the facts are gathered anew.
func (g *gathering) near() search.Expr {
	before, after := g.policy.Appointments()
	day := 24 * time.Hour // an Appointment without an end, or one that lasts for long
	low, high := g.now.Add(-after-31*day), g.now.Add(before+horizon)
	date := func(p search.Prefix, t time.Time) search.Expr {
		return g.test("Appointment", "date", []search.Criterion{search.DateCriterion{Prefix: p, Low: t.UnixMicro(), High: t.UnixMicro() + 1}})
	}
	return search.And{date(search.Ge, low), date(search.Le, high)}
}

// onWards notes the patients whose running encounters are on the wards.
func (g *gathering) onWards(ctx context.Context) error {
	if len(g.facts.wards) == 0 {
		return nil
	}
	filter := search.And{
		g.test("Encounter", "location", references(keys(g.facts.wards))), g.test("Encounter", "status", tokens([]string{"in-progress"})),
	}
	for v, err := range found(ctx, g.reader, "Encounter", filter) {
		if err != nil {
			return err
		}
		e, err := parsed(v)
		if err != nil {
			return err
		}
		if e.First("status").Text() == "in-progress" && g.lies(e) {
			for _, id := range named("subject")(g.Authorizer, e) {
				g.ids[id] = true
			}
		}
	}
	return nil
}

// lies reports whether an encounter is on one of the wards at the moment.
func (g *gathering) lies(e resources.Element) bool {
	here := false
	for l := range e.Child("location") {
		status := l.First("status").Text()
		now := g.during(l.First("period")) && (status == "" || status == "active")
		here = here || now && g.facts.wards[g.local(l.First("location"))]
	}
	return here
}

func (a *Authorizer) test(typ, code string, criteria []search.Criterion) search.Expr {
	return search.Test{Param: a.options.Parameters.Lookup(typ, code), Any: criteria}
}

func reference(text string) search.Criterion {
	typ, id, _ := strings.Cut(text, "/")
	return search.ReferenceCriterion{Type: typ, ID: id}
}

func references(list []string) []search.Criterion {
	slices.Sort(list)
	criteria := make([]search.Criterion, len(list))
	for i, text := range list {
		criteria[i] = reference(text)
	}
	return criteria
}

func tokens(codes []string) []search.Criterion {
	criteria := make([]search.Criterion, len(codes))
	for i, code := range codes {
		criteria[i] = search.TokenCriterion{Code: code, AnySystem: true}
	}
	return criteria
}
