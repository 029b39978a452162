package xmlformat_test

import (
	"fmt"
	"strings"
	"testing"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat"
)

// wrap puts content into a resource.
func wrap(resource, content string) string {
	return "<" + resource + ` xmlns="http://hl7.org/fhir">` + content + "</" + resource + ">"
}

const div = `<div xmlns="http://www.w3.org/1999/xhtml">`

// bothWays are resources whose XML and JSON become each other.
var bothWays = []struct{ name, xml, json string }{
	{"An empty resource", `<Basic xmlns="http://hl7.org/fhir"/>`, `{"resourceType":"Basic"}`},
	{
		"Booleans and numbers have no quotes in JSON, and decimals keep their digits",
		wrap("Parameters", `<parameter><name value="a"/><valueDecimal value="1.00"/></parameter><parameter><name value="b"/><valueDecimal value="-1E-3"/></parameter>`+
			`<parameter><name value="c"/><valueInteger value="-5"/></parameter><parameter><name value="d"/><valuePositiveInt value="7"/></parameter>`+
			`<parameter><name value="e"/><valueBoolean value="false"/></parameter><parameter><name value="f"/><valueString value="1"/></parameter>`),
		`{"resourceType":"Parameters","parameter":[{"name":"a","valueDecimal":1.00},{"name":"b","valueDecimal":-1E-3},{"name":"c","valueInteger":-5},` +
			`{"name":"d","valuePositiveInt":7},{"name":"e","valueBoolean":false},{"name":"f","valueString":"1"}]}`,
	},
	{
		"A primitive has an id and extensions beside its value",
		wrap("Patient", `<birthDate id="b" value="1970-03-30"><extension url="http://example.org/x"><valueString value="Easter"/></extension></birthDate>`),
		`{"resourceType":"Patient","birthDate":"1970-03-30","_birthDate":{"id":"b","extension":[{"url":"http://example.org/x","valueString":"Easter"}]}}`,
	},
	{
		"A primitive may be nothing but extensions",
		wrap("Patient", `<birthDate><extension url="http://example.org/x"><valueCode value="unknown"/></extension></birthDate>`),
		`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://example.org/x","valueCode":"unknown"}]}}`,
	},
	{
		"A list of primitives has null where a value or an extension is missing",
		wrap("Patient", `<name><given value="Ada"/><given id="g"/><given value="Eva" id="h"/></name>`),
		`{"resourceType":"Patient","name":[{"given":["Ada",null,"Eva"],"_given":[null,{"id":"g"},{"id":"h"}]}]}`,
	},
	{
		"A list of primitives without any value",
		wrap("Patient", `<name><given id="g"/></name>`), `{"resourceType":"Patient","name":[{"_given":[{"id":"g"}]}]}`,
	},
	{
		"Elements have ids as attributes, resources as elements",
		wrap("Patient", `<id value="p"/><name id="n"><family value="Lind"/></name>`), `{"resourceType":"Patient","id":"p","name":[{"id":"n","family":"Lind"}]}`,
	},
	{
		"An extension has its url as an attribute, and extensions inside",
		wrap("Basic", `<extension id="e" url="http://example.org/x"><extension url="y"><valueQuantity><value value="1.50"/></valueQuantity></extension></extension>`),
		`{"resourceType":"Basic","extension":[{"id":"e","url":"http://example.org/x","extension":[{"url":"y","valueQuantity":{"value":1.50}}]}]}`,
	},
	{
		"Contained resources are wrapped",
		wrap("Basic", `<contained><Patient><id value="a"/></Patient></contained><contained><Group><id value="b"/></Group></contained>`),
		`{"resourceType":"Basic","contained":[{"resourceType":"Patient","id":"a"},{"resourceType":"Group","id":"b"}]}`,
	},
	{
		"Bundles and Parameters hold resources",
		wrap("Bundle", `<type value="collection"/><entry><resource><Parameters><parameter><name value="p"/><resource><Basic/></resource></parameter></Parameters></resource></entry>`),
		`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Parameters","parameter":[{"name":"p","resource":{"resourceType":"Basic"}}]}}]}`,
	},
	{
		"A content reference has the elements of what it refers to",
		wrap("Questionnaire", `<status value="draft"/><item><linkId value="1"/><item><linkId value="1.1"/></item></item>`),
		`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","item":[{"linkId":"1.1"}]}]}`,
	},
	{
		"An element may be named resourceType",
		wrap("ExampleScenario", `<status value="draft"/><instance><resourceId value="i"/><resourceType value="Patient"/></instance>`),
		`{"resourceType":"ExampleScenario","status":"draft","instance":[{"resourceId":"i","resourceType":"Patient"}]}`,
	},
	{
		"Narrative is kept as text, markup and all",
		wrap("Basic", `<text><status value="additional"/>`+div+"\r\n<p class='a'>1 &lt; 2 &amp; &#160;<br />\"é\"<!-- c --></p></div></text>"),
		`{"resourceType":"Basic","text":{"status":"additional","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">\r\n<p class='a'>1 &lt; 2 &amp; &#160;<br />\"é\"<!-- c --></p></div>"}}`,
	},
	{"Attributes are escaped", wrap("Basic", `<language value="&quot;&lt;&amp;&gt;'&#10;&#9;é&#13;"/>`), `{"resourceType":"Basic","language":"\"<&>'\n\té\r"}`},
	{"Base64 is text", wrap("Binary", `<contentType value="text/plain"/><data value="aGVs bG8="/>`), `{"resourceType":"Binary","contentType":"text/plain","data":"aGVs bG8="}`},
}

