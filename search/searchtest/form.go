package searchtest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"kiln/resources/definitions"
	"kiln/search"
)

// form is a filter in one of the forms that R4 has for the same thing: a reference by type, address or
// version, a date by its precision and zone, a quantity in another unit. False: none was drawn.
func (g generator) form(p *search.Parameter) (name, value string, ok bool) {
	write := forms[p.Type]
	if write == nil || g.r.IntN(3) > 0 {
		return "", "", false
	}
	modifier, value := write(g, p)
	if modifier != "" {
		return p.Code + ":" + modifier, value, true
	}
	return p.Code, value, true
}

var forms = map[search.ParameterType]func(generator, *search.Parameter) (modifier, value string){
	search.TypeReference: generator.referenceForm,
	search.TypeDate:      generator.dateForm,
	search.TypeQuantity:  generator.quantityForm,
}

// referenceForm is one of https://hl7.org/fhir/R4/search.html#reference
func (g generator) referenceForm(p *search.Parameter) (modifier, value string) {
	ref, _ := g.sample(p).(search.ReferenceValue)
	if ref.ID == "" || !p.Refers(ref.Type) || definitions.R4().Resource(ref.Type) == nil {
		if ref.URL != "" && ref.URL[0] != '#' {
			return "", escape(ref.URL) + pick(g.r, []string{"", "|1.0", "|2"})
		}
		ref = search.ReferenceValue{Type: pick(g.r, targets(p)), ID: ids(g.r)}
	}
	local := ref.Type + "/" + ref.ID
	version := strconv.Itoa(1 + g.r.IntN(2))
	switch g.r.IntN(8) {
	case 0:
		return ref.Type, ref.ID
	case 1:
		return ref.Type, local
	case 2:
		return ref.Type, BaseURL + "/" + local
	case 3:
		return "", local + "/_history/" + version
	case 4:
		return "", BaseURL + "/" + local + "/_history/" + version
	case 5:
		return "", "http://elsewhere.example/fhir/" + local
	case 6:
		return "", BaseURL + "/" + local
	}
	return "", BaseURL + "/" + local + "|" + pick(g.r, []string{"1.0", "2"})
}

// layouts are the precisions of https://hl7.org/fhir/R4/search.html#date
var layouts = []string{
	"2006", "2006-01", "2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02T15:04:05.000",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.000000Z07:00",
}

// zones have whole hours, halves, and both sides.
var zones = []*time.Location{time.UTC, time.FixedZone("", 2*3600), time.FixedZone("", -3600), time.FixedZone("", 5*3600+1800), time.FixedZone("", -12*3600)}

func (g generator) dateForm(p *search.Parameter) (modifier, value string) {
	d, ok := g.sample(p).(search.DateValue)
	micros := pick(g.r, []int64{d.Low, d.High, d.High - 1})
	t := time.UnixMicro(micros).UTC()
	if !ok || t.Year() < 2 || t.Year() > 9997 {
		t = moment(g.r)
	}
	return "", g.prefix() + t.In(pick(g.r, zones)).Format(pick(g.r, layouts))
}

// moment is near those that random resources tell of.
func moment(r *rand.Rand) time.Time {
	return time.Date(pick(r, []int{1969, 1970, 2019, 2020, 2021}), time.Month(1+r.IntN(12)), 1+r.IntN(31), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e9), time.UTC)
}

// kindred are units that are converted into one another: https://ucum.org/ucum
var kindred = [][]string{{"mg", "g", "kg", "ug", "[lb_av]"}, {"Cel", "[degF]", "K"}, {"mm[Hg]", "kPa"}, {"a", "d", "h", "mo"}}

// quantityForm is in a unit that is akin to that of a value.
func (g generator) quantityForm(p *search.Parameter) (modifier, value string) {
	q, _ := g.sample(p).(search.QuantityValue)
	i := slices.IndexFunc(kindred, func(units []string) bool { return slices.Contains(units, q.Code) })
	if i < 0 {
		i = g.r.IntN(len(kindred))
	}
	number := pick(g.r, append([]string{"1000", "0.001", "212", "98.6", "2.204622621848776"}, numbers...))
	return "", g.prefix() + number + "|http://unitsofmeasure.org|" + escape(pick(g.r, kindred[i]))
}
