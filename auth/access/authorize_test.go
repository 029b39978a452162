package access_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kiln/auth"
	"kiln/auth/access"
	"kiln/auth/scope"
	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources/outcome"
	"kiln/store"
)

// Nobody gets 401; who lacks a scope 403 with the scope that would do; who lacks the right 403.
func TestWhoMayTry(t *testing.T) {
	h := open(t, "memory")
	staff := func(scopes ...scope.Scope) context.Context {
		return h.principal(auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d", Scopes: scopes})
	}
	reading := scope.Scope{Level: scope.User, Type: "Observation", Permissions: scope.Read}
	writing := scope.Scope{Level: scope.User, Type: "*", Permissions: scope.Create | scope.Update}
	system := scope.Scope{Level: scope.System, Type: "*", Permissions: all}
	for _, c := range []struct {
		name   string
		ctx    context.Context
		action fhir.Action
		want   outcome.Code
		scope  string // of the challenge
	}{
		{"nobody", t.Context(), fhir.Action{Interaction: fhir.Read, Type: "Patient", ID: "p"}, outcome.Login, ""},
		{"nobody, operation", t.Context(), fhir.Action{Interaction: fhir.Operate, Operation: "validate"}, outcome.Login, ""},
		{"nobody, batch", t.Context(), fhir.Action{Interaction: fhir.Batch}, outcome.Login, ""},
		{"read", staff(reading), fhir.Action{Interaction: fhir.Read, Type: "Observation", ID: "o"}, "", ""},
		{"vread", staff(reading), fhir.Action{Interaction: fhir.VRead, Type: "Observation", ID: "o"}, "", ""},
		{"history of one", staff(reading), fhir.Action{Interaction: fhir.HistoryInstance, Type: "Observation", ID: "o"}, "", ""},
		{"read for search", staff(reading), fhir.Action{Interaction: fhir.SearchType, Type: "Observation"}, outcome.Forbidden, "user/Observation.s"},
		{"read for history of a type", staff(reading), fhir.Action{Interaction: fhir.HistoryType, Type: "Observation"}, outcome.Forbidden, "user/Observation.s"},
		{"read for history of all", staff(reading), fhir.Action{Interaction: fhir.HistorySystem}, outcome.Forbidden, "user/*.s"},
		{"read for delete", staff(reading), fhir.Action{Interaction: fhir.Delete, Type: "Observation", ID: "o"}, outcome.Forbidden, "user/Observation.d"},
		{"patch is an update", staff(writing), fhir.Action{Interaction: fhir.Patch, Type: "Observation", ID: "o"}, "", ""},
		{"another type", staff(reading), fhir.Action{Interaction: fhir.Read, Type: "Condition", ID: "o"}, outcome.Forbidden, "user/Condition.r"},
		{"system scopes are not for people", staff(system), fhir.Action{Interaction: fhir.Read, Type: "Condition", ID: "o"}, outcome.Forbidden, "user/Condition.r"},
		{"user scopes are not for services", h.principal(auth.Principal{Scopes: scope.Set{reading}}), fhir.Action{Interaction: fhir.Read, Type: "Observation", ID: "o"}, outcome.Forbidden, "user/Observation.r"},
		{"a service", h.root(), fhir.Action{Interaction: fhir.HistorySystem}, "", ""},
		{"a service writes no AuditEvents", h.root(), fhir.Action{Interaction: fhir.Create, Type: "AuditEvent"}, outcome.Forbidden, ""},
		{"nor deletes one", h.root(), fhir.Action{Interaction: fhir.Delete, Type: "AuditEvent", ID: "a"}, outcome.Forbidden, ""},
		{"the rank", h.person("clerk", "Practitioner/c"), fhir.Action{Interaction: fhir.Read, Type: "Observation", ID: "o"}, outcome.Forbidden, ""},
		{"a rank that is not there", h.person("king", "Practitioner/c"), fhir.Action{Interaction: fhir.Read, Type: "Patient", ID: "o"}, outcome.Forbidden, ""},
		{"no rank", h.person("", "Practitioner/c"), fhir.Action{Interaction: fhir.Read, Type: "Patient", ID: "o"}, outcome.Forbidden, ""},
		{"administration", h.person("director", "Practitioner/c"), fhir.Action{Interaction: fhir.Read, Type: "Patient", ID: "o"}, outcome.Forbidden, ""},
		{"indexing", h.person("clinician", "Practitioner/c"), fhir.Action{Interaction: fhir.Operate, Operation: "reindex"}, outcome.Forbidden, ""},
		{"indexing by who may", h.principal(auth.Principal{User: "a", Rank: "administrator", Scopes: scope.Set{{Text: scope.Administration}}}), fhir.Action{Interaction: fhir.Operate, Operation: "reindex"}, "", ""},
		{"indexing by an app without the scope", h.person("administrator", ""), fhir.Action{Interaction: fhir.Operate, Operation: "reindex"}, outcome.Forbidden, "administration"},
		{"at Kiln's own pages no scope limits", auth.NewContext(t.Context(), &auth.Principal{User: "d", Rank: "nurse"}), fhir.Action{Interaction: fhir.SearchType, Type: "Patient"}, "", ""},
	} {
		err := h.authorizer.Authorize(c.ctx, c.action)
		if got := code(err); got != c.want {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
		var challenge *auth.Challenge
		if errors.As(err, &challenge) != (c.scope != "" || c.want == outcome.Login) || challenge != nil && challenge.Scope != c.scope {
			t.Errorf("%s: the challenge is %+v; want the scope %q", c.name, challenge, c.scope)
		}
	}
}

func code(err error) outcome.Code {
	if err == nil {
		return ""
	}
	return outcome.As(err).Code()
}

// Whatever is asked without a token is refused before anything is looked at.
func TestNobodyLearnsNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		leaky(h)
		handler := h.handler()
		for name, attack := range attacks {
			status, body := do(handler, "", request(braces.ReplaceAllString(string(attack), "$1")))
			if status != 401 && !strings.HasPrefix(name, "batch") || strings.Contains(body, "Zyx") && !strings.Contains(string(attack), "Zyx") {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
		if status, _ := do(handler, "", "GET /metadata"); status != 200 {
			t.Errorf("the CapabilityStatement: %d", status)
		}
	})
}

// patient/ scopes bind to the patient in context, whomever else the person reaches; the rank still decides.
func TestPatientScopesBind(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		set := scope.Set{{Level: scope.Patient, Type: "*", Permissions: all}}
		for patient, want := range map[string]string{"p": "p op sp both cp", "q": "q oq sq both cq", "": "", "z": ""} {
			if got := h.sees(auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d", Patient: patient, Scopes: set}); !same(got, want) {
				t.Errorf("with %q in context: sees %s; want %s", patient, got, want)
			}
		}
		if got, err := h.found(h.principal(auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d", Patient: "p", Scopes: set}), "Practitioner", ""); err != nil || got != "Practitioner/d Practitioner/e" {
			t.Errorf("of what is shared: sees %s, %v", got, err)
		}
	})
}

