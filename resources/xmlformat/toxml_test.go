package xmlformat_test

import (
	"strings"
	"testing"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat"
)

func TestAppendXMLWrites(t *testing.T) {
	for _, c := range []struct{ name, json, want string }{
		{
			"elements in the order of the definition", `{"birthDate":"1970","_active":{"id":"a"},"name":[{"given":["A"],"family":"B"}],"id":"p","resourceType":"Patient","active":true}`,
			wrap("Patient", `<id value="p"/><active value="true" id="a"/><name><family value="B"/><given value="A"/></name><birthDate value="1970"/>`),
		},
		{
			"all types of a choice", `{"resourceType":"Observation","valueString":"a","valueQuantity":{"value":1.0}}`,
			wrap("Observation", `<valueString value="a"/><valueQuantity><value value="1.0"/></valueQuantity>`),
		},
		{
			"narrative as it stands", `{"resourceType":"Basic","text":{"div":"<div xmlns='http://www.w3.org/1999/xhtml'>a<br/>&#160;</div>"}}`,
			wrap("Basic", `<text><div xmlns='http://www.w3.org/1999/xhtml'>a<br/>&#160;</div></text>`),
		},
		{
			"narrative with the namespace that it lacks", `{"resourceType":"Basic","text":{"div":" <div class=\"c\">a</div>\n"}}`,
			wrap("Basic", `<text><div xmlns="http://www.w3.org/1999/xhtml" class="c">a</div></text>`),
		},
		{
			"entities of HTML as numbers", `{"resourceType":"Basic","text":{"div":"<div>&nbsp;&eacute;&lt;&amp;nbsp;</div>"}}`,
			wrap("Basic", `<text><div xmlns="http://www.w3.org/1999/xhtml">&#160;&#233;&lt;&amp;nbsp;</div></text>`),
		},
		{
			"lists of values and extensions of different length", `{"resourceType":"Patient","name":[{"given":["A","B"],"_given":[{"id":"a"}]}]}`,
			wrap("Patient", `<name><given value="A" id="a"/><given value="B"/></name>`),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(toXML(t, []byte(c.json))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAppendXMLIndents(t *testing.T) {
	got := toXML(t, []byte(`{"resourceType":"Patient","id":"p","text":{"status":"empty","div":"<div>a</div>"},"contained":[{"resourceType":"Basic","id":"b"}],"name":[{"given":["A"],"_given":[{"extension":[{"url":"u"}]}]}]}`),
		xmlformat.Declaration, xmlformat.Indent)
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<Patient xmlns="http://hl7.org/fhir">
  <id value="p"/>
  <text>
    <status value="empty"/>
    <div xmlns="http://www.w3.org/1999/xhtml">a</div>
  </text>
  <contained>
    <Basic>
      <id value="b"/>
    </Basic>
  </contained>
  <name>
    <given value="A">
      <extension url="u"/>
    </given>
  </name>
</Patient>
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAppendXMLRefuses(t *testing.T) {
	for _, c := range []struct {
		name, json string
		want       []string
	}{
		{"Members that R4 does not know", `{"resourceType":"Patient","foo":1,"name":[{"bar":{}}],"resourceTypo":"x"}`, []string{
			`0:0 structure Patient.foo Patient has no element "foo", so there is no XML form of it.`,
			`0:0 structure Patient.resourceTypo Patient has no element "resourceTypo", so there is no XML form of it.`,
			`0:0 structure Patient.name[0].bar HumanName has no element "bar", so there is no XML form of it.`,
		}},
		{
			"Comments in the way of old versions", `{"resourceType":"Patient","fhir_comments":["x"]}`,
			[]string{`0:0 structure Patient.fhir_comments Patient has no element "fhir_comments", so there is no XML form of it.`},
		},
		{
			"The type of a resource inside an element", `{"resourceType":"Patient","name":[{"resourceType":"Patient"}]}`,
			[]string{`0:0 structure Patient.name[0].resourceType HumanName has no element "resourceType", so there is no XML form of it.`},
		},
		{"Values of another type", `{"resourceType":"Patient","active":"true","birthDate":1970,"multipleBirthInteger":"2","maritalStatus":"M"}`, []string{
			`0:0 structure Patient.active Found string where boolean has boolean.`,
			`0:0 structure Patient.birthDate Found number where date has string.`,
			`0:0 structure Patient.maritalStatus Found string where an object was expected.`,
			`0:0 structure Patient.multipleBirth.ofType(integer) Found string where integer has number.`,
		}},
		{"Lists in the wrong place", `{"resourceType":"Patient","name":{},"birthDate":["1970"],"communication":[]}`, []string{
			`0:0 structure Patient.name The element repeats, so JSON has an array; found object.`,
			`0:0 structure Patient.birthDate The element does not repeat, so JSON has no array.`,
			`0:0 structure Patient.communication An empty list has no XML form.`,
		}},
		{"Nulls", `{"resourceType":"Patient","birthDate":null,"name":[null,{"given":[null,"A"],"_given":[null,{}]}]}`, []string{
			`0:0 structure Patient.name[0] A null without an extension has no XML form.`,
			`0:0 structure Patient.name[1].given[0] A null without an extension has no XML form.`,
			`0:0 structure Patient.birthDate A null without an extension has no XML form.`,
		}},
		{"Nulls where extensions of a value that is not there would be", `{"resourceType":"Patient","name":[{"_given":[null]}],"_birthDate":null}`, []string{
			`0:0 structure Patient.name[0].given[0] A null without an extension has no XML form.`,
			`0:0 structure Patient.birthDate A null without an extension has no XML form.`,
		}},
		{"Extensions of nothing", `{"resourceType":"Patient","_birthDate":{},"_active":"x"}`, []string{
			`0:0 structure Patient.active Found string where the id and extensions of a primitive are an object.`,
			`0:0 structure Patient.birthDate The element has neither a value nor extensions.`,
		}},
		{"Attributes with extensions, or that are no text", `{"resourceType":"Basic","extension":[{"url":"u","_url":{"id":"a"}},{"url":1}]}`, []string{
			`0:0 structure Basic.extension[0].url The element is an attribute in XML, which has no id or extensions.`,
			`0:0 structure Basic.extension[1].url Found number where a string was expected.`,
		}},
		{"Characters that XML does not have", `{"resourceType":"Basic","language":"a\u0000","extension":[{"url":"\u001b"}]}`, []string{
			`0:0 structure Basic.language The value holds the character U+0000, which XML does not allow.`,
			`0:0 structure Basic.extension[0].url The value holds the character U+001B, which XML does not allow.`,
		}},
		{
			"Narrative that is no XHTML", `{"resourceType":"Basic","text":{"div":"<div>a<br></div>"}}`,
			[]string{`0:0 structure Basic.text.div The narrative is not well-formed XHTML: The end tag </div> was found where </br> was expected.`},
		},
		{
			"Narrative that is no div", `{"resourceType":"Basic","text":{"div":"<p>a</p>"}}`,
			[]string{`0:0 structure Basic.text.div The narrative is not well-formed XHTML: The narrative does not begin with <div>.`},
		},
		{
			"Narrative that would break out", `{"resourceType":"Basic","text":{"div":"<div></div><id value='x'/>"}}`,
			[]string{`0:0 structure Basic.text.div The narrative is not well-formed XHTML: There is a second root element.`},
		},
		{
			"Narrative of another namespace", `{"resourceType":"Basic","text":{"div":"<div xmlns='u'/>"}}`,
			[]string{`0:0 structure Basic.text.div The narrative is not well-formed XHTML: The narrative is not a <div> of the namespace "http://www.w3.org/1999/xhtml".`},
		},
		{
			"Extensions of narrative", `{"resourceType":"Basic","text":{"_div":{"id":"a"}}}`,
			[]string{`0:0 structure Basic.text.div Narrative has no extensions, and its id is inside of the markup.`},
		},
		{"A resource of no known type", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Foo"}},{"resource":{}}]}`, []string{
			`0:0 structure Bundle.entry[0].resource "Foo" is not a resource type of FHIR R4.`,
			`0:0 structure Bundle.entry[1].resource The object has no "resourceType", so it is no resource.`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := parse(t, []byte(c.json)).Resource()
			if err != nil {
				t.Fatal(err)
			}
			xml, err := xmlformat.AppendXML([]byte("before"), e)
			if err == nil {
				t.Fatalf("became %s", xml)
			}
			if string(xml) != "before" || outcome.As(err).Stage != outcome.StageContent {
				t.Errorf("%q, stage %d", xml, outcome.As(err).Stage)
			}
			if got := describe(outcome.As(err)); got != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(c.want, "\n"))
			}
		})
	}
	t.Run("What is no resource", func(t *testing.T) {
		e, err := parse(t, []byte(`{"resourceType":"Patient","name":[{}]}`)).Resource()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []resources.Element{{}, e.First("name")} {
			if _, err := xmlformat.AppendXML(nil, e); !outcome.Is(err, outcome.Structure) {
				t.Errorf("%v", err)
			}
		}
	})
}

func TestAppendXMLWritesAContainedResourceAlone(t *testing.T) {
	e, err := parse(t, []byte(`{"resourceType":"Basic","contained":[{"resourceType":"Patient","id":"p"}]}`)).Resource()
	if err != nil {
		t.Fatal(err)
	}
	xml, err := xmlformat.AppendXML([]byte("a"), e.First("contained"), xmlformat.Indent)
	if want := "a<Patient xmlns=\"http://hl7.org/fhir\">\n  <id value=\"p\"/>\n</Patient>\n"; err != nil || string(xml) != want {
		t.Errorf("%s, %v", xml, err)
	}
}