func TestXMLAndJSONBecomeEachOther(t *testing.T) {
	for _, c := range bothWays {
		t.Run(c.name, func(t *testing.T) {
			if got := string(toJSON(t, []byte(c.xml))); got != c.json {
				t.Errorf("to JSON\ngot  %s\nwant %s", got, c.json)
			}
			got, want := canonical(t, toXML(t, []byte(c.json))), canonical(t, []byte(c.xml))
			if got != want {
				t.Errorf("to XML\ngot  %s\nwant %s", got, want)
			}
			expectEqual(t, toJSON(t, toXML(t, []byte(c.json), xmlformat.Indent, xmlformat.Declaration)), []byte(c.json))
		})
	}
}

// TestEveryElementOfEveryTypeSurvives fills each type with every element that it has, all types
// of a choice among them.
func TestEveryElementOfEveryTypeSurvives(t *testing.T) {
	for _, name := range definitions.R4().ResourceNames() {
		t.Run(name, func(t *testing.T) {
			text := appendExample(nil, definitions.R4().Resource(name), 2)
			expectEqual(t, toJSON(t, toXML(t, text)), text)
		})
	}
}

// appendExample writes an object with every member of a type, down to a depth.
func appendExample(b []byte, t *definitions.Type, depth int) []byte {
	b = append(b, '{')
	if t.Kind == definitions.KindResource {
		b = fmt.Appendf(b, `"resourceType":%q`, t.Name)
	}
	for _, e := range t.Elements {
		for _, ref := range e.Types {
			if !ref.Type.Primitive() && depth == 0 {
				continue
			}
			if b[len(b)-1] != '{' {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, "%q:", e.JSONName(ref.Type))
			if e.List() {
				b = append(b, '[')
			}
			switch {
			case ref.Type.Kind == definitions.KindResource:
				b = append(b, `{"resourceType":"Basic"}`...)
			case !ref.Type.Primitive():
				b = appendExample(b, ref.Type, depth-1)
			case ref.Type.Is("boolean"):
				b = append(b, "true"...)
			case ref.Type.Is("integer") || ref.Type.Is("decimal"):
				b = append(b, "10"...)
			case ref.Type.Name == "xhtml":
				b = append(b, `"<div xmlns=\"http://www.w3.org/1999/xhtml\"/>"`...)
			default:
				b = append(b, `"x"`...)
			}
			if e.List() {
				b = append(b, ']')
			}
		}
	}
	return append(b, '}')
}

