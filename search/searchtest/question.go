package searchtest

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kiln/resources/definitions"
	"kiln/search"
)

// Question is a search with where it is asked: of a type, of a compartment, of the whole system.
type Question struct {
	Type        string // "" is the whole system, or all types of the compartment
	Compartment search.Compartment
	Query       string // percent-encoded
}

// String is the address that asks it.
func (q Question) String() string {
	address := q.Type
	if q.Compartment.Name != "" {
		if address == "" {
			address = "*"
		}
		address = q.Compartment.Name + "/" + q.Compartment.ID + "/" + address
	}
	return address + "?" + q.Query
}

// compartments are those of R4: https://hl7.org/fhir/R4/compartmentdefinition.html
var compartments = []string{"Patient", "Encounter", "Practitioner", "RelatedPerson", "Device"}

// RandomQuestion asks for a type mostly, and at times for what the search of one type has not: _list,
// compartments, the whole system, several types.
func (w *World) RandomQuestion(r *rand.Rand, typ string) Question {
	g := generator{r: r, parameters: w.Parameters, samples: w.samples}
	switch r.IntN(16) {
	case 0:
		return g.compartment()
	case 1:
		return Question{Query: w.RandomQuery(r, "")}
	case 2:
		return g.several()
	case 3:
		return Question{Type: typ, Query: "_list=" + url.QueryEscape(pick(r, []string{"", "List/"})+ids(r)) + "&" + w.RandomQuery(r, typ)}
	}
	return Question{Type: typ, Query: w.RandomQuery(r, typ)}
}

func (g generator) compartment() Question {
	q := Question{Compartment: search.Compartment{Name: pick(g.r, compartments), ID: ids(g.r)}}
	if g.r.IntN(3) > 0 {
		q.Type = pick(g.r, search.CompartmentTypes(q.Compartment.Name))
	}
	if g.r.IntN(4) > 0 {
		q.Query = g.query(q.Type, nil)
	}
	return q
}

// several asks for two or three types, by a parameter that they share.
func (g generator) several() Question {
	names := definitions.R4().ResourceNames()
	types := []string{pick(g.r, names), pick(g.r, usualTypes), pick(g.r, usualTypes)}[:2+g.r.IntN(2)]
	parts := []string{"_type=" + strings.Join(types, ",")}
	if p := pick(g.r, g.shared(types)); g.r.IntN(5) == 0 {
		parts = append(parts, p.Code+":missing="+strconv.FormatBool(g.r.IntN(2) == 0))
	} else {
		parts = append(parts, p.Code+"="+url.QueryEscape(g.value(p, "")))
	}
	if p := pick(g.r, g.shared(types)); g.r.IntN(2) == 0 && p.Type != search.TypeComposite {
		parts = append(parts, "_sort="+pick(g.r, []string{"", "-"})+p.Code)
	}
	return Question{Query: strings.Join(parts, "&")}
}

// shared are the parameters, by the first type, that mean the same kind of thing for all types.
func (g generator) shared(types []string) []*search.Parameter {
	var list []*search.Parameter
	for _, p := range g.parameters.Of(types[0]) {
		alike := func(typ string) bool {
			other := g.parameters.Lookup(typ, p.Code)
			return other != nil && other.Type == p.Type
		}
		if p.Type != search.TypeSpecial && p.Type != search.TypeComposite && !slices.ContainsFunc(types, func(t string) bool { return !alike(t) }) {
			list = append(list, p)
		}
	}
	return list
}
