package access

import (
	"slices"
	"strings"

	"kiln/resources"
)

// elements are where resources name the patients whose compartment they are in. The table is that of the second look, and
// is made by hand from https://hl7.org/fhir/R4/compartmentdefinition-patient.html without Patient.link and Group.member,
// and with the types of belonging.
var elements = map[string][]string{
	"Account":                     {"subject"},
	"AdverseEvent":                {"subject"},
	"AllergyIntolerance":          {"patient", "recorder", "asserter"},
	"Appointment":                 {"participant.actor"},
	"AppointmentResponse":         {"actor"},
	"AuditEvent":                  {"agent.who", "entity.what"},
	"Basic":                       {"subject", "author"},
	"BodyStructure":               {"patient"},
	"CarePlan":                    {"subject", "activity.detail.performer"},
	"CareTeam":                    {"subject", "participant.member"},
	"ChargeItem":                  {"subject"},
	"Claim":                       {"patient", "payee.party"},
	"ClaimResponse":               {"patient"},
	"ClinicalImpression":          {"subject"},
	"Communication":               {"subject", "sender", "recipient"},
	"CommunicationRequest":        {"subject", "sender", "recipient", "requester"},
	"Composition":                 {"subject", "author", "attester.party"},
	"Condition":                   {"subject", "asserter"},
	"Consent":                     {"patient"},
	"Contract":                    {"subject"},
	"Coverage":                    {"policyHolder", "subscriber", "beneficiary", "payor"},
	"CoverageEligibilityRequest":  {"patient"},
	"CoverageEligibilityResponse": {"patient"},
	"DetectedIssue":               {"patient"},
	"Device":                      {"patient"},
	"DeviceRequest":               {"subject", "performer"},
	"DeviceUseStatement":          {"subject"},
	"DiagnosticReport":            {"subject"},
	"DocumentManifest":            {"subject", "author", "recipient"},
	"DocumentReference":           {"subject", "author"},
	"Encounter":                   {"subject"},
	"EnrollmentRequest":           {"candidate"},
	"EpisodeOfCare":               {"patient"},
	"ExplanationOfBenefit":        {"patient", "payee.party"},
	"FamilyMemberHistory":         {"patient"},
	"Flag":                        {"subject"},
	"Goal":                        {"subject"},
	"GuidanceResponse":            {"subject"},
	"ImagingStudy":                {"subject"},
	"Immunization":                {"patient"},
	"ImmunizationEvaluation":      {"patient"},
	"ImmunizationRecommendation":  {"patient"},
	"Invoice":                     {"subject", "recipient"},
	"List":                        {"subject", "source"},
	"MeasureReport":               {"subject"},
	"Media":                       {"subject"},
	"MedicationAdministration":    {"subject", "performer.actor"},
	"MedicationDispense":          {"subject", "receiver"},
	"MedicationRequest":           {"subject"},
	"MedicationStatement":         {"subject"},
	"MolecularSequence":           {"patient"},
	"NutritionOrder":              {"patient"},
	"Observation":                 {"subject", "performer"},
	"Person":                      {"link.target"},
	"Procedure":                   {"subject", "performer.actor"},
	"Provenance":                  {"target"},
	"QuestionnaireResponse":       {"subject", "author"},
	"RelatedPerson":               {"patient"},
	"RequestGroup":                {"subject", "action.participant"},
	"ResearchSubject":             {"individual"},
	"RiskAssessment":              {"subject"},
	"Schedule":                    {"actor"},
	"ServiceRequest":              {"subject", "performer"},
	"Specimen":                    {"subject"},
	"SupplyDelivery":              {"patient"},
	"SupplyRequest":               {"deliverTo"},
	"Task":                        {"for"},
	"VisionPrescription":          {"patient"},
}

// at yields the elements at a path below e.
func at(e resources.Element, path string) []resources.Element {
	list := []resources.Element{e}
	for name := range strings.SplitSeq(path, ".") {
		var next []resources.Element
		for _, e := range list {
			next = slices.AppendSeq(next, e.Child(name))
		}
		list = next
	}
	return list
}

// local is the resource of this server that a reference names, as Type/id; "" where it names none.
func (a *Authorizer) local(reference resources.Element) string {
	text := reference.First("reference").Text()
	if rest, ok := strings.CutPrefix(text, a.options.BaseURL+"/"); ok && a.options.BaseURL != "" {
		text = rest
	}
	text, _, _ = strings.Cut(text, "/_history/")
	typ, id, ok := strings.Cut(text, "/")
	if !ok || typ == "" || id == "" || strings.ContainsAny(id, "/#?|") || strings.ContainsAny(typ, ":#?") {
		return ""
	}
	return text
}

// patientsOf are the ids of the patients whose compartment a resource is in, each once.
func (a *Authorizer) patientsOf(e resources.Element, id string) []string {
	typ := e.Type().Name
	if typ == "Patient" {
		return []string{id}
	}
	var ids []string
	for _, path := range elements[typ] {
		for _, reference := range at(e, path) {
			if id, ok := strings.CutPrefix(a.local(reference), "Patient/"); ok && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Patients are the ids of the patients whose record a resource, with that id, is part of.
func (a *Authorizer) Patients(e resources.Element, id string) []string { return a.patientsOf(e, id) }

// nobodys reports whether a resource of a type that may belong to nobody does.
func nobodys(e resources.Element) bool {
	typ := e.Type().Name
	if !unowned[typ] {
		return false
	}
	for _, path := range elements[typ] {
		for _, reference := range at(e, path) {
			if reference.First("reference").Text() != "" || reference.First("identifier").First("value").Text() != "" {
				return false
			}
		}
	}
	return true
}
