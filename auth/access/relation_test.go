package access_test

import (
	"strings"
	"testing"
	"time"
)

// related are resources by which Practitioner/d is related to Patient/p, and what ends each relation.
var related = []struct {
	name   string
	also   []string
	begins string
	ends   []string // replacements in begins, "old→new", each of which ends the relation
}{
	{
		"CareTeam", nil,
		`{"resourceType":"CareTeam","id":"r","status":"active","subject":{"reference":"Patient/p"},"participant":[{"member":{"reference":"Practitioner/d"},"period":{"start":"2024-01-01"}}]}`,
		[]string{`"active"→"inactive"`, `2024-01-01"→2024-01-01","end":"2024-05-05"`, `2024-01-01→2024-05-07`, `Practitioner/d→Practitioner/e`, `Patient/p→Patient/q`},
	},
	{
		"Encounter.participant", nil,
		`{"resourceType":"Encounter","id":"r","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/p"},"participant":[{"individual":{"reference":"Practitioner/d"}}]}`,
		[]string{`in-progress→finished`, `Practitioner/d"}→Practitioner/d"},"period":{"end":"2024-05-06T11:00:00Z"}`, `Practitioner/d→Practitioner/e`},
	},
	{
		"Patient.generalPractitioner", nil,
		`{"resourceType":"Patient","id":"p","generalPractitioner":[{"reference":"Practitioner/d"}]}`,
		[]string{`Practitioner/d→Practitioner/e`},
	},
	{
		"generalPractitioner by role",
		[]string{`{"resourceType":"PractitionerRole","id":"role","practitioner":{"reference":"Practitioner/d"}}`},
		`{"resourceType":"Patient","id":"p","generalPractitioner":[{"reference":"PractitionerRole/role"}]}`,
		[]string{`PractitionerRole/role→PractitionerRole/other`},
	},
	{
		"EpisodeOfCare.careManager", nil,
		`{"resourceType":"EpisodeOfCare","id":"r","status":"active","patient":{"reference":"Patient/p"},"careManager":{"reference":"Practitioner/d"}}`,
		[]string{`"active"→"finished"`, `"active"→"active","period":{"end":"2024-05-05"}`},
	},
	{
		"Appointment", nil,
		`{"resourceType":"Appointment","id":"r","status":"booked","start":"2024-05-06T14:00:00Z","end":"2024-05-06T15:00:00Z","participant":[{"actor":{"reference":"Patient/p"},"status":"accepted"},{"actor":{"reference":"Practitioner/d"},"status":"accepted"}]}`,
		[]string{`booked→cancelled`, `2024-05-06→2024-05-01`, `2024-05-06→2025-05-06`, `d"},"status":"accepted→d"},"status":"declined`},
	},
	{
		"ward of a role",
		[]string{
			`{"resourceType":"Encounter","id":"enc","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/p"},"location":[{"location":{"reference":"Location/w"},"status":"active"}]}`,
		},
		`{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":"Practitioner/d"},"location":[{"reference":"Location/w"}],"period":{"start":"2024-05-06T07:00:00Z"}}`,
		[]string{`Location/w→Location/v`, `"period"→"active":false,"period"`, `07:00:00Z"→07:00:00Z","end":"2024-05-06T11:59:00Z"`},
	},
	{
		"bed on the ward of a role",
		[]string{
			`{"resourceType":"PractitionerRole","id":"role","practitioner":{"reference":"Practitioner/d"},"location":[{"reference":"Location/w"}]}`,
			`{"resourceType":"Location","id":"bed","partOf":{"reference":"Location/w"}}`,
		},
		`{"resourceType":"Encounter","id":"r","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/p"},"location":[{"location":{"reference":"Location/bed"},"status":"active"}]}`,
		[]string{`in-progress→finished`, `"status":"active"→"status":"completed"`, `Location/bed→Location/v`},
	},
	{
		"grant by Consent", nil,
		grant(`"actor":[{"role":{"text":"x"},"reference":{"reference":"Practitioner/d"}}]`),
		[]string{`"active"→"inactive"`, `"permit"→"deny"`, `"permit"→"permit","period":{"end":"2024-05-05"}`, `Practitioner/d→Practitioner/e`, `"permit"→"permit","code":[{"text":"something"}]`},
	},
}

