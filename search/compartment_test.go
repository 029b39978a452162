package search_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
)

func TestCompartment(t *testing.T) {
	p := newParameters(t)
	for _, c := range []struct{ name, typ, want string }{
		{"Patient", "Observation", "or(subject=Patient/1, performer=Patient/1)"},
		{"Patient", "Patient", "or(_id=1, link=Patient/1)"},
		{"Encounter", "Encounter", "_id=1"},
		{"Practitioner", "Appointment", "actor=Practitioner/1"},
		{"RelatedPerson", "Patient", "link=RelatedPerson/1"},
		{"Device", "Observation", "or(subject=Device/1, device=Device/1)"},
	} {
		x, err := p.Compartment(c.name, "1", c.typ)
		if err != nil {
			t.Fatal(err)
		}
		if got := showTree(x); got != c.want {
			t.Errorf("%s in the compartment %s is %s; want %s", c.typ, c.name, got, c.want)
		}
	}
	t.Run("every parameter of every definition is there", func(t *testing.T) {
		for _, name := range []string{"Patient", "Encounter", "Practitioner", "RelatedPerson", "Device"} {
			for typ, codes := range definitions.R4().Compartment(name).Types {
				for _, code := range codes {
					if param := p.Lookup(typ, code); code != "{def}" && (param == nil || !param.Refers(name)) && !misnamed[name+" "+typ+"."+code] {
						t.Errorf("%s.%s does not refer to %s", typ, code, name)
					}
				}
			}
		}
	})
	t.Run("other types and compartments are refused", func(t *testing.T) {
		for _, c := range [][2]string{{"Patient", "Medication"}, {"Location", "Patient"}} {
			if _, err := p.Compartment(c[0], "1", c[1]); !outcome.Is(err, outcome.NotFound) {
				t.Errorf("%v gives %v", c, err)
			}
		}
	})
}

// misnamed are the parameters of compartment definitions that can refer to no such resource.
var misnamed = map[string]bool{}

func TestParseInACompartment(t *testing.T) {
	p := newParameters(t)
	inside := search.ParseOptions{Compartment: search.Compartment{Name: "Patient", ID: "1"}}
	t.Run("one type, and-ed with its filters", func(t *testing.T) {
		q, _, err := parse(t, p, "Observation", "code=x", inside)
		if err != nil {
			t.Fatal(err)
		}
		if got := showTree(q.Branches[0].Filter); got != "and(or(subject=Patient/1, performer=Patient/1), code=x)" {
			t.Errorf("the filter is %s", got)
		}
	})
	t.Run("all types of the compartment", func(t *testing.T) {
		q, _, err := parse(t, p, "", "_tag=x", inside)
		if err != nil {
			t.Fatal(err)
		}
		if len(q.Branches) != 66 || slices.ContainsFunc(q.Branches, func(b search.Branch) bool { return !strings.HasSuffix(showTree(b.Filter), ", _tag=x)") }) {
			t.Errorf("there are %d branches, the first %s", len(q.Branches), showTree(q.Branches[0].Filter))
		}
	})
	t.Run("some types by _type", func(t *testing.T) {
		q, _, err := parse(t, p, "", "_type=Condition,Patient", inside)
		if err != nil || len(q.Branches) != 2 || showTree(q.Branches[1].Filter) != "or(_id=1, link=Patient/1)" {
			t.Errorf("the query is %+v, %v", q, err)
		}
	})
	t.Run("a type outside is refused", func(t *testing.T) {
		if _, _, err := parse(t, p, "Medication", "", inside); err == nil || !strings.Contains(err.Error(), "holds no resources") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("it finds the patient and what refers to it", func(t *testing.T) {
		w := world(t)
		q, _, err := parse(t, w.Parameters, "", "", search.ParseOptions{Compartment: search.Compartment{Name: "Patient", ID: "p1"}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range w.Resources {
			if ok, err := q.Match(context.Background(), r.Resource, w); err != nil {
				t.Fatal(err)
			} else if ok {
				got = append(got, r.Type+"/"+r.ID)
			}
		}
		if want := []string{"Patient/p1", "Observation/a", "Provenance/v"}; !slices.Equal(got, want) {
			t.Errorf("it finds %v; want %v", got, want)
		}
	})
}
