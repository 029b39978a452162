package access_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"

	"kiln/auth"
	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/store"
)

// The matrix rank × interaction × type × relation is held against what follows, which is written from CONTRACT.md "Who
// reaches what" and not from the policy: for each rank, the types and what it may do to those of a patient to whom it is
// related, of one to whom it is not, and of nobody.
var promised = map[string]func(typ string) (related, foreign, unowned string){
	"patient":    func(typ string) (string, string, string) { return ofPatients(typ), "", shared(typ) },
	"proxy":      func(typ string) (string, string, string) { return ofPatients(typ), "", shared(typ) },
	"nurse":      func(typ string) (string, string, string) { return staff(typ, "crus"), "", shared(typ) },
	"clinician":  func(typ string) (string, string, string) { return staff(typ, "cruds"), "", shared(typ) },
	"pharmacist": func(typ string) (string, string, string) { return pharmacy(typ), "", pharmacyShared(typ) },
	"clerk":      func(typ string) (string, string, string) { return everybodys(typ, "crus", "crus", "crus") },
	"cashier":    func(typ string) (string, string, string) { return everybodys(typ, "rs", "rs", "crus") },
	"manager":    func(typ string) (string, string, string) { return managed(typ) },
	"auditor": func(typ string) (string, string, string) {
		if typ == "AuditEvent" {
			return "rs", "rs", "rs"
		}
		return "", "", directory(typ, "rs")
	},
	"administrator": func(typ string) (string, string, string) { return "", "", directory(typ, "cruds") },
	"director":      func(typ string) (string, string, string) { return "", "", directory(typ, "cruds") },
}

func in(list, typ string) bool { return strings.Contains(" "+list+" ", " "+typ+" ") }

const (
	demographic = "Patient RelatedPerson Person"
	appointed   = "Appointment AppointmentResponse"
	calendar    = "Schedule Slot"
	money       = "Account ChargeItem Claim ClaimResponse Coverage CoverageEligibilityRequest CoverageEligibilityResponse EnrollmentRequest EnrollmentResponse ExplanationOfBenefit Invoice PaymentNotice PaymentReconciliation"
	places      = "Endpoint HealthcareService Location Organization OrganizationAffiliation Practitioner PractitionerRole"
	things      = "ActivityDefinition ChargeItemDefinition CodeSystem CompartmentDefinition ConceptMap DeviceDefinition GraphDefinition ImplementationGuide InsurancePlan Library Measure Medication MedicationKnowledge MessageDefinition NamingSystem ObservationDefinition OperationDefinition PlanDefinition Questionnaire SearchParameter SpecimenDefinition StructureDefinition StructureMap Substance TerminologyCapabilities ValueSet"
	reported    = "Appointment AppointmentResponse Communication Consent DocumentReference MedicationStatement Observation QuestionnaireResponse"
	drugs       = "MedicationAdministration MedicationDispense MedicationRequest MedicationStatement SupplyDelivery SupplyRequest DetectedIssue Task"
)

// clinical reports whether a type holds what is known about the health of a patient.
func clinical(typ string) bool {
	_, member := definitions.R4().Compartment("Patient").Types[typ]
	other := in(demographic+" "+appointed+" "+calendar+" "+money+" AuditEvent Group", typ)
	return member && !other || in("Binary Task Contract GuidanceResponse Device", typ)
}

func shared(typ string) string {
	return map[bool]string{true: "rs"}[in(places+" "+things+" "+calendar, typ)]
}

func directory(typ, may string) string { return map[bool]string{true: may}[in(places+" "+things, typ)] }

func ofPatients(typ string) string {
	switch {
	case in(reported, typ):
		return "crus"
	case clinical(typ) || in(demographic+" "+appointed+" "+money+" AuditEvent", typ):
		return "rs"
	}
	return shared(typ)
}

func staff(typ, may string) string {
	switch {
	case clinical(typ):
		return may
	case in(demographic+" "+appointed, typ):
		return "crus"
	}
	return shared(typ)
}

func pharmacy(typ string) string {
	switch {
	case in(drugs, typ):
		return "crus"
	case clinical(typ) || in(demographic, typ):
		return "rs"
	}
	return pharmacyShared(typ)
}

func pharmacyShared(typ string) string {
	if in("Medication MedicationKnowledge Substance", typ) {
		return "crus"
	}
	return directory(typ, "rs")
}

func everybodys(typ, people, times, accounts string) (related, foreign, unowned string) {
	may := directory(typ, "rs")
	switch {
	case in(demographic, typ):
		may = people
	case in(appointed+" "+calendar, typ):
		may = times
	case in(money, typ):
		may = accounts
	}
	return may, may, may
}

