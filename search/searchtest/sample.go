package searchtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"kiln/resources/definitions"
)

// BaseURL is the base of the server that absolute references are written with.
const BaseURL = "http://kiln.example/fhir"

// words are texts that differ in what folding takes away, and in what it keeps.
var words = []string{
	"Ada", "ada", "ADA", "Àda", "Adalbert", "Ada Byron", "Anne-Marie", "anne marie", "O'Brien", "obrien", "Müller", "Muller",
	"Straße", "strasse", "Zoë  Q.", "Łukasz", "山田", "Иван", "an", "a", "x_y", "100% sure", "a,b", "a$b", "a|b", `a\b`, "zz",
}

var systems = []string{"http://loinc.org", "http://snomed.info/sct", "urn:oid:1.2.3", "http://kiln.example/a|b"}

var codes = []string{"A", "a", "B", "8480-6", "C,D", "E|F", "G$H", "true"}

var dates = []string{
	"2019", "2020", "2020-02", "2020-02-29", "2020-12-31", "2021-01-01", "1969-12-31", "0001", "9999-12-31",
	"2020-02-29T10:00:00Z", "2020-02-29T10:00:00.5Z", "2020-02-29T23:30:00-01:00", "2020-03-01T00:30:00+00:00",
	"2020-02-29T10:00:00.123456Z", "2020-02-29T12:00:00+02:00",
}

var days = []string{"1969-12-31", "1970", "2020", "2020-02", "2020-02-28", "2020-02-29", "2020-03-01", "9999"}

var numbers = []string{"0", "1", "1.0", "1.00", "-1", "99.5", "100", "100.0", "100.5", "1e2", "5.4", "5.40", "0.05", "12345678901234567890.125", "-0.5"}

var units = []string{"mg", "kg", "[lb_av]", "mm[Hg]", "a", "Cel", "[degF]", "[IU]", "mmHg"}

var uris = []string{
	"http://kiln.example/a", "http://kiln.example/a/b", "http://kiln.example/a/b/c", "http://kiln.example/ab", "http://kiln.example/a/b?x=1",
	"urn:oid:1.2.3", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "http://kiln.example/a,b",
}

// samples write the values of a type.
var samples map[string]func(*writer, *definitions.Element, definitions.TypeRef)

func init() { // filled here since Quantity and its like are written by each other
	samples = map[string]func(*writer, *definitions.Element, definitions.TypeRef){
		"string":       texts(words),
		"markdown":     texts(words),
		"uri":          texts(uris),
		"url":          texts(uris),
		"oid":          texts(uris[5:6]),
		"uuid":         texts(uris[6:7]),
		"id":           texts([]string{"r1", "r2", "x"}),
		"date":         texts(days),
		"dateTime":     texts(dates),
		"instant":      texts(dates[9:]),
		"time":         texts([]string{"10:00:00"}),
		"base64Binary": texts([]string{"AAAA"}),
		"xhtml":        (*writer).xhtml,
		"boolean":      raws([]string{"true", "false"}),
		"decimal":      raws(numbers),
		"integer":      raws([]string{"0", "1", "5", "100", "-3"}),
		"positiveInt":  raws([]string{"1", "2", "100"}),
		"unsignedInt":  raws([]string{"0", "1", "100"}),
		"code":         (*writer).code,
		"canonical":    (*writer).canonical,
		"Reference":    (*writer).reference,
		"Period":       (*writer).period,
		"SampledData":  (*writer).sampledData,

		"Location.position": (*writer).position,
	}
	for _, name := range []string{"Quantity", "Age", "Count", "Distance", "Duration"} {
		samples[name] = (*writer).quantity
	}
}

func texts(list []string) func(*writer, *definitions.Element, definitions.TypeRef) {
	return func(w *writer, _ *definitions.Element, _ definitions.TypeRef) { w.text(pick(w.r, list)) }
}

func raws(list []string) func(*writer, *definitions.Element, definitions.TypeRef) {
	return func(w *writer, _ *definitions.Element, _ definitions.TypeRef) { w.raw(pick(w.r, list)) }
}