// A paging link is for whom it was given to, and shows nothing once the relation has ended.
func TestPagingEndsWithTheRelation(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		d := func() context.Context { return h.person("clinician", "Practitioner/d") }
		for _, typ := range []string{"Observation", "Condition"} {
			h.put(`{"resourceType":"Patient","id":"q","generalPractitioner":[{"reference":"Practitioner/d"}]}`)
			page, err := h.Search(d(), fhir.SearchRequest{Type: typ, Query: "_count=1"})
			if err != nil {
				t.Fatal(err)
			}
			next := ""
			for _, link := range page.Links {
				if link.Relation == "next" {
					_, next, _ = strings.Cut(link.URL, "?")
				}
			}
			if found, err := h.found(d(), typ, next); err != nil || found == "" {
				t.Errorf("the next page: %s, %v", found, err)
			}
			if found, err := h.found(h.person("clinician", "Practitioner/e"), typ, next); err == nil {
				t.Errorf("somebody else gets %s", found)
			}
			h.put(`{"resourceType":"Patient","id":"q","active":true}`)
			for range 5 {
				found, _ := h.found(d(), typ, next)
				for _, hidden := range []string{"oq", "sq", "cq"} {
					if strings.Contains(found, hidden) {
						t.Errorf("the link still shows %s", found)
					}
				}
			}
		}
	})
}

