package bench

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Hospital makes invented resources in the shape of a patient generator's: about one Patient to
// twenty clinical resources, a few heavy patients, a few common codes. Resource i is always the
// same for the same seed.
type Hospital struct{ Seed uint64 }

// perPatient is the mean number of resources of a patient, the Patient included.
const perPatient = 20

// Resource is a made resource.
type Resource struct {
	Type, ID string
	Body     []byte
}

// Patients is the number of patients among the first n resources.
func (h Hospital) Patients(n int) int { return max(1, n/perPatient) }

// At makes resource i of n. The first n/20 are the patients, so that references resolve.
func (h Hospital) At(i, n int) Resource {
	r := rand.New(rand.NewPCG(h.Seed, uint64(i)))
	patients := h.Patients(n)
	if i < patients {
		return h.patient(r, i)
	}
	patient := h.heavy(r, patients)
	switch kind := r.IntN(100); {
	case kind < 62:
		return h.observation(r, i, patient)
	case kind < 80:
		return h.encounter(r, i, patient)
	case kind < 92:
		return h.condition(r, i, patient)
	default:
		return h.medicationRequest(r, i, patient)
	}
}

// heavy picks a patient; one in a hundred has ten times the records of the others.
func (h Hospital) heavy(r *rand.Rand, patients int) int {
	if r.IntN(10) == 0 {
		return r.IntN(max(1, patients/100))
	}
	return r.IntN(patients)
}

// PatientID names patient i.
func PatientID(i int) string { return "pat-" + strconv.Itoa(i) }

// MRN is the identifier of patient i, in the system MRNSystem.
func MRN(i int) string { return fmt.Sprintf("MRN%08d", i) }

// Systems of the made codes and identifiers.
const (
	MRNSystem   = "http://hospital.example/mrn"
	LOINC       = "http://loinc.org"
	codeSystem  = "http://hospital.example/codes"
	categorySys = "http://terminology.hl7.org/CodeSystem/observation-category"
)

var (
	families = []string{"Abel", "Brandt", "Castro", "Dahl", "Eriksen", "Fontaine", "Grimaldi", "Haas", "Ivanova", "Jensen", "Kowalska", "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Sato", "Tanaka", "Ueda", "Varga", "Weiss", "Xu", "Yilmaz", "Zeller"}
	givens   = []string{"Ada", "Bo", "Cleo", "Dag", "Eva", "Finn", "Gro", "Hana", "Ida", "Jon", "Kai", "Lea", "Mio", "Nia", "Ole", "Pia", "Rui", "Sol", "Tea", "Uma", "Vic", "Wil", "Yara", "Zoe"}
	cities   = []string{"Northport", "Easton", "Southbury", "Westfield", "Midvale", "Lakeview", "Hillcrest", "Riverside"}
	units    = []string{"mmol/L", "mg/dL", "kg", "cm", "mm[Hg]", "/min", "%", "Cel"}
)

// Code is code c of the made code list; low numbers are common (see pick).
func Code(c int) string { return fmt.Sprintf("%05d-%d", 10000+c, c%10) }

// pick draws from n so that small numbers are common: half of the draws fall on a tenth.
func pick(r *rand.Rand, n int) int {
	f := r.Float64()
	return int(f * f * f * float64(n))
}

func day(r *rand.Rand) time.Time {
	return time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(10*365*24*3600)) * time.Second)
}

func (h Hospital) patient(r *rand.Rand, i int) Resource {
	id := PatientID(i)
	family, given := families[r.IntN(len(families))]+strconv.Itoa(i%1000), givens[r.IntN(len(givens))]
	gender := []string{"female", "male"}[r.IntN(2)]
	body := fmt.Appendf(nil, `{"resourceType":"Patient","id":%q,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">%s %s, an invented patient</div>"},`+
		`"extension":[{"url":"http://hospital.example/fhir/StructureDefinition/mothers-maiden-name","valueString":"%s %s"},{"url":"http://hospital.example/fhir/StructureDefinition/birth-place","valueAddress":{"city":%q,"country":"XX"}},{"url":"http://hospital.example/fhir/StructureDefinition/quality-adjusted-years","valueDecimal":%d.%06d}],`+
		`"identifier":[{"system":"http://hospital.example/registry","value":"%016x"},{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical Record Number"}],"text":"Medical Record Number"},"system":%q,"value":%q}],`+
		`"name":[{"use":"official","family":%q,"given":[%q,%q]}],"telecom":[{"system":"phone","value":"555-%03d-%04d","use":"home"}],"gender":%q,"birthDate":"%04d-%02d-%02d",`+
		`"address":[{"line":["%d Example Street"],"city":%q,"state":"EX","postalCode":"%05d","country":"XX","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/geolocation","extension":[{"url":"latitude","valueDecimal":%d.%06d},{"url":"longitude","valueDecimal":-%d.%06d}]}]}],`+
		`"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"S","display":"Never Married"}],"text":"Never Married"},"multipleBirthBoolean":false,"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en","display":"English"}],"text":"English"}}]}`,
		id, given, family, givens[r.IntN(len(givens))], families[r.IntN(len(families))], cities[r.IntN(len(cities))], r.IntN(60), r.IntN(1_000_000),
		r.Uint64(), MRNSystem, MRN(i), family, given, givens[r.IntN(len(givens))], r.IntN(1000), r.IntN(10000), gender, 1925+r.IntN(100), 1+r.IntN(12), 1+r.IntN(28),
		1+r.IntN(999), cities[r.IntN(len(cities))], r.IntN(100000), 40+r.IntN(5), r.IntN(1_000_000), 70+r.IntN(5), r.IntN(1_000_000))
	return Resource{"Patient", id, body}
}