// grant is a Consent by which Patient/p permits something.
func grant(provision string) string {
	return consent("permit", provision)
}

func consent(kind, provision string) string {
	return `{"resourceType":"Consent","id":"r","status":"active","scope":{"text":"x"},"category":[{"text":"x"}],"policyRule":{"text":"x"},"patient":{"reference":"Patient/p"},"provision":{"type":"` + kind + `",` + provision + `}}`
}

// A relation counts from the moment it is there to the moment it ends, for reads and searches alike.
func TestRelations(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		h.put(`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"Practitioner","id":"e"}`, `{"resourceType":"Patient","id":"q"}`,
			`{"resourceType":"Location","id":"w"}`, `{"resourceType":"Location","id":"v"}`)
		for _, r := range related {
			t.Run(r.name, func(t *testing.T) {
				h.put(`{"resourceType":"Patient","id":"p","active":true}`, observation("o", "p"))
				h.put(r.also...)
				h.related(t, false)
				h.put(r.begins)
				h.related(t, true)
				for _, end := range r.ends {
					before, after, _ := strings.Cut(end, "→")
					if !strings.Contains(r.begins, before) {
						t.Fatalf("%s is not there", before)
					}
					h.put(strings.ReplaceAll(r.begins, before, after))
					h.related(t, false)
					h.put(r.begins)
					h.related(t, true)
				}
				h.put(`{"resourceType":"Patient","id":"p","active":true}`)
				for _, text := range append([]string{r.begins}, r.also...) {
					h.remove(text)
				}
				h.related(t, false)
			})
		}
	})
}

func observation(id, patient string) string {
	return `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/` + patient + `"}}`
}

// related asks, by all ways, whether Practitioner/d reaches Patient/p.
func (h *hospital) related(t *testing.T, want bool) {
	t.Helper()
	for _, name := range []string{"Patient/p", "Observation/o"} {
		if got := h.reads(h.person("clinician", "Practitioner/d"), name); got != want {
			t.Errorf("reads %s: %v; want %v", name, got, want)
		}
		got, err := h.found(h.person("clinician", "Practitioner/d"), key(name).Type, "_id="+key(name).ID)
		if err != nil || (got == name) != want {
			t.Errorf("finds %q, %v; want %v", got, err, want)
		}
	}
}

// remove deletes a resource as root, but not Patient/p.
func (h *hospital) remove(text string) {
	h.Helper()
	doc := h.doc(text)
	name := doc.Text(doc.Member(0, "resourceType")) + "/" + doc.Text(doc.Member(0, "id"))
	if name == "Patient/p" {
		return
	}
	if _, err := h.Delete(h.root(), deleting(name)); err != nil {
		h.Fatal(err)
	}
}

// What begins or ends by the clock alone counts too.
func TestRelationsEndByTheClock(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		h.put(`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"Patient","id":"p"}`, observation("o", "p"),
			`{"resourceType":"CareTeam","id":"r","status":"active","subject":{"reference":"Patient/p"},"participant":[{"member":{"reference":"Practitioner/d"},"period":{"start":"2024-05-06T12:30:00Z","end":"2024-05-06T12:45:00Z"}}]}`)
		h.related(t, false)
		h.pass(31 * time.Minute)
		h.related(t, true)
		h.pass(10 * time.Minute)
		h.related(t, true)
		h.pass(6 * time.Minute)
		h.related(t, false)
		h.put(`{"resourceType":"Appointment","id":"a","status":"booked","start":"2024-06-05T13:30:00Z","end":"2024-06-05T13:40:00Z","participant":[{"actor":{"reference":"Patient/p"},"status":"accepted"},{"actor":{"reference":"Practitioner/d"},"status":"accepted"}]}`)
		h.related(t, false)
		h.pass(time.Hour)
		h.related(t, true)
		h.pass(32 * 24 * time.Hour)
		h.related(t, false)
	})
}

// Who is not at work any more is related to nobody.
func TestInactivePractitionersAreRelatedToNobody(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		h.put(`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"Patient","id":"p","generalPractitioner":[{"reference":"Practitioner/d"}]}`, observation("o", "p"))
		h.related(t, true)
		h.put(`{"resourceType":"Practitioner","id":"d","active":false}`)
		h.related(t, false)
	})
}