func managed(typ string) (related, foreign, unowned string) {
	may := directory(typ, "rs")
	switch {
	case in(demographic+" "+appointed+" "+money, typ):
		may = "rs"
	case in(calendar, typ):
		may = "cruds"
	case in(places, typ):
		may = "crus"
	}
	return may, may, may
}

// belongs makes a resource of a type whose patient is one; false where the type has no patient.
func belongs(typ, patient string) (text string, ok bool) {
	to := `{"reference":"Patient/` + patient + `"}`
	text = `{"resourceType":"` + typ + `","id":"` + patient + `",`
	switch typ {
	case "Patient":
		return text + `"active":true}`, true
	case "Appointment":
		return text + `"participant":[{"actor":` + to + `}]}`, true
	case "AppointmentResponse":
		return text + `"actor":` + to + `}`, true
	case "AuditEvent":
		return text + `"entity":[{"what":` + to + `}]}`, true
	case "Binary":
		return text + `"contentType":"text/plain","securityContext":` + to + `}`, true
	case "Group":
		return text + `"member":[{"entity":` + to + `}]}`, true
	case "Person":
		return text + `"link":[{"target":` + to + `}]}`, true
	case "Provenance":
		return text + `"target":[` + to + `]}`, true
	case "Coverage":
		return text + `"beneficiary":` + to + `}`, true
	case "ResearchSubject":
		return text + `"individual":` + to + `}`, true
	case "SupplyRequest":
		return text + `"deliverTo":` + to + `}`, true
	case "Task":
		return text + `"for":` + to + `}`, true
	case "EnrollmentRequest":
		return text + `"candidate":` + to + `}`, true
	}
	for _, name := range []string{"patient", "subject"} {
		for _, e := range definitions.R4().Resource(typ).Elements {
			if e.Name != name || !clinical(typ) && !in(demographic+" "+money, typ) {
				continue
			}
			if e.Max != 1 {
				to = "[" + to + "]"
			}
			return text + `"` + name + `":` + to + `}`, true
		}
	}
	return `{"resourceType":"` + typ + `","id":"` + patient + `"}`, false
}

// interactions are tried on one resource; the letter says which permission they need.
var interactions = map[string]func(h *hospital, who auth.Principal, name store.Key, text string) error{
	"r read": func(h *hospital, who auth.Principal, name store.Key, _ string) error {
		_, err := h.Read(h.principal(who), name)
		return err
	},
	"r vread": func(h *hospital, who auth.Principal, name store.Key, _ string) error {
		_, err := h.ReadVersion(h.principal(who), name, 1)
		return err
	},
	"r history-instance": func(h *hospital, who auth.Principal, name store.Key, _ string) error {
		_, err := h.History(h.principal(who), fhir.HistoryRequest{Type: name.Type, ID: name.ID})
		return err
	},
	"s search-type": func(h *hospital, who auth.Principal, name store.Key, _ string) error {
		found, err := h.found(h.principal(who), name.Type, "_id="+name.ID)
		if err == nil && found == "" {
			return outcome.New(outcome.NotFound, "Nothing was found.")
		}
		return err
	},
	"s history-type": func(h *hospital, who auth.Principal, name store.Key, _ string) error {
		bundle, err := h.History(h.principal(who), fhir.HistoryRequest{Type: name.Type, Query: "_count=1000"})
		if err != nil {
			return err
		}
		for _, e := range bundle.Entries {
			if strings.HasSuffix(e.FullURL, name.String()) {
				return nil
			}
		}
		return outcome.New(outcome.NotFound, "Nothing was found.")
	},
	"u update": func(h *hospital, who auth.Principal, name store.Key, text string) error {
		doc := h.doc(strings.Replace(text, `"id":`, `"language":"en","id":`, 1))
		_, err := h.Update(h.principal(who), fhir.UpdateRequest{Key: name, Resource: doc})
		return err
	},
	"c create": func(h *hospital, who auth.Principal, name store.Key, text string) error {
		_, err := h.Create(h.principal(who), fhir.CreateRequest{Type: name.Type, Resource: h.doc(text)})
		return err
	},
	"d delete": func(h *hospital, who auth.Principal, name store.Key, _ string) error {
		d, err := h.Delete(h.principal(who), fhir.DeleteRequest{Key: name})
		if err == nil && len(d.Tombstones) == 0 {
			return outcome.New(outcome.NotFound, "Nothing was deleted.")
		}
		return err
	},
}

// people are who is tried for each rank: someone related to Patient/p.
func people(rank string) auth.Principal {
	user := map[string]string{"patient": "Patient/p", "proxy": "RelatedPerson/mother"}[rank]
	if user == "" {
		user = "Practitioner/d"
	}
	return auth.Principal{User: rank, Rank: rank, FHIRUser: user}
}

