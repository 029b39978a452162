package access_test

import (
	"strings"
	"testing"

	"kiln/auth"
	"kiln/auth/scope"
)

// objecting is a hospital where Practitioner/d has the Patients p and q, each with an Observation and a Condition.
func objecting(h *hospital) {
	h.put(`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"Practitioner","id":"e"}`, `{"resourceType":"Organization","id":"org","name":"Sample"}`,
		`{"resourceType":"PractitionerRole","id":"role","practitioner":{"reference":"Practitioner/d"},"organization":{"reference":"Organization/org"}}`,
		`{"resourceType":"RelatedPerson","id":"mother","patient":{"reference":"Patient/p"}}`)
	for _, id := range []string{"p", "q"} {
		h.put(`{"resourceType":"Patient","id":"`+id+`","generalPractitioner":[{"reference":"Practitioner/d"},{"reference":"Practitioner/e"}]}`,
			observation("o"+id, id),
			`{"resourceType":"Condition","id":"c`+id+`","subject":{"reference":"Patient/`+id+`"}}`,
			`{"resourceType":"Observation","id":"s`+id+`","meta":{"security":[{"system":"urn:l","code":"HIV"}]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/`+id+`"}}`)
	}
	h.put(`{"resourceType":"Observation","id":"both","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/q"},"performer":[{"reference":"Patient/p"}]}`)
}

const (
	ofD     = `"actor":[{"role":{"text":"x"},"reference":{"reference":"Practitioner/d"}}]`
	ofOrg   = `"actor":[{"role":{"text":"x"},"reference":{"reference":"Organization/org"}}]`
	ofE     = `"actor":[{"role":{"text":"x"},"reference":{"reference":"Practitioner/e"}}]`
	classed = `"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]`
	hiv     = `"securityLabel":[{"system":"urn:l","code":"HIV"}]`
)

// objections are Consents of Patient/p, and what Practitioner/d sees of Patient, Observation and Condition then.
var objections = []struct{ name, consent, sees string }{
	{"none", "", "p q oq op sp sq both cp cq"},
	{"all", consent("deny", `"purpose":[]`), "q oq sq cq"},
	{"a person", consent("deny", ofD), "q oq sq cq"},
	{"an organization", consent("deny", ofOrg), "q oq sq cq"},
	{"somebody else", consent("deny", ofE), "p q oq op sp sq both cp cq"},
	{"a class", consent("deny", classed), "p q oq sq cp cq"},
	{"a label", consent("deny", hiv), "p q oq op sq both cp cq"},
	{"a label of another class", consent("deny", `"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"}],`+hiv), "p q oq op sp sq both cp cq"},
	{"one resource", consent("deny", `"data":[{"meaning":"instance","reference":{"reference":"Observation/op"}}]`), "p q oq sp sq both cp cq"},
	{"in the past", consent("deny", `"period":{"end":"2024-05-05"}`), "p q oq op sp sq both cp cq"},
	{"from tomorrow", consent("deny", `"period":{"start":"2024-05-07"}`), "p q oq op sp sq both cp cq"},
	{"today", consent("deny", `"period":{"start":"2024-05-06","end":"2024-05-06"}`), "q oq sq cq"},
	{"marketing", consent("deny", `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HMARKT"}]`), "p q oq op sp sq both cp cq"},
	{"treatment", consent("deny", `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]`), "q oq sq cq"},
	{"all but a person", consent("deny", `"provision":[{"type":"permit",`+ofD+`}]`), "p q oq op sp sq both cp cq"},
	{"all but somebody else", consent("deny", `"provision":[{"type":"permit",`+ofE+`}]`), "q oq sq cq"},
	{"all but a class", consent("deny", `"provision":[{"type":"permit",`+classed+`}]`), "q oq op sp sq both cq"},
	{"all but a label", consent("deny", `"provision":[{"type":"permit",`+hiv+`}]`), "q oq sp sq cq"},
	{"a permit that denies a person", consent("permit", `"provision":[{"type":"deny",`+ofD+`}]`), "q oq sq cq"},
	{"a permit that denies a label", consent("permit", `"provision":[{"type":"deny",`+hiv+`}]`), "p q oq op sq both cp cq"},
	{"what cannot be judged", consent("deny", `"code":[{"text":"sensitive"}]`), "q oq sq cq"},
	{"all, but a permit that cannot be judged", consent("deny", `"provision":[{"type":"permit","code":[{"text":"x"}]}]`), "q oq sq cq"},
	{"a team whose members nobody knows", consent("deny", `"actor":[{"role":{"text":"x"},"reference":{"reference":"CareTeam/t"}}]`), "q oq sq cq"},
	{"inactive", strings.Replace(consent("deny", `"purpose":[]`), `"active"`, `"inactive"`, 1), "p q oq op sp sq both cp cq"},
	{"a draft", strings.Replace(consent("deny", `"purpose":[]`), `"active"`, `"proposed"`, 1), "p q oq op sp sq both cp cq"},
}

func (h *hospital) sees(who auth.Principal) string {
	h.Helper()
	var all []string
	for _, typ := range []string{"Patient", "Observation", "Condition"} {
		found, err := h.found(h.principal(who), typ, "_sort=_id")
		if err != nil {
			h.Fatal(err)
		}
		for name := range strings.FieldsSeq(found) {
			all = append(all, key(name).ID)
			if !h.reads(h.principal(who), name) {
				h.Errorf("%s is found and cannot be read", name)
			}
		}
	}
	return strings.Join(all, " ")
}

