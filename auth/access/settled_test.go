package access_test

import (
	"strings"
	"testing"
	"time"

	"kiln/auth"
)

// A Consent begins and ends to count when its periods do, though nobody writes anything.
func TestConsentsTurnByTheClock(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		objecting(h)
		d := auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d"}
		h.put(consent("deny", `"period":{"start":"2024-05-06T12:10:00Z","end":"2024-05-06T12:20:00Z"},"provision":[{"type":"permit","period":{"start":"2024-05-06T12:15:00Z"},`+classed+`}]`))
		for _, want := range []string{"p q oq op sp sq both cp cq", "q oq sq cq", "q oq op sp sq both cq", "p q oq op sp sq both cp cq"} {
			if got := h.sees(d); !same(got, want) {
				t.Errorf("at %s: sees %s; want %s", h.now().Format(time.TimeOnly), got, want)
			}
			h.pass(5 * time.Minute)
			if want == "p q oq op sp sq both cp cq" {
				h.pass(6 * time.Minute)
			}
		}
	})
}

// Another policy is in force for whoever asks next, with a token that was used under the one before.
func TestAnotherPolicyIsInForceAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		h.put(`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"Patient","id":"p"}`)
		clinician := auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d"}
		if found, err := h.found(h.principal(clinician), "Patient", ""); err != nil || found != "" {
			t.Fatalf("a clinician without patients finds %q, %v", found, err)
		}
		const rule = `- {types: [demographics, scheduling], may: crus, reach: related}`
		h.change(rule, strings.Replace(rule, "reach: related", "reach: all", 1))
		if found, err := h.found(h.principal(clinician), "Patient", ""); err != nil || found != "Patient/p" {
			t.Errorf("one who may see all finds %q, %v", found, err)
		}
	})
}