var whole = flag.Bool("whole", false, "try the whole matrix on every engine, which takes many minutes on MongoDB")

// The matrix of ranks, interactions, types and relations: whole in memory and on Pebble; on a store that is shared, of
// the types for which a rank is promised the same, one, and on MongoDB, of all ranks and types for which the same is promised,
// one. With -whole it is whole everywhere.
func TestMatrix(t *testing.T) {
	for engine := range strings.SplitSeq(*engines, ",") {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			h.Service = fhirtest.NewService(t, h.store, fhir.Options{
				Parameters: h.Parameters(), Authorizer: h.authorizer, Now: h.now, BaseURL: fhirtest.BaseURL, Validator: lax{}, Integrity: fhir.IntegrityOff,
			})
			h.relate()
			tried, seen := 0, map[string]bool{}
			for _, rank := range h.policy.Policy().Ranks() {
				types := definitions.R4().ResourceNames()
				if engine != "mongodb" {
					clear(seen)
				}
				if engine != "memory" && engine != "pebble" && !*whole {
					types = alike(rank, types, seen)
				}
				for _, typ := range types {
					tried += h.try(t, rank, typ)
				}
			}
			t.Logf("%d cases", tried)
			all := len(promised) * len(definitions.R4().ResourceNames()) * 2 * len(interactions)
			if n := h.authorizer.Disagreements(); n != 0 || tried == 0 || tried != all && (engine == "memory" || engine == "pebble" || *whole) {
				t.Errorf("%d tries of %d, %d disagreements", tried, all, n)
			}
		})
	}
}

// alike are the first of the types for which a rank is promised the same, of what was not seen before.
func alike(rank string, types []string, seen map[string]bool) (some []string) {
	for _, typ := range types {
		related, foreign, unowned := promised[rank](typ)
		_, owned := belongs(typ, "p")
		special := ""
		if typ == "Binary" || typ == "Patient" {
			special = typ
		}
		if name := fmt.Sprint(related, " ", foreign, " ", unowned, owned, special); !seen[name] {
			seen[name] = true
			some = append(some, typ)
		}
	}
	return some
}

// try tries everything that a rank may do to a type, with a patient who is related and one who is not.
func (h *hospital) try(t *testing.T, rank, typ string) (tried int) {
	t.Helper()
	who := people(rank)
	related, foreign, unowned := promised[rank](typ)
	for patient, may := range map[string]string{"p": related, "q": foreign} {
		text, owned := belongs(typ, patient)
		if !owned {
			may = unowned
		}
		for interaction, try := range interactions {
			h.store1(text)
			err := try(h, who, store.Key{Type: typ, ID: patient}, text)
			tried++
			if want := expected(typ, interaction, may, related+foreign+unowned, strings.Contains(foreign, "c")); !want(err) {
				t.Errorf("%s, %s of a %s of %s: %v; promised is %q", rank, interaction, typ, patient, err, may)
			}
		}
	}
	return tried
}

// expected tells the answer that is right: done, not found, or forbidden.
func expected(typ, interaction, may, ever string, everyone bool) func(error) bool {
	letter := interaction[:1]
	switch {
	case typ == "Binary" && letter == "s" && strings.Contains(ever, "s"): // it is found by its id alone
		return func(err error) bool { return outcome.Is(err, outcome.NotFound) }
	case typ == "Patient" && letter == "c" && !everyone: // a new one is nobody's yet
		return func(err error) bool { return outcome.Is(err, outcome.Forbidden) }
	case strings.Contains(may, letter):
		return func(err error) bool { return err == nil }
	case strings.Contains(ever, letter):
		return func(err error) bool { return outcome.Is(err, outcome.NotFound) || outcome.Is(err, outcome.Forbidden) }
	}
	return func(err error) bool { return outcome.Is(err, outcome.Forbidden) }
}

// relate makes sure that Practitioner/d and the mother are related to Patient/p and to nobody else.
func (h *hospital) relate() {
	for _, text := range []string{
		`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"RelatedPerson","id":"mother","patient":{"reference":"Patient/p"}}`,
		`{"resourceType":"CareTeam","id":"team","status":"active","subject":{"reference":"Patient/p"},"participant":[{"member":{"reference":"Practitioner/d"}}]}`,
		`{"resourceType":"Patient","id":"p"}`, `{"resourceType":"Patient","id":"q"}`,
	} {
		h.store1(text)
	}
}

// lax lets everything be written.
type lax struct{}

func (lax) Check(context.Context, resources.Element) error { return nil }

func (lax) Validate(context.Context, resources.Element) []outcome.Issue { return nil }