// The glass is broken for one person, one patient and a short time, with a reason, and says so.
func TestBreakGlass(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		h.put(`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"Patient","id":"p"}`, observation("o", "p"), `{"resourceType":"Patient","id":"q"}`,
			consent("deny", `"purpose":[{"code":"TREAT"}]`))
		d := auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d"}
		sees := func(p auth.Principal) bool { return h.reads(h.principal(p), "Observation/o") }
		if sees(d) {
			t.Error("o is seen before")
		}
		call := func(ctx context.Context, id, parameters string) (fhir.OperationResult, error) {
			return h.Operate(ctx, fhir.OperationRequest{Name: "break-glass", Type: "Patient", ID: id, Post: true, Body: h.doc(`{"resourceType":"Parameters","parameter":[` + parameters + `]}`)})
		}
		const why = `{"name":"reason","valueCoding":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"ETREAT"}}`
		const said = `{"name":"comment","valueString":"Found unconscious."}`
		old := d
		for name, c := range map[string]struct {
			ctx        context.Context
			id, params string
			code       outcome.Code
			stage      outcome.Stage
		}{
			"no comment":       {h.principal(d), "p", why, outcome.Required, outcome.StageContent},
			"an empty comment": {h.principal(d), "p", why + `,{"name":"comment","valueString":" "}`, outcome.Required, outcome.StageContent},
			"no reason":        {h.principal(d), "p", said, outcome.Required, outcome.StageContent},
			"another reason":   {h.principal(d), "p", said + `,{"name":"reason","valueCoding":{"system":"urn:x","code":"ETREAT"}}`, outcome.Value, outcome.StageContent},
			"no such patient":  {h.principal(d), "z", why + "," + said, outcome.NotFound, 0},
			"a clerk":          {h.person("clerk", "Practitioner/d"), "p", why + "," + said, outcome.Forbidden, 0},
			"a patient":        {h.person("patient", "Patient/q"), "p", why + "," + said, outcome.Forbidden, 0},
			"a service":        {h.root(), "p", why + "," + said, outcome.Forbidden, 0},
			"nobody":           {t.Context(), "p", why + "," + said, outcome.Login, 0},
			"no scope": {
				h.principal(auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d", Scopes: scope.Set{{Level: scope.User, Type: "Observation", Permissions: all}}}),
				"p", why + "," + said, outcome.Forbidden, 0,
			},
			"an old sign-in": {auth.NewContext(t.Context(), &old), "p", why + "," + said, outcome.Login, 0},
		} {
			_, err := call(c.ctx, c.id, c.params)
			if code(err) != c.code || outcome.As(err).Stage != c.stage {
				t.Errorf("%s: %v", name, err)
			}
			if name == "an old sign-in" {
				var challenge *auth.Challenge
				if !errors.As(err, &challenge) || challenge.Code != "insufficient_user_authentication" || challenge.MaxAge != 15*time.Minute {
					t.Errorf("%s: %+v", name, challenge)
				}
			}
		}
		if len(h.broken) != 0 || sees(d) {
			t.Error("the glass is broken")
		}
		result, err := call(h.principal(d), "p", why+","+said)
		if err != nil || !strings.Contains(string(result.Resource), `"name":"expires","valueInstant":"2024-05-06T13:00:`) {
			t.Fatalf("%s, %v", result.Resource, err)
		}
		if len(h.broken) != 1 || h.broken[0].Patient != "p" || h.broken[0].Comment != "Found unconscious." || h.broken[0].Reason != "ETREAT" {
			t.Errorf("heard %+v", h.broken)
		}
		other, narrow := d, d
		other.User, other.FHIRUser = "e", "Practitioner/e"
		narrow.Scopes = scope.Set{{Level: scope.User, Type: "Condition", Permissions: all}}
		if !sees(d) || sees(other) || sees(narrow) || h.reads(h.principal(d), "Patient/q") {
			t.Error("the glass is broken for others, for another patient, beyond scopes, or not at all")
		}
		trail := &auth.Trail{}
		if _, err := h.Read(auth.WithTrail(h.principal(d), trail), key("Observation/o")); err != nil {
			t.Error(err)
		}
		trail.Disclosed(func(patient, resource string, broken bool) {
			if patient != "p" || resource != "Observation/o" || !broken {
				t.Errorf("noted is %s of %s, the glass broken: %t", resource, patient, broken)
			}
		})
		team := h.doc(`{"resourceType":"CareTeam","status":"active","subject":{"reference":"Patient/p"},"participant":[{"member":{"reference":"Practitioner/d"}}]}`)
		if _, err := h.Create(h.principal(d), fhir.CreateRequest{Type: "CareTeam", Resource: team}); !outcome.Is(err, outcome.Forbidden) {
			t.Errorf("it can be made to last: %v", err)
		}
		if n := h.authorizer.Broken(); n != 1 {
			t.Errorf("broken %d times", n)
		}
		reviewed(t, h)
		h.pass(59 * time.Minute)
		if !sees(d) {
			t.Error("it ended early")
		}
		h.pass(2 * time.Minute)
		if sees(d) {
			t.Error("it did not end")
		}
	})
}