func (h Hospital) observation(r *rand.Rand, i, patient int) Resource {
	id, code, at := "obs-"+strconv.Itoa(i), Code(pick(r, 200)), day(r)
	unit := units[r.IntN(len(units))]
	body := fmt.Appendf(nil, `{"resourceType":"Observation","id":%q,"identifier":[{"system":"http://hospital.example/observations","value":"%016x"}],"status":"final",`+
		`"category":[{"coding":[{"system":%q,"code":%q,"display":"A category"}]}],"code":{"coding":[{"system":%q,"code":%q,"display":"Measured thing %s"}],"text":"Measured thing %s"},`+
		`"subject":{"reference":"Patient/%s","display":"An invented patient"},"encounter":{"reference":"Encounter/enc-%d"},"effectiveDateTime":%q,"issued":%q,"performer":[{"display":"The laboratory"}],`+
		`"valueQuantity":{"value":%d.%02d,"unit":%q,"system":"http://unitsofmeasure.org","code":%q},"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":%q}]}],`+
		`"note":[{"text":"Taken at the bedside, second sample of the morning round; the sample was clear and was processed within the hour."}],`+
		`"device":{"display":"Analyser %d"},"referenceRange":[{"low":{"value":%d,"unit":%q,"system":"http://unitsofmeasure.org","code":%q},"high":{"value":%d,"unit":%q,"system":"http://unitsofmeasure.org","code":%q},"text":"Reference range of adults"}]}`,
		id, r.Uint64(), categorySys, []string{"laboratory", "vital-signs", "survey"}[pick(r, 3)], LOINC, code, code, code, PatientID(patient), r.IntN(i+1),
		at.Format("2006-01-02T15:04:05-07:00"), at.Add(time.Hour).Format("2006-01-02T15:04:05.000-07:00"), r.IntN(200), r.IntN(100), unit, unit,
		[]string{"N", "H", "L"}[pick(r, 3)], r.IntN(40), r.IntN(50), unit, unit, 60+r.IntN(100), unit, unit)
	return Resource{"Observation", id, body}
}

func (h Hospital) encounter(r *rand.Rand, i, patient int) Resource {
	id, at := "enc-"+strconv.Itoa(i), day(r)
	body := fmt.Appendf(nil, `{"resourceType":"Encounter","id":%q,"identifier":[{"use":"official","system":"http://hospital.example/encounters","value":"%016x"}],"status":"finished",`+
		`"class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":%q},"type":[{"coding":[{"system":%q,"code":%q,"display":"Encounter for check up"}],"text":"Encounter for check up"}],`+
		`"subject":{"reference":"Patient/%s","display":"An invented patient"},"participant":[{"type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"PPRF","display":"primary performer"}],"text":"primary performer"}],"period":{"start":%q,"end":%q},"individual":{"display":"An invented doctor"}}],`+
		`"period":{"start":%q,"end":%q},"serviceProvider":{"display":"The hospital"}}`,
		id, r.Uint64(), []string{"AMB", "IMP", "EMER"}[pick(r, 3)], codeSystem, Code(pick(r, 40)), PatientID(patient),
		at.Format(time.RFC3339), at.Add(30*time.Minute).Format(time.RFC3339), at.Format(time.RFC3339), at.Add(30*time.Minute).Format(time.RFC3339))
	return Resource{"Encounter", id, body}
}

func (h Hospital) condition(r *rand.Rand, i, patient int) Resource {
	id, at := "con-"+strconv.Itoa(i), day(r)
	code := Code(pick(r, 300))
	body := fmt.Appendf(nil, `{"resourceType":"Condition","id":%q,"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":%q}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]},`+
		`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis","display":"Encounter Diagnosis"}]}],"code":{"coding":[{"system":%q,"code":%q,"display":"Condition %s"}],"text":"Condition %s"},`+
		`"subject":{"reference":"Patient/%s"},"onsetDateTime":%q,"recordedDate":%q}`,
		id, []string{"active", "resolved"}[pick(r, 2)], codeSystem, code, code, code, PatientID(patient), at.Format(time.RFC3339), at.Format(time.RFC3339))
	return Resource{"Condition", id, body}
}

func (h Hospital) medicationRequest(r *rand.Rand, i, patient int) Resource {
	id, at := "med-"+strconv.Itoa(i), day(r)
	code := Code(pick(r, 100))
	body := fmt.Appendf(nil, `{"resourceType":"MedicationRequest","id":%q,"status":%q,"intent":"order","medicationCodeableConcept":{"coding":[{"system":%q,"code":%q,"display":"Medication %s"}],"text":"Medication %s"},`+
		`"subject":{"reference":"Patient/%s"},"authoredOn":%q,"requester":{"display":"An invented doctor"},"dosageInstruction":[{"sequence":1,"text":"One tablet in the morning","timing":{"repeat":{"frequency":1,"period":1.0,"periodUnit":"d"}},"asNeededBoolean":false,"doseAndRate":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/dose-rate-type","code":"ordered","display":"Ordered"}]},"doseQuantity":{"value":1.0}}]}]}`,
		id, []string{"active", "completed", "stopped"}[pick(r, 3)], codeSystem, code, code, code, PatientID(patient), at.Format(time.RFC3339))
	return Resource{"MedicationRequest", id, body}
}