func TestToJSONReads(t *testing.T) {
	for _, c := range []struct{ name, xml, want string }{
		{"any prefix for FHIR", `<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="true"/></f:Patient>`, `{"resourceType":"Patient","active":true}`},
		{
			"past comments, instructions and schema locations",
			`<?xml-stylesheet href="a"?><!-- b --><Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir a.xsd"><?c?><active value="true"><!-- d --></active></Patient>`,
			`{"resourceType":"Patient","active":true}`,
		},
		{
			"elements in any order, and gathers lists",
			wrap("Patient", `<active value="true"/><name><family value="A"/></name><id value="p"/><name><family value="B"/></name>`),
			`{"resourceType":"Patient","active":true,"name":[{"family":"A"},{"family":"B"}],"id":"p"}`,
		},
		{
			"booleans and numbers with white space and plus signs",
			wrap("Parameters", `<parameter><name value="a"/><valueInteger value=" +5 "/></parameter><parameter><name value="b"/><valueBoolean value="`+"\n"+`true"/></parameter>`),
			`{"resourceType":"Parameters","parameter":[{"name":"a","valueInteger":5},{"name":"b","valueBoolean":true}]}`,
		},
		{
			"CDATA in narrative as it stands", wrap("Basic", `<text>`+div+`<![CDATA[<]]></div></text>`),
			`{"resourceType":"Basic","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><![CDATA[<]]></div>"}}`,
		},
		{
			"narrative whose namespace is declared outside, and makes it stand alone",
			`<Basic xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text><h:div title="a&amp;b"><h:p xml:lang="de">x<h:br/></h:p></h:div></text></Basic>`,
			`{"resourceType":"Basic","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\" title=\"a&amp;b\"><p xml:lang=\"de\">x<br/></p></div>"}}`,
		},
		{
			"narrative whose default namespace is declared outside",
			`<f:Basic xmlns:f="http://hl7.org/fhir" xmlns="http://www.w3.org/1999/xhtml"><f:text><div><p>x</p></div></f:text></f:Basic>`,
			`{"resourceType":"Basic","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x</p></div>"}}`,
		},
		{"a complex element without content, for the validator to refuse", wrap("Patient", `<name/>`), `{"resourceType":"Patient","name":[{}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(toJSON(t, []byte(c.xml))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestToJSONRefuses(t *testing.T) {
	for _, c := range []struct {
		name, xml string
		stage     outcome.Stage
		want      []string
	}{
		{"What is no XML", `{"resourceType":"Patient"}`, outcome.StageSyntax, []string{`1:1 structure  There is text outside of the root element.`}},
		{
			"A document type", `<!DOCTYPE Patient><Patient xmlns="http://hl7.org/fhir"/>`, outcome.StageSyntax,
			[]string{`1:1 structure  A document type, or an entity declaration, is not accepted in FHIR.`},
		},
		{
			"A root without the namespace", `<Patient/>`, outcome.StageSyntax,
			[]string{`1:1 structure  The root element <Patient> is in the namespace ""; resources are in "http://hl7.org/fhir".`},
		},
		{
			"A root that is no resource", `<HumanName xmlns="http://hl7.org/fhir"/>`, outcome.StageSyntax,
			[]string{`1:1 not-supported  "HumanName" is not a resource type of FHIR R4.`},
		},
		{
			"An abstract resource", `<DomainResource xmlns="http://hl7.org/fhir"/>`, outcome.StageSyntax,
			[]string{`1:1 not-supported  "DomainResource" is not a resource type of FHIR R4.`},
		},
		{"All problems at once", "<Patient xmlns=\"http://hl7.org/fhir\">\n<foo><bar/></foo>\n<name bar=\"1\"/>\n<active value=\"yes\"/>text\n</Patient>", outcome.StageContent, []string{
			`2:1 structure Patient.foo Patient has no element "foo".`,
			`3:7 structure Patient.name[0] HumanName has no attribute "bar".`,
			`4:9 structure Patient.active The value "yes" is not of type boolean.`,
			`4:22 structure Patient The element holds text; FHIR writes values in the attribute "value".`,
		}},
		{"What ends the reading first, then the other problems", wrap("Patient", `<foo/><`), outcome.StageSyntax, []string{
			`1:45 structure  Found '<' where the name of an element was expected.`, `1:38 structure Patient.foo Patient has no element "foo".`,
		}},
		{
			"An element in a foreign namespace", wrap("Patient", `<name xmlns="http://example.org"/>`), outcome.StageContent,
			[]string{`1:38 structure Patient.name The element <name> is in the namespace "http://example.org"; expected "http://hl7.org/fhir".`},
		},
		{
			"Narrative outside of the namespace of XHTML", wrap("Patient", `<text><div/></text>`), outcome.StageContent,
			[]string{`1:44 structure Patient.text.div The element <div> is in the namespace "http://hl7.org/fhir"; expected "http://www.w3.org/1999/xhtml".`},
		},
		{"What is no XHTML inside of narrative", wrap("Patient", `<text>`+div+`<p xmlns="u"/><q xmlns:x="u" x:y=""/></div></text>`), outcome.StageContent, []string{
			`1:86 structure Patient.text.div The element <p> of the narrative is in the namespace "u"; expected "http://www.w3.org/1999/xhtml".`,
			`1:115 structure Patient.text.div The attribute "y" of the narrative is in the namespace "u", which XHTML does not have.`,
		}},
		{
			"An entity of HTML in narrative", wrap("Patient", `<text>`+div+`&nbsp;</div></text>`), outcome.StageSyntax,
			[]string{`1:86 structure  The entity &nbsp; belongs to HTML, not to XML; write &#160; or the character itself.`},
		},
		{
			"An element that appears twice", wrap("Patient", `<active value="true"/><active value="true"/>`), outcome.StageContent,
			[]string{`1:60 structure Patient.active The element <active> appears twice; Patient has at most one.`},
		},
		{
			"A primitive without anything", wrap("Patient", `<name><given/></name>`), outcome.StageContent,
			[]string{`1:44 structure Patient.name[0].given[0] The element <given> has neither a value nor extensions.`},
		},
		{
			"A value where there are elements", wrap("Patient", `<name value="Ada"/>`), outcome.StageContent,
			[]string{`1:44 structure Patient.name[0] HumanName is not a primitive: it has elements and no attribute "value".`},
		},
		{
			"The id of a resource as an attribute", `<Patient xmlns="http://hl7.org/fhir" id="a"/>`, outcome.StageContent,
			[]string{`1:38 structure Patient.id "id" is not an attribute but an element: <id value="…"/>.`},
		},
		{
			"The id of an element as an element", wrap("Patient", `<name><id value="a"/></name>`), outcome.StageContent,
			[]string{`1:44 structure Patient.name[0].id "id" is not an element but an attribute: id="…".`},
		},
		{
			"A name that is JSON's", wrap("Patient", `<_active id="a"/>`), outcome.StageContent,
			[]string{`1:38 structure Patient._active Patient has no element "_active".`},
		},
		{
			"A choice without its type", wrap("Observation", `<value value="1"/>`), outcome.StageContent,
			[]string{`1:42 structure Observation.value Observation has no element "value".`},
		},
		{"No resource, or two", wrap("Basic", `<contained/><contained><Basic/><Basic/></contained><contained><foo/></contained>`), outcome.StageContent, []string{
			`1:36 structure Basic.contained[0] The element <contained> holds no resource.`,
			`1:67 structure Basic.contained[1].Basic The element <contained> holds a second resource; there is only one to each.`,
			`1:98 structure Basic.contained[2].foo "foo" is not a resource type of FHIR R4.`,
		}},
		{
			"A problem of an element of a choice", wrap("Observation", `<valueQuantity><value value="1,5"/></valueQuantity>`), outcome.StageContent,
			[]string{`1:64 structure Observation.value.ofType(Quantity).value The value "1,5" is not of type decimal.`},
		},
		{
			"Two signs of a number", wrap("Patient", `<multipleBirthInteger value="+-5"/>`), outcome.StageContent,
			[]string{`1:60 structure Patient.multipleBirth.ofType(integer) The value "+-5" is not of type integer.`},
		},
		{"UTF-16", "\xfe\xff\x00<", outcome.StageSyntax, []string{"1:1 structure  The text is UTF-16 or UTF-32; only UTF-8 is read."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := xmlformat.ToJSON([]byte(c.xml))
			if err == nil {
				t.Fatalf("became %s", text)
			}
			e := outcome.As(err)
			if e.Stage != c.stage {
				t.Errorf("stage %d, expected %d", e.Stage, c.stage)
			}
			if got := describe(e); got != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(c.want, "\n"))
			}
		})
	}
}