// TestWhoFindsNobodyIsToldOfTheGlass: those who may break it, in the same words whether there is such a patient or not.
func TestWhoFindsNobodyIsToldOfTheGlass(t *testing.T) {
	h := open(t, "memory")
	h.put(`{"resourceType":"Patient","id":"p"}`)
	h.put(`{"resourceType":"Patient","id":"mine","generalPractitioner":[{"reference":"Practitioner/d"}]}`)
	told := func(ctx context.Context, typ, query string) string {
		bundle, err := h.Search(ctx, fhir.SearchRequest{Type: typ, Query: query})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range bundle.Entries {
			if e.Mode == "outcome" {
				return string(e.Resource)
			}
		}
		return ""
	}
	doctor := h.person("clinician", "Practitioner/d")
	hidden, none := told(doctor, "Patient", "_id=p"), told(doctor, "Patient", "_id=nobody")
	if !strings.Contains(hidden, `"suppressed"`) || !strings.Contains(hidden, "$break-glass") || hidden != none {
		t.Errorf("of a patient who is hidden %q, of nobody %q", hidden, none)
	}
	for what, got := range map[string]string{
		"a patient who is found": told(doctor, "Patient", "_id=mine"), "a number": told(doctor, "Patient", "_id=p&_summary=count"),
		"another type": told(doctor, "Observation", "patient=p"), "a clerk": told(h.person("clerk", "Practitioner/d"), "Patient", "_id=nobody"),
		"a patient": told(h.person("patient", "Patient/q"), "Patient", "_id=p"), "a service": told(h.root(), "Patient", "_id=nobody"),
	} {
		if got != "" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// reviewed looks at the one breaking of the glass, which d did to p.
func reviewed(t *testing.T, h *hospital) {
	t.Helper()
	open, err := h.authorizer.ToReview(t.Context(), 10)
	if err != nil || len(open) != 1 || open[0].User != "d" || open[0].Patient != "p" || open[0].Reason != "ETREAT" || open[0].Comment != "Found unconscious." {
		t.Fatalf("to review are %+v, %v", open, err)
	}
	id := open[0].ID
	for _, c := range []struct {
		id, by string
		want   error
	}{{id, "d", access.ErrOwnReview}, {"nothing", "officer", access.ErrReviewed}, {id, "officer", nil}, {id, "another", access.ErrReviewed}} {
		if err := h.authorizer.Review(t.Context(), c.id, c.by, "As it should be."); !errors.Is(err, c.want) {
			t.Errorf("a review of %s by %s: %v, want %v", c.id, c.by, err, c.want)
		}
	}
	open, err = h.authorizer.ToReview(t.Context(), 10)
	done, other := h.authorizer.Reviewed(t.Context(), 10)
	if err != nil || other != nil || len(open) != 0 || len(done) != 1 || done[0].By != "officer" || done[0].Note != "As it should be." || done[0].Patient != "p" || done[0].ID != id {
		t.Errorf("then %+v are to review and %+v are done: %v, %v", open, done, err, other)
	}
}

// Nobody writes what would relate themselves to a patient out of their reach, nor lets themselves be granted what they reach.
func TestNobodyRelatesThemselves(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		h.change(`- {types: [demographics, scheduling], may: crus, reach: related}`, `- {types: [directory, scheduling], may: crus, reach: all}`)
		h.put(`{"resourceType":"Patient","id":"z"}`, `{"resourceType":"Location","id":"w"}`, `{"resourceType":"Location","id":"b"}`,
			`{"resourceType":"PractitionerRole","id":"mine","practitioner":{"reference":"Practitioner/d"},"location":[{"reference":"Location/w"}]}`)
		for _, text := range []string{
			`{"resourceType":"Appointment","status":"booked","start":"2024-05-06T14:00:00Z","end":"2024-05-06T15:00:00Z","participant":[{"actor":{"reference":"Patient/z"},"status":"accepted"},{"actor":{"reference":"Practitioner/d"},"status":"accepted"}]}`,
			`{"resourceType":"Appointment","status":"booked","start":"2024-05-06T14:00:00Z","end":"2024-05-06T15:00:00Z","participant":[{"actor":{"reference":"Patient/z"},"status":"accepted"},{"actor":{"reference":"PractitionerRole/mine"},"status":"accepted"}]}`,
			`{"resourceType":"PractitionerRole","practitioner":{"reference":"Practitioner/d"},"location":[{"reference":"Location/b"}]}`,
			`{"resourceType":"PractitionerRole","id":"mine","practitioner":{"reference":"Practitioner/d"},"location":[{"reference":"Location/b"}]}`,
			`{"resourceType":"PractitionerRole","id":"mine","practitioner":{"reference":"Practitioner/e"},"location":[{"reference":"Location/b"}]}`,
			`{"resourceType":"Location","id":"b","partOf":{"reference":"Location/w"}}`,
			grant(ofD),
			consent("deny", `"provision":[{"type":"permit",`+ofD+`}]`),
			`{"resourceType":"Encounter","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/z"},"location":[{"location":{"reference":"Location/w"}}]}`,
		} {
			if err := h.writes(h.person("clinician", "Practitioner/d"), text); !outcome.Is(err, outcome.Forbidden) {
				t.Errorf("%s: %v", text, err)
			}
		}
		for _, text := range []string{
			`{"resourceType":"Appointment","status":"booked","start":"2024-05-06T14:00:00Z","end":"2024-05-06T15:00:00Z","participant":[{"actor":{"reference":"Patient/p"},"status":"accepted"},{"actor":{"reference":"Practitioner/d"},"status":"accepted"}]}`,
			`{"resourceType":"CareTeam","status":"active","subject":{"reference":"Patient/p"},"participant":[{"member":{"reference":"Practitioner/d"}}]}`,
			`{"resourceType":"Location","id":"b","name":"Bed"}`,
		} {
			if err := h.writes(h.person("clinician", "Practitioner/d"), text); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}

// writes creates what has no id and updates what has one.
func (h *hospital) writes(ctx context.Context, text string) error {
	doc := h.doc(text)
	name := store.Key{Type: doc.Text(doc.Member(0, "resourceType")), ID: doc.Text(doc.Member(0, "id"))}
	var err error
	if name.ID == "" {
		_, err = h.Create(ctx, fhir.CreateRequest{Type: name.Type, Resource: doc})
	} else {
		_, err = h.Update(ctx, fhir.UpdateRequest{Key: name, Resource: doc})
	}
	return err
}

// A Binary is reached by its securityContext, else by what refers to it; an old version by its own.
func TestBinary(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		h.put(`{"resourceType":"Patient","id":"z"}`,
			`{"resourceType":"Binary","id":"mine","contentType":"text/plain","securityContext":{"reference":"Patient/p"}}`,
			`{"resourceType":"Binary","id":"theirs","contentType":"text/plain","securityContext":{"reference":"Patient/z"}}`,
			`{"resourceType":"Binary","id":"by-resource","contentType":"text/plain","securityContext":{"reference":"Observation/op"}}`,
			`{"resourceType":"Binary","id":"by-nothing","contentType":"text/plain","securityContext":{"reference":"Observation/none"}}`,
			`{"resourceType":"Binary","id":"by-name","contentType":"text/plain","securityContext":{"display":"somebody"}}`,
			`{"resourceType":"Binary","id":"alone","contentType":"text/plain"}`,
			`{"resourceType":"Binary","id":"document","contentType":"text/plain"}`,
			`{"resourceType":"Binary","id":"report","contentType":"text/plain"}`,
			`{"resourceType":"Binary","id":"listed","contentType":"text/plain"}`,
			`{"resourceType":"Binary","id":"absolute","contentType":"text/plain"}`,
			`{"resourceType":"Binary","id":"moved","contentType":"text/plain","securityContext":{"reference":"Patient/z"}}`,
			`{"resourceType":"Binary","id":"moved","contentType":"text/plain","securityContext":{"reference":"Patient/p"}}`,
			`{"resourceType":"DocumentReference","id":"d1","status":"current","subject":{"reference":"Patient/p"},"content":[{"attachment":{"url":"Binary/document"}},{"attachment":{"url":"`+fhirtest.BaseURL+`/Binary/absolute"}}]}`,
			`{"resourceType":"DocumentReference","id":"d2","status":"current","subject":{"reference":"Patient/p"},"content":[{"attachment":{"url":"Binary/theirs"}}]}`,
			`{"resourceType":"DiagnosticReport","id":"d3","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"presentedForm":[{"url":"Binary/report"}]}`,
			`{"resourceType":"List","id":"d4","status":"current","mode":"working","subject":{"reference":"Patient/p"},"entry":[{"item":{"reference":"Binary/listed"}}]}`,
		)
		for name, want := range map[string]bool{
			"mine": true, "theirs": false, "by-resource": true, "by-nothing": false, "by-name": false, "alone": false, "document": true,
			"report": true, "listed": false, "absolute": true, "moved": true, "none": false,
		} {
			for who, ctx := range map[string]context.Context{"clinician": h.person("clinician", "Practitioner/d"), "patient": h.person("patient", "Patient/p")} {
				if got := h.reads(ctx, "Binary/"+name); got != want {
					t.Errorf("the %s reads %s: %v; want %v", who, name, got, want)
				}
			}
			if h.reads(h.person("clinician", "Practitioner/none"), "Binary/"+name) {
				t.Errorf("somebody else reads %s", name)
			}
		}
		d := h.person("clinician", "Practitioner/d")
		if _, err := h.ReadVersion(d, key("Binary/moved"), 1); !outcome.Is(err, outcome.NotFound) {
			t.Errorf("the old version: %v", err)
		}
		if _, err := h.ReadVersion(d, key("Binary/mine"), 1); err != nil {
			t.Error(err)
		}
		if _, err := h.History(d, fhir.HistoryRequest{Type: "Binary", ID: "moved"}); !outcome.Is(err, outcome.NotFound) {
			t.Errorf("the history: %v", err)
		}
		if got, err := h.found(d, "Binary", ""); got != "" || err != nil {
			t.Errorf("a search finds %s, %v", got, err)
		}
		if err := h.writes(d, `{"resourceType":"Binary","contentType":"text/plain","securityContext":{"reference":"Patient/p"}}`); err != nil {
			t.Error(err)
		}
		for _, text := range []string{
			`{"resourceType":"Binary","contentType":"text/plain","securityContext":{"reference":"Patient/z"}}`,
			`{"resourceType":"Binary","id":"mine","contentType":"text/plain","securityContext":{"reference":"Patient/z"}}`,
		} {
			if err := h.writes(d, text); !outcome.Is(err, outcome.Forbidden) {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}

// Whoever updates what is out of reach hears that it is not there; whoever moves what is in reach to where it is not may not.
func TestUpdatesOutOfReach(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		h.put(`{"resourceType":"Patient","id":"z"}`, observation("oz", "z"))
		for text, want := range map[string]outcome.Code{
			`{"resourceType":"Patient","id":"z"}`:      outcome.NotFound,
			`{"resourceType":"Patient","id":"absent"}`: outcome.NotFound,
			observation("oz", "z"):                     outcome.NotFound,
			observation("oz", "p"):                     outcome.NotFound,
			observation("absent", "z"):                 outcome.NotFound,
			observation("op", "z"):                     outcome.Forbidden,
			observation("new", "p"):                    "",
		} {
			if err := h.writes(h.person("clinician", "Practitioner/d"), text); code(err) != want {
				t.Errorf("%s: %v; want %q", text, err, want)
			}
		}
	})
}
