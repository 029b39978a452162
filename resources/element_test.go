package resources_test

import (
	"strings"
	"testing"

	"kiln/resources"
)

const observation = `{
  "resourceType": "Observation", "id": "o1",
  "contained": [{"resourceType": "Patient", "id": "p", "name": [{"given": ["Ada", null, "Eve"], "_given": [null, {"id": "g2"}]}]}],
  "_status": {"extension": [{"url": "http://example.org/why", "valueCode": "unknown"}]},
  "valueQuantity": {"value": 1.50, "_value": {"id": "v"}, "unit": "g"},
  "component": [{"valueString": "a"}, {"_valueString": {"id": "s"}}],
  "nonsense": 1
}`

func root(t testing.TB, text string) resources.Element {
	t.Helper()
	e, err := parse(t, text).Resource()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// show lists elements as path:type=text.
func show(seq func(func(resources.Element) bool)) string {
	var out []string
	for e := range seq {
		out = append(out, e.Path()+":"+e.Type().Name+"="+e.Text())
	}
	return strings.Join(out, " ")
}

func TestElement(t *testing.T) {
	o := root(t, observation)
	patient := o.First("contained")
	for _, c := range []struct{ what, got, want string }{
		{
			"children in document order without what R4 does not know", show(o.Children()),
			"Observation.id:id=o1 Observation.contained[0]:Patient= Observation.status:code= Observation.value.ofType(Quantity):Quantity= " +
				"Observation.component[0]:Observation.component= Observation.component[1]:Observation.component=",
		},
		{"a primitive that has only extensions", show(o.First("status").Children()), "Observation.status.extension[0]:Extension="},
		{"a choice by its FHIRPath name", show(o.Child("value")), "Observation.value.ofType(Quantity):Quantity="},
		{"a choice inside an extension", show(o.First("status").First("extension").Child("value")), "Observation.status.extension[0].value.ofType(code):code=unknown"},
		{"a choice that has only an id", show(lastOf(o.Child("component")).Child("value")), "Observation.component[1].value.ofType(string):string="},
		{"digits", o.First("value").First("value").Text(), "1.50"},
		{"the id of a primitive", show(o.First("value").First("value").Children()), "Observation.value.ofType(Quantity).value.id:string=v"},
		{
			"a list joined with its extensions by place", show(patient.First("name").Child("given")),
			"Observation.contained[0].name[0].given[0]:string=Ada Observation.contained[0].name[0].given[1]:string= Observation.contained[0].name[0].given[2]:string=Eve",
		},
		{"no such child", show(o.Child("name")), ""},
		{"the JSON name of a choice is no FHIRPath name", show(o.Child("valueQuantity")), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, c.got, c.want)
		}
	}
	if second := nth(patient.First("name").Child("given"), 1); second.HasValue() || second.First("id").Text() != "g2" {
		t.Error("a null in a list is an element without value")
	}
	if !patient.IsResource() || o.First("value").IsResource() {
		t.Error("contained resources are resources and quantities are not")
	}
}

func lastOf(seq func(func(resources.Element) bool)) (last resources.Element) {
	for e := range seq {
		last = e
	}
	return last
}

func nth(seq func(func(resources.Element) bool), i int) resources.Element {
	for e := range seq {
		if i == 0 {
			return e
		}
		i--
	}
	return resources.Element{}
}

func TestResourceThatIsNone(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{`[]`, "JSON object; found an array"},
		{`{"id":"1"}`, `no "resourceType"`},
		{`{"resourceType":7}`, `no "resourceType"`},
		{`{"resourceType":"Pazient"}`, `"Pazient" is not a resource type`},
		{`{"resourceType":"DomainResource"}`, `"DomainResource" is not a resource type`},
	} {
		if _, err := parse(t, c.text).Resource(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

func BenchmarkChild(b *testing.B) {
	o := root(b, observation)
	b.ReportAllocs()
	for b.Loop() {
		for v := range o.Child("value") {
			if v.First("unit").Text() != "g" {
				b.Fatal("wrong unit")
			}
		}
	}
}