// describe writes each issue as line:column code expression sentence.
func describe(e *outcome.Error) string {
	var lines []string
	for _, issue := range e.Issues {
		lines = append(lines, fmt.Sprintf("%d:%d %s %s %s", issue.Line, issue.Column, issue.Code, strings.Join(issue.Expression, ","), issue.Diagnostics))
	}
	return strings.Join(lines, "\n")
}

func TestToJSONKeepsToItsLimits(t *testing.T) {
	t.Run("As deep as JSON may be, and no deeper", func(t *testing.T) {
		deep := func(n int) string {
			return wrap("Basic", strings.Repeat(`<extension url="u">`, n)+`<valueBoolean value="true"/>`+strings.Repeat(`</extension>`, n))
		}
		if _, err := resources.Parse(toJSON(t, []byte(deep(31)))); err != nil {
			t.Error(err)
		}
		if _, err := xmlformat.ToJSON([]byte(deep(32))); !outcome.Is(err, outcome.Structure) {
			t.Errorf("%v", err)
		}
	})
	t.Run("A list counts where it is the deepest level", func(t *testing.T) {
		deep := func(content string) []byte {
			return []byte(wrap("Basic", strings.Repeat(`<extension url="u">`, 30)+`<extension url="v"><valueHumanName>`+content+`</valueHumanName></extension>`+strings.Repeat(`</extension>`, 30)))
		}
		if _, err := resources.Parse(toJSON(t, deep(`<family value="a"/>`))); err != nil {
			t.Error(err)
		}
		for _, content := range []string{`<given value="a"/>`, `<family id="a"/>`, `<period/>`} {
			if _, err := xmlformat.ToJSON(deep(content)); !outcome.Is(err, outcome.Structure) {
				t.Errorf("%s: %v", content, err)
			}
		}
	})
	t.Run("At most 100 problems", func(t *testing.T) {
		_, err := xmlformat.ToJSON([]byte(wrap("Basic", strings.Repeat("<foo/>", 1000))))
		if e := outcome.As(err); len(e.Issues) != 100 || e.Stage != outcome.StageContent {
			t.Errorf("%d problems at stage %d", len(e.Issues), e.Stage)
		}
	})
}
