package search

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"kiln/resources"
	"kiln/resources/definitions"
)

// TestEveryComposite asks every composite parameter of R4 for values that stand on one element, and for
// the same values where they stand on different ones. The resources are made from the paths of the
// parameter: two elements, each with its own value for each component.
func TestEveryComposite(t *testing.T) {
	p, err := NewParameters(Options{})
	if err != nil {
		t.Fatal(err)
	}
	composites, queries := 0, 0
	for _, name := range definitions.R4().ResourceNames() {
		for _, param := range p.Of(name) {
			if param.Type != TypeComposite {
				continue
			}
			composites++
			for i, s := range param.selectors {
				t.Run(fmt.Sprintf("%s.%s %d", name, param.Code, i), func(t *testing.T) { queries += checkComposite(t, p, name, param, s) })
			}
		}
	}
	if composites < 60 || queries < 4*composites {
		t.Errorf("%d composites were asked %d queries; expected more", composites, queries)
	}
}

func checkComposite(t *testing.T, p *Parameters, name string, param *Parameter, s *selector) (queries int) {
	for alternative := range 3 {
		resource := map[string]any{"resourceType": name, "id": "x"}
		texts := make([][2]string, len(param.Components))
		built := false
		for variant := range 2 {
			element, typ := resource, definitions.R4().Type(name)
			if variant > 0 && !repeats(typ, s.steps) {
				continue // there is but one
			}
			if len(s.steps) > 0 {
				element, typ = addElement(typ, resource, s.steps)
			}
			for i, c := range param.Components {
				text, at := "", alternative
				if len(c.root) > 0 {
					text = put(definitions.R4().Type(name), resource, c.root[0].steps, c.Type, 0)
				} else {
					at = min(at, len(c.selectors)-1)
					built = built || at == alternative
					text = put(typ, element, c.selectors[at].steps, c.Type, variant)
				}
				texts[i][variant] = text
			}
		}
		if !built {
			break
		}
		body, err := json.Marshal(resource)
		if err != nil {
			t.Fatal(err)
		}
		for chosen := range 1 << len(texts) {
			queries += askComposite(t, p, name, param, body, texts, chosen, repeats(definitions.R4().Type(name), s.steps))
		}
	}
	return queries
}

// askComposite asks for the second value of those components whose bit is set, and the first of the
// others: together they stand on one element where all bits are the same.
func askComposite(t *testing.T, p *Parameters, name string, param *Parameter, body []byte, texts [][2]string, chosen int, two bool) int {
	t.Helper()
	parts := make([]string, len(texts))
	ones, own := 0, 0
	for i := range texts {
		bit := chosen >> i & 1
		if len(param.Components[i].root) > 0 {
			if parts[i] = texts[i][0]; bit == 1 {
				return 0
			}
			continue
		}
		parts[i], own, ones = texts[i][bit], own+1, ones+bit
		if parts[i] == "" { // of the second element, which is not there: any other value
			parts[i] = otherValue(param.Components[i].Type)
		}
	}
	want := ones == 0 || ones == own && two
	doc, err := resources.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	e, err := doc.Resource()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := p.Extract(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	value := strings.Join(parts, "$")
	query, _, err := p.Parse([]string{name}, []NameValue{{param.Code, value}}, ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := query.Match(context.Background(), Resource{Type: name, ID: "x", Entries: entries}, nil)
	if err != nil || got != want {
		t.Errorf("%s?%s=%s on %s: %v, %v; want %v", name, param.Code, value, body, got, err, want)
	}
	return 1
}

// repeats reports whether there can be several elements at the end of a path.
func repeats(typ *definitions.Type, path []step) bool {
	if len(path) == 0 {
		return false
	}
	e := typ.Element(path[0].child)
	return e.List() && len(path) == 1 || len(path) > 1 && repeats(e.Types[0].Type, path[1:])
}

// addElement puts one more element at the end of a path, and gives it.
func addElement(typ *definitions.Type, in map[string]any, path []step) (map[string]any, *definitions.Type) {
	e := typ.Element(path[0].child)
	name, below := e.JSONName(e.Types[0].Type), e.Types[0].Type
	list, _ := in[name].([]any)
	if len(path) > 1 {
		if list == nil {
			list = append(list, map[string]any{})
			in[name] = list
		}
		return addElement(below, list[0].(map[string]any), path[1:])
	}
	added := map[string]any{}
	if in[name] = added; e.List() {
		in[name] = append(list, added)
	}
	return added, below
}

// put writes a value at the end of a path, and gives it as a query has it.
func put(typ *definitions.Type, in map[string]any, path []step, as ParameterType, variant int) string {
	e := typ.Element(path[0].child)
	content := e.Types[0].Type
	path = path[1:]
	if len(path) > 0 && path[0].narrow != "" {
		content = fhirType(path[0].narrow)
		path = path[1:]
	}
	name := e.JSONName(content)
	if len(path) > 0 {
		below, _ := in[name].(map[string]any)
		if below == nil {
			below = map[string]any{}
			in[name] = below
		}
		return put(content, below, path, as, variant)
	}
	value, text := sampleOf(content.Name, as, variant)
	if in[name] = value; e.List() {
		in[name] = []any{value}
	}
	return text
}

// sampleOf is one of two values of a type, and how a query names it.
func sampleOf(typ string, as ParameterType, variant int) (value any, text string) {
	n := json.Number(fmt.Sprint(variant + 1))
	text = "v" + n.String()
	quantity := map[string]any{"value": n, "unit": "u"}
	day := "202" + n.String() + "-01-01"
	switch typ {
	case "CodeableConcept":
		return map[string]any{"coding": []any{map[string]any{"system": "urn:s", "code": text}}}, "urn:s|" + text
	case "Coding":
		return map[string]any{"system": "urn:s", "code": text}, "urn:s|" + text
	case "Quantity":
		return quantity, n.String() + "||u"
	case "Range":
		return map[string]any{"low": quantity, "high": quantity}, n.String() + "||u"
	case "Reference":
		return map[string]any{"reference": "http://elsewhere.example/x/" + text}, "http://elsewhere.example/x/" + text
	case "dateTime":
		return day, day
	case "Period":
		return map[string]any{"start": day, "end": day}, day
	case "integer", "decimal":
		return n, n.String()
	}
	return text, text
}

// otherValue is a value that no sample has.
func otherValue(as ParameterType) string {
	switch as {
	case TypeQuantity, TypeNumber:
		return "9"
	case TypeDate:
		return "1999"
	}
	return "other"
}