// same reports whether two texts have the same words.
func same(a, b string) bool {
	count := map[string]int{}
	for word := range strings.FieldsSeq(a) {
		count[word]++
	}
	for word := range strings.FieldsSeq(b) {
		count[word]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// What a patient objects to overrides relations, from the moment on that the Consent says so.
func TestConsentDenies(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		d := auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d"}
		for _, o := range objections {
			text := strings.ReplaceAll(o.consent, `"purpose":[]`, `"purpose":[{"code":"TREAT"}]`)
			if text != "" {
				h.put(text)
			}
			if got := h.sees(d); !same(got, o.sees) {
				t.Errorf("%s: sees %s; want %s", o.name, got, o.sees)
			}
		}
		h.put(consent("deny", `"purpose":[{"code":"TREAT"}]`))
		if got := h.sees(auth.Principal{User: "p", Rank: "patient", FHIRUser: "Patient/p"}); !same(got, "p op sp cp both") {
			t.Errorf("patients do not object to themselves: sees %s", got)
		}
		if got := h.sees(auth.Principal{User: "m", Rank: "proxy", FHIRUser: "RelatedPerson/mother"}); got != "" {
			t.Errorf("the proxy sees %s", got)
		}
		if got, err := h.found(h.person("clerk", "Practitioner/e"), "Patient", ""); err != nil || got != "Patient/q" {
			t.Errorf("the clerk sees %s, %v", got, err)
		}
		if got, err := h.found(h.root(), "Patient", ""); err != nil || got != "Patient/q" {
			t.Errorf("the backend sees %s, %v", got, err)
		}
	})
}

// A grant by Consent may be of some types alone.
func TestConsentGrantsTypes(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		h.put(`{"resourceType":"Practitioner","id":"f"}`)
		f := auth.Principal{User: "f", Rank: "clinician", FHIRUser: "Practitioner/f"}
		if got := h.sees(f); got != "" {
			t.Errorf("sees %s", got)
		}
		h.put(grant(`"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"}],"actor":[{"role":{"text":"x"},"reference":{"reference":"Practitioner/f"}}]`))
		if got := h.sees(f); got != "cp" {
			t.Errorf("sees %s; want cp", got)
		}
	})
}

// Restricted resources are for ranks with the label.
func TestRestrictedLabels(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		for _, code := range []string{"R", "V", "N"} {
			h.put(`{"resourceType":"Condition","id":"` + strings.ToLower(code) + `","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"` + code + `"}]},"subject":{"reference":"Patient/p"}}`)
		}
		for who, want := range map[string]string{
			"clinician Practitioner/d": "Condition/cp Condition/r Condition/v Condition/n", "pharmacist Practitioner/d": "Condition/cp Condition/r Condition/n",
			"nurse Practitioner/d": "Condition/cp Condition/n", "proxy RelatedPerson/mother": "Condition/cp Condition/n",
			"patient Patient/p": "Condition/cp Condition/r Condition/v Condition/n",
		} {
			rank, user, _ := strings.Cut(who, " ")
			if got, err := h.found(h.person(rank, user), "Condition", "patient=p"); err != nil || got != want {
				t.Errorf("%s sees %s, %v; want %s", who, got, err, want)
			}
			if h.reads(h.person(rank, user), "Condition/v") != strings.Contains(want, "/v") {
				t.Errorf("%s reads what no search shows, or not what one shows", who)
			}
		}
	})
}

// Granular scopes bound what is found and what can be read.
func TestGranularScopes(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		for _, code := range []string{"laboratory", "vital-signs", "survey"} {
			h.put(`{"resourceType":"Observation","id":"` + code + `","status":"final","code":{"text":"x"},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"` + code + `"}]}],"subject":{"reference":"Patient/p"}}`)
		}
		granular := func(queries ...string) (set scope.Set) {
			for _, q := range queries {
				set = append(set, scope.Scope{Level: scope.Patient, Type: "Observation", Permissions: scope.Read | scope.Search, Query: q})
			}
			return set
		}
		const system = "category=http://terminology.hl7.org/CodeSystem/observation-category|"
		for _, c := range []struct {
			scopes scope.Set
			want   string
		}{
			{granular(system + "laboratory"), "Observation/laboratory"},
			{granular(system+"laboratory", system+"survey"), "Observation/laboratory Observation/survey"},
			{granular("category=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fobservation-category%7Csurvey"), "Observation/survey"},
			{granular("category=laboratory&status=final"), "Observation/laboratory"},
			{granular("category=laboratory&status=amended"), ""},
			{granular("category=urn:other|laboratory"), ""},
			{granular("no-such-parameter=x"), ""},
			{granular("_sort=date"), ""},
		} {
			p := auth.Principal{User: "p", Rank: "patient", FHIRUser: "Patient/p", Patient: "p", Scopes: c.scopes}
			if got, err := h.found(h.principal(p), "Observation", "patient=p"); err != nil || got != c.want {
				t.Errorf("%+v: %s, %v; want %s", c.scopes, got, err, c.want)
			}
			for _, code := range []string{"laboratory", "vital-signs", "survey"} {
				if h.reads(h.principal(p), "Observation/"+code) != strings.Contains(c.want, code) {
					t.Errorf("%+v: reads %s otherwise than it finds it", c.scopes, code)
				}
			}
		}
	})
}