// code writes one of the first codes of a required binding.
func (w *writer) code(e *definitions.Element, _ definitions.TypeRef) {
	list := codes
	if vs := definitions.R4().ValueSet(e.Binding.ValueSet); vs != nil && e.Binding.Strength == "required" && len(vs.Codes) > 0 {
		list = make([]string, 0, len(vs.Codes))
		for code := range vs.Codes {
			list = append(list, code)
		}
		slices.Sort(list)
		list = list[:min(3, len(list))]
	}
	w.text(pick(w.r, list))
}

func (w *writer) canonical(_ *definitions.Element, ref definitions.TypeRef) {
	url := pick(w.r, uris)
	if len(ref.Targets) > 0 && w.r.IntN(3) == 0 {
		url = w.target(ref) + "/" + ids(w.r)
	}
	if w.r.IntN(2) == 0 {
		url += "|" + pick(w.r, []string{"1.0", "2"})
	}
	w.text(url)
}

func (w *writer) target(ref definitions.TypeRef) string {
	if typ := pick(w.r, append([]string{"Patient"}, ref.Targets...)); definitions.R4().Resource(typ) != nil {
		return typ
	}
	return "Patient"
}

// reference writes one of all forms: https://hl7.org/fhir/R4/references.html
func (w *writer) reference(_ *definitions.Element, ref definitions.TypeRef) {
	local := w.target(ref) + "/" + ids(w.r)
	form := w.r.IntN(12)
	if w.inside && w.r.IntN(3) == 0 {
		form = 4
	}
	switch form {
	case 0:
		w.raw(fmt.Sprintf(`{"reference":%q}`, BaseURL+"/"+local))
	case 1:
		w.raw(fmt.Sprintf(`{"reference":%q}`, "http://elsewhere.example/fhir/"+local))
	case 2:
		w.raw(fmt.Sprintf(`{"reference":%q}`, local+"/_history/"+strconv.Itoa(1+w.r.IntN(2))))
	case 3:
		w.raw(`{"reference":"` + uris[6] + `"}`)
	case 4:
		w.raw(`{"reference":"` + pick(w.r, localReferences) + `"}`)
	case 5:
		w.raw(`{"identifier":{"system":`)
		w.text(pick(w.r, systems))
		w.raw(`,"value":`)
		w.text(pick(w.r, codes))
		w.raw(`},"display":"someone"}`)
	default:
		w.raw(fmt.Sprintf(`{"reference":%q}`, local))
	}
}

func (w *writer) period(_ *definitions.Element, _ definitions.TypeRef) {
	start, end := pick(w.r, dates), pick(w.r, dates)
	switch w.r.IntN(3) {
	case 0:
		w.raw(fmt.Sprintf(`{"start":%q}`, start))
	case 1:
		w.raw(fmt.Sprintf(`{"end":%q}`, end))
	default:
		w.raw(fmt.Sprintf(`{"start":%q,"end":%q}`, start, end))
	}
}

func (w *writer) quantity(_ *definitions.Element, _ definitions.TypeRef) {
	w.raw(`{"value":` + pick(w.r, numbers))
	if w.r.IntN(6) == 0 {
		w.raw(`,"comparator":"` + pick(w.r, []string{"<", "<=", ">=", ">"}) + `"`)
	}
	unit := pick(w.r, units)
	if w.r.IntN(4) > 0 {
		w.raw(`,"system":"http://unitsofmeasure.org","code":"` + unit + `"`)
	}
	w.raw(`,"unit":"` + unit + `"}`)
}

func (w *writer) sampledData(_ *definitions.Element, _ definitions.TypeRef) {
	w.raw(`{"origin":{"value":` + pick(w.r, numbers) + `,"code":"mg"},"period":10,"factor":0.5,"dimensions":1,"upperLimit":100,"data":"1 2 E 3.5 U"}`)
}

// RandomType is one of the types that have many kinds of parameters, or at times any.
func RandomType(r *rand.Rand) string {
	if r.IntN(10) == 0 {
		return pick(r, definitions.R4().ResourceNames())
	}
	return pick(r, usualTypes)
}

var usualTypes = []string{
	"Patient", "Patient", "Observation", "Observation", "Observation", "Encounter", "Condition", "Organization", "Practitioner", "RiskAssessment",
	"ValueSet", "DocumentReference", "Group", "Provenance", "Task", "ChargeItem", "MolecularSequence", "QuestionnaireResponse", "Location",
}
