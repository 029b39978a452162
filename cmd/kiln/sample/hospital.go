package sample

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Bundles are transactions that make the hospital, to be sent in their order. Dates lie around a day.
func Bundles(day time.Time) [][]byte {
	h := &hospital{day: day.UTC().Truncate(24 * time.Hour), random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // the same every time, and no secret
	h.house()
	h.staff()
	bundles := [][]byte{h.bundle()}
	for i := range patients {
		h.person(&patients[i], i)
		bundles = append(bundles, h.bundle())
	}
	return bundles
}

// hospital collects resources.
type hospital struct {
	day     time.Time
	random  *rand.Rand
	entries []string
}

const organization = `{"reference":"Organization/hospital","display":"Sample hospital"}`

// put adds a resource: its JSON, with verbs as of fmt.
func (h *hospital) put(typ, id, format string, args ...any) {
	resource := fmt.Sprintf(`{"resourceType":%q,"id":%q,`, typ, id) + fmt.Sprintf(format, args...) + "}"
	h.entries = append(h.entries, fmt.Sprintf(`{"fullUrl":"http://sample.invalid/%s/%s","resource":%s,"request":{"method":"PUT","url":"%s/%s"}}`, typ, id, resource, typ, id))
}

// bundle is a transaction of what was collected since the last one.
func (h *hospital) bundle() []byte {
	defer func() { h.entries = nil }()
	return []byte(`{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(h.entries, ",") + `]}`)
}

// at is an instant some days and minutes after the day began.
func (h *hospital) at(days, minutes int) string {
	return h.day.AddDate(0, 0, days).Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

func (h *hospital) date(days int) string { return h.day.AddDate(0, 0, days).Format(time.DateOnly) }

// text is a JSON string.
func text(s string) string {
	quoted, _ := json.Marshal(s) // a string always has a form
	return string(quoted)
}

func coded(system, code, display string) string {
	return fmt.Sprintf(`{"coding":[{"system":%q,"code":%q,"display":%s}],"text":%s}`, system, code, text(display), text(display))
}

func to(typ, id, display string) string {
	return fmt.Sprintf(`{"reference":"%s/%s","display":%s}`, typ, id, text(display))
}

const (
	snomed    = "http://snomed.info/sct"
	loinc     = "http://loinc.org"
	rxnorm    = "http://www.nlm.nih.gov/research/umls/rxnorm"
	roleCode  = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
	actCode   = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	localMRN  = "http://sample.invalid/mrn"
	localUser = "http://sample.invalid/staff"
	unitUCUM  = "http://unitsofmeasure.org"
)

func (h *hospital) house() {
	h.put("Organization", "hospital", `"active":true,"name":"Sample hospital","type":[%s]`,
		coded("http://terminology.hl7.org/CodeSystem/organization-type", "prov", "Healthcare Provider"))
	for _, u := range units {
		h.put("Location", u.ID, `"status":"active","name":%s,"mode":"instance","type":[%s],"managingOrganization":%s`,
			text(u.Name), coded(roleCode, u.Type, u.TypeText), organization)
	}
	for _, ward := range units[:2] {
		for bed := 1; bed <= 4; bed++ {
			h.put("Location", fmt.Sprintf("%s-bed-%d", ward.ID, bed),
				`"status":"active","name":"Bed %d","mode":"instance","physicalType":%s,"partOf":%s`, bed,
				coded("http://terminology.hl7.org/CodeSystem/location-physical-type", "bd", "Bed"), to("Location", ward.ID, ward.Name))
		}
	}
}

func (m *Member) name() string { return m.Given + " " + m.Family }

func member(id string) *Member {
	for i := range Staff {
		if Staff[i].ID == id {
			return &Staff[i]
		}
	}
	panic("sample: there is nobody called " + id)
}

func (h *hospital) staff() {
	for i, m := range Staff {
		h.put("Practitioner", m.ID, `"identifier":[{"system":%q,"value":"S%04d"}],"active":true,"name":[{"family":%s,"given":[%s]}],"gender":%q`,
			localUser, 1000+i, text(m.Family), text(m.Given), m.Gender)
		h.put("PractitionerRole", m.ID, `"active":true,"practitioner":%s,"organization":%s,"code":[%s],"location":[{"reference":"Location/%s"}]`,
			to("Practitioner", m.ID, m.name()), organization, coded(snomed, m.Role, m.RoleText), m.Unit)
		if m.Rank == "clinician" {
			h.schedule(&m)
		}
	}
}

// schedule is two mornings of free and taken half hours.
func (h *hospital) schedule(m *Member) {
	h.put("Schedule", m.ID, `"active":true,"actor":[%s],"planningHorizon":{"start":%q,"end":%q}`,
		to("Practitioner", m.ID, m.name()), h.at(1, 8*60), h.at(2, 12*60))
	for day := 1; day <= 2; day++ {
		for n := range 8 {
			status := "free"
			if n == 0 && day == 1 {
				status = "busy"
			}
			h.put("Slot", fmt.Sprintf("%s-%d-%d", m.ID, day, n), `"schedule":{"reference":"Schedule/%s"},"status":%q,"start":%q,"end":%q`,
				m.ID, status, h.at(day, 8*60+30*n), h.at(day, 8*60+30*n+30))
		}
	}
}

// person is a patient with everything that is known.
func (h *hospital) person(p *patient, i int) {
	name := p.Given + " " + p.Family
	subject := to("Patient", p.ID, name)
	doctor := member(p.Doctor)
	h.put("Patient", p.ID, `"identifier":[{"system":%q,"value":"M%05d"}],"active":true,"name":[{"use":"official","family":%s,"given":[%s]}],`+
		`"gender":%q,"birthDate":%q,"telecom":[{"system":"phone","value":"+44 20 7946 0%03d"}],"generalPractitioner":[%s],"managingOrganization":%s`,
		localMRN, 4711+i, text(p.Family), text(p.Given), p.Gender, p.Birth, i, to("Practitioner", doctor.ID, doctor.name()), organization)
	for n, c := range p.Conditions {
		h.put("Condition", fmt.Sprintf("%s-%d", p.ID, n), `"clinicalStatus":%s,"verificationStatus":%s,"category":[%s],"code":%s,"subject":%s,"recordedDate":%q`,
			coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"),
			coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "Confirmed"),
			coded("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item", "Problem List Item"),
			coded(snomed, c.Code, c.Text), subject, h.date(-400+30*n))
	}
	for n, m := range p.Medications {
		h.put("MedicationRequest", fmt.Sprintf("%s-%d", p.ID, n), `"status":"active","intent":"order","medicationCodeableConcept":%s,"subject":%s,`+
			`"authoredOn":%q,"requester":%s,"dosageInstruction":[{"text":%s}]`,
			coded(rxnorm, m.Code, m.Text), subject, h.date(-30), to("Practitioner", doctor.ID, doctor.name()), text(m.Dose))
	}
	if p.Allergy != nil {
		h.put("AllergyIntolerance", p.ID, `"clinicalStatus":%s,"verificationStatus":%s,"code":%s,"patient":%s`,
			coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "Active"),
			coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed", "Confirmed"),
			coded(snomed, p.Allergy.Code, p.Allergy.Text), subject)
	}
	h.stay(p, i, subject, doctor)
	h.visit(p, subject, doctor)
	h.vitals(p, subject)
	if p.ID == "ines-jansen" {
		h.put("RelatedPerson", "petra-jansen", `"active":true,"patient":%s,"relationship":[%s],"name":[{"family":"Jansen","given":["Petra"]}]`,
			subject, coded(roleCode, "MTH", "mother"))
	}
}

// stay is the running stay of a patient on a ward, with who cares for them there.
func (h *hospital) stay(p *patient, i int, subject string, doctor *Member) {
	if p.Ward == "" {
		return
	}
	nurse := member(p.Nurse)
	participant := func(m *Member) string {
		return fmt.Sprintf(`{"individual":%s}`, to("Practitioner", m.ID, m.name()))
	}
	h.put("Encounter", p.ID+"-stay", `"status":"in-progress","class":{"system":%q,"code":"IMP","display":"inpatient encounter"},"subject":%s,`+
		`"participant":[%s,%s],"period":{"start":%q},"location":[{"location":{"reference":"Location/%s"},"status":"active"},{"location":{"reference":"Location/%s-bed-%d"},"status":"active"}],"serviceProvider":%s`,
		actCode, subject, participant(doctor), participant(nurse), h.at(-3, 11*60), p.Ward, p.Ward, i%3+1, organization)
	member := func(m *Member) string {
		return fmt.Sprintf(`{"role":[%s],"member":%s}`, coded(snomed, m.Role, m.RoleText), to("Practitioner", m.ID, m.name()))
	}
	h.put("CareTeam", p.ID, `"status":"active","name":"Care on the ward","subject":%s,"encounter":{"reference":"Encounter/%s-stay"},"period":{"start":%q},"participant":[%s,%s]`,
		subject, p.ID, h.at(-3, 11*60), member(doctor), member(nurse))
}

// visit is an earlier visit and the appointment for the next.
func (h *hospital) visit(p *patient, subject string, doctor *Member) {
	h.put("Encounter", p.ID+"-visit", `"status":"finished","class":{"system":%q,"code":"AMB","display":"ambulatory"},"subject":%s,"participant":[{"individual":%s}],"period":{"start":%q,"end":%q},"serviceProvider":%s`,
		actCode, subject, to("Practitioner", doctor.ID, doctor.name()), h.at(-90, 9*60), h.at(-90, 9*60+25), organization)
	if p.Ward == "" {
		h.put("Appointment", p.ID, `"status":"booked","description":"Control","start":%q,"end":%q,"participant":[{"actor":%s,"status":"accepted"},{"actor":%s,"status":"accepted"}]`,
			h.at(1, 8*60), h.at(1, 8*60+30), subject, to("Practitioner", doctor.ID, doctor.name()))
	}
}

// measure is a vital sign: a code of LOINC, its unit, and about what it is.
type measure struct {
	ID, Code, Text, Unit string
	about, spread        float64
	digits               int
}

var measures = []measure{
	{"pulse", "8867-4", "Heart rate", "/min", 76, 14, 0},
	{"temperature", "8310-5", "Body temperature", "Cel", 36.8, 0.7, 1},
	{"saturation", "2708-6", "Oxygen saturation in Arterial blood", "%", 97, 2, 0},
	{"weight", "29463-7", "Body weight", "kg", 74, 16, 1},
}

// vitals are measured on the days before, more often on a ward.
func (h *hospital) vitals(p *patient, subject string) {
	days := []int{-90}
	if p.Ward != "" {
		days = append(days, -3, -2, -1)
	}
	for _, day := range days {
		for n, m := range measures {
			value := m.about + m.spread*(2*h.random.Float64()-1)
			h.put("Observation", fmt.Sprintf("%s-%s-%d", p.ID, m.ID, -day),
				`"status":"final","category":[%s],"code":%s,"subject":%s,"effectiveDateTime":%q,"valueQuantity":{"value":%.*f,"unit":%q,"system":%q,"code":%q}`,
				coded("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "Vital Signs"),
				coded(loinc, m.Code, m.Text), subject, h.at(day, 9*60+n), m.digits, value, m.Unit, unitUCUM, m.Unit)
		}
	}
}
