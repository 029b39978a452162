package patch_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"kiln/fhir/patch"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat"
)

const patient = `{"resourceType":"Patient","active":true,"id":"p","_birthDate":{"extension":[{"url":"u","valueDecimal":1.00}]},"birthDate":"1970-03-30",` +
	`"text":{"status":"additional","div":"<div xmlns='http://www.w3.org/1999/xhtml'>A&#160;<br/>\r\n</div>"},` +
	`"name":[{"use":"official","family":"Lind","given":["Ada","Eva"],"_given":[null,{"id":"g"}]},{"given":["Addy"],"use":"nickname"}],` +
	`"contact":[{"gender":"male"}],"deceasedBoolean":false}`

func document(t testing.TB, text string) *resources.Document {
	t.Helper()
	d, err := resources.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

// without is the patient with a part of its text replaced.
func without(old, replacement string) string {
	if !strings.Contains(patient, old) {
		panic(old)
	}
	return strings.Replace(patient, old, replacement, 1)
}

// fp writes a FHIRPath Patch with one operation: parts are name and JSON of the rest, in turn.
func fp(parts ...string) string {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Parameters","parameter":[{"name":"operation","part":[`)
	for i := 0; i < len(parts); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":%q,%s}`, parts[i], parts[i+1])
	}
	b.WriteString(`]}]}`)
	return b.String()
}

func operation(name, path string, parts ...string) string {
	return fp(append([]string{"type", `"valueCode":"` + name + `"`, "path", `"valueString":"` + path + `"`}, parts...)...)
}

func diff(operations string) string {
	return `<diff xmlns="http://hl7.org/fhir">` + operations + `</diff>`
}

var applied = []struct {
	name        string
	kind        patch.Kind
	patch, want string
}{
	// https://www.rfc-editor.org/rfc/rfc6902#section-4
	{"JSON: add sets a member, last if it is new", patch.JSON, `[{"op":"add","path":"/gender","value":"female"}]`, without(`"deceasedBoolean":false`, `"deceasedBoolean":false,"gender":"female"`)},
	{"JSON: add replaces a member in its place", patch.JSON, `[{"op":"add","path":"/active","value":false}]`, without(`"active":true`, `"active":false`)},
	{"JSON: add inserts an item before another", patch.JSON, `[{"op":"add","path":"/name/0/given/1","value":"Ida"}]`, without(`["Ada","Eva"]`, `["Ada","Ida","Eva"]`)},
	{"JSON: add at - appends", patch.JSON, `[{"op":"add","path":"/name/0/given/-","value":"Ida"}]`, without(`["Ada","Eva"]`, `["Ada","Eva","Ida"]`)},
	{"JSON: add at the length appends", patch.JSON, `[{"op":"add","path":"/contact/1","value":{"gender":"other"}}]`, without(`[{"gender":"male"}]`, `[{"gender":"male"},{"gender":"other"}]`)},
	{"JSON: replace keeps the place and the digits", patch.JSON, `[{"op":"replace","path":"/_birthDate/extension/0/valueDecimal","value":2.50}]`, without(`1.00`, `2.50`)},
	{"JSON: remove takes a member", patch.JSON, `[{"op":"remove","path":"/active"}]`, without(`"active":true,`, ``)},
	{"JSON: what a patch empties goes", patch.JSON, `[{"op":"remove","path":"/contact/0/gender"}]`, without(`"contact":[{"gender":"male"}],`, ``)},
	{"JSON: an emptied list can be filled again", patch.JSON, `[{"op":"remove","path":"/contact/0"},{"op":"add","path":"/contact/-","value":{"gender":"other"}}]`, without(`male`, `other`)},
	{"JSON: in a list of extensions null keeps the place", patch.JSON, `[{"op":"remove","path":"/name/0/_given/1/id"}]`, without(`,"_given":[null,{"id":"g"}]`, ``)},
	{
		"JSON: move takes a value along", patch.JSON, `[{"op":"move","from":"/name/1","path":"/name/0"}]`,
		without(`{"use":"official","family":"Lind","given":["Ada","Eva"],"_given":[null,{"id":"g"}]},{"given":["Addy"],"use":"nickname"}`, `{"given":["Addy"],"use":"nickname"},{"use":"official","family":"Lind","given":["Ada","Eva"],"_given":[null,{"id":"g"}]}`),
	},
	{"JSON: move to the same place changes nothing", patch.JSON, `[{"op":"move","from":"/name","path":"/name"}]`, patient},
	{
		"JSON: copy leaves the original", patch.JSON, `[{"op":"copy","from":"/name/1/given/0","path":"/name/0/given/2"},{"op":"replace","path":"/name/1/given/0","value":"A"}]`,
		strings.Replace(without(`["Ada","Eva"]`, `["Ada","Eva","Addy"]`), `"given":["Addy"]`, `"given":["A"]`, 1),
	},
	{"JSON: test compares numbers by value and objects in any order", patch.JSON, `[{"op":"test","path":"/_birthDate/extension/0","value":{"valueDecimal":100e-2,"url":"u"}},{"op":"test","path":"/name/0/_given/0","value":null}]`, patient},
	{"JSON: escapes in a pointer", patch.JSON, `[{"op":"add","path":"/x~1y~0z","value":1},{"op":"move","from":"/x~1y~0z","path":"/~01"},{"op":"remove","path":"/~01"}]`, patient},
	{"JSON: other members of an operation are left alone", patch.JSON, `[{"op":"remove","path":"/active","comment":"why"}]`, without(`"active":true,`, ``)},
	{"JSON: no operation changes nothing", patch.JSON, `[]`, patient},

	// https://www.rfc-editor.org/rfc/rfc7396
	{
		"Merge: members are set, merged and removed", patch.Merge, `{"active":null,"gender":"female","text":{"status":"generated"},"photo":null}`,
		strings.Replace(strings.Replace(without(`"active":true,`, ``), `"status":"additional"`, `"status":"generated"`, 1), `"deceasedBoolean":false`, `"deceasedBoolean":false,"gender":"female"`, 1),
	},
	{
		"Merge: lists are replaced whole", patch.Merge, `{"name":[{"family":"Berg"}],"contact":[{"name":{"text":null}}]}`,
		strings.Replace(without(`"name":[{"use":"official","family":"Lind","given":["Ada","Eva"],"_given":[null,{"id":"g"}]},{"given":["Addy"],"use":"nickname"}]`, `"name":[{"family":"Berg"}]`), `[{"gender":"male"}]`, `[{"name":{"text":null}}]`, 1),
	},
	{"Merge: an object in the place of something else begins empty", patch.Merge, `{"active":{"a":1,"b":null}}`, without(`"active":true`, `"active":{"a":1}`)},
	{"Merge: what a patch empties goes", patch.Merge, `{"text":{"status":null,"div":null}}`, without(`"text":{"status":"additional","div":"<div xmlns='http://www.w3.org/1999/xhtml'>A&#160;<br/>\r\n</div>"},`, ``)},
	{"Merge: the same values change nothing", patch.Merge, `{"active":true,"photo":null,"text":{"status":"additional"}}`, patient},
	{"Merge: the digits of a number count", patch.Merge, `{"_birthDate":{"extension":[{"url":"u","valueDecimal":1.0}]}}`, without(`1.00`, `1.0`)},

	// https://www.rfc-editor.org/rfc/rfc5261#section-4
	{"XML: replace an attribute; all else keeps its bytes", patch.XML, diff(`<replace sel="f:Patient/f:active/@value">false</replace>`), without(`"active":true`, `"active":false`)},
	{"XML: the default namespace of the patch is that of selectors", patch.XML, diff(`<replace sel="/Patient/active/@value">false</replace>`), without(`"active":true`, `"active":false`)},
	{"XML: a prefix of the patch", patch.XML, `<d:diff xmlns:d="urn:ietf:params:xml:schema:patch-ops" xmlns:x="http://hl7.org/fhir"><d:remove sel="x:Patient/x:active"/></d:diff>`, without(`"active":true,`, ``)},
	{"XML: add appends an element", patch.XML, diff(`<add sel="f:Patient"><gender value="female"/></add>`), without(`"deceasedBoolean":false`, `"deceasedBoolean":false,"gender":"female"`)},
	{"XML: add before another", patch.XML, diff(`<add sel="f:Patient/f:name[1]/f:given[2]" pos="before"><given value="Ida"/></add>`), without(`["Ada","Eva"],"_given":[null,{"id":"g"}]`, `["Ada","Ida","Eva"],"_given":[null,null,{"id":"g"}]`)},
	{
		"XML: add after and prepend", patch.XML, diff(`<add sel="f:Patient/f:contact" pos="after"><contact><gender value="other"/></contact></add><add sel="f:Patient/f:contact[2]" pos="prepend"><name><text value="A"/></name></add>`),
		without(`[{"gender":"male"}]`, `[{"gender":"male"},{"name":{"text":"A"},"gender":"other"}]`),
	},
	{"XML: tests that reach deeper", patch.XML, diff(`<remove sel="f:Patient/f:name[f:use/@value='nickname']"/>`), without(`,{"given":["Addy"],"use":"nickname"}`, ``)},
	{"XML: a test that something is there, and the last one", patch.XML, diff(`<replace sel="*/f:name[f:family][1]/f:given[last()]/@value">Ida</replace>`), without(`"Eva"`, `"Ida"`)},
	{"XML: what a patch empties goes", patch.XML, diff(`<remove sel="f:Patient/f:contact/f:gender/@value"/>`), without(`"contact":[{"gender":"male"}],`, ``)},
	{
		"XML: narrative is replaced as markup", patch.XML, diff(`<replace sel="f:Patient/f:text/h:div"><div xmlns="http://www.w3.org/1999/xhtml" class="c">B &lt;<p/></div></replace>`),
		without(`<div xmlns='http://www.w3.org/1999/xhtml'>A&#160;<br/>\r\n</div>`, `<div xmlns=\"http://www.w3.org/1999/xhtml\" class=\"c\">B &lt;<p/></div>`),
	},
	{
		"XML: narrative is changed inside", patch.XML, diff(`<replace sel="f:Patient/f:text/h:div/text()[1]">B </replace><remove sel="f:Patient/f:text/h:div/h:br" ws="after"/>`),
		without(`<div xmlns='http://www.w3.org/1999/xhtml'>A&#160;<br/>\r\n</div>`, `<div xmlns=\"http://www.w3.org/1999/xhtml\">B </div>`),
	},
	{"XML: add an id as an attribute", patch.XML, diff(`<add sel="f:Patient/f:name[2]" type="@id">n2</add>`), without(`"use":"nickname"}`, `"use":"nickname","id":"n2"}`)},
	{"XML: replace an element by one of another type", patch.XML, diff(`<replace sel="f:Patient/f:deceasedBoolean"><deceasedDateTime value="2020"/></replace>`), without(`"deceasedBoolean":false`, `"deceasedDateTime":"2020"`)},
	{"XML: replacing a value by itself changes nothing", patch.XML, diff(`<replace sel="f:Patient/f:active/@value">true</replace>`), patient},

	// https://hl7.org/fhir/R4/fhirpatch.html
	{"FHIRPath: add an element", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"gender"`, "value", `"valueCode":"female"`), without(`"deceasedBoolean":false`, `"deceasedBoolean":false,"gender":"female"`)},
	{
		"FHIRPath: add to a list, with an extension", patch.FHIRPath, operation("add", "Patient.name.where(use='official')", "name", `"valueString":"given"`, "value", `"valueString":"Ida","_valueString":{"id":"i"}`),
		without(`["Ada","Eva"],"_given":[null,{"id":"g"}]`, `["Ada","Eva","Ida"],"_given":[null,{"id":"g"},{"id":"i"}]`),
	},
	{
		"FHIRPath: add to a list that grows extensions", patch.FHIRPath, operation("add", "Patient.name[1]", "name", `"valueString":"given"`, "value", `"_valueString":{"id":"i"}`),
		without(`"given":["Addy"],"use":"nickname"`, `"given":["Addy",null],"use":"nickname","_given":[null,{"id":"i"}]`),
	},
	{
		"FHIRPath: add an extension to a primitive", patch.FHIRPath, operation("add", "Patient.active", "name", `"valueString":"extension"`, "value", `"part":[{"name":"url","valueUri":"u"},{"name":"value[x]","valueInteger":1}]`),
		without(`"deceasedBoolean":false`, `"deceasedBoolean":false,"_active":{"extension":[{"url":"u","valueInteger":1}]}`),
	},
	{
		"FHIRPath: add an extension to an item of a list", patch.FHIRPath, operation("add", "Patient.name[0].given[0]", "name", `"valueString":"extension"`, "value", `"part":[{"name":"url","valueUri":"u"},{"name":"valueCode","valueCode":"c"}]`),
		without(`[null,{"id":"g"}]`, `[{"extension":[{"url":"u","valueCode":"c"}]},{"id":"g"}]`),
	},
	{
		"FHIRPath: add a contained resource", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"contained"`, "value", `"resource":{"resourceType":"Basic","id":"b"}`),
		without(`"deceasedBoolean":false`, `"deceasedBoolean":false,"contained":[{"resourceType":"Basic","id":"b"}]`),
	},
	{"FHIRPath: add a choice", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"multipleBirth[x]"`, "value", `"valueInteger":2`), without(`"deceasedBoolean":false`, `"deceasedBoolean":false,"multipleBirthInteger":2`)},
	{
		"FHIRPath: add what has no type of its own, in parts", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"communication"`, "value", `"part":[{"name":"language","part":[{"name":"coding","part":[{"name":"code","valueCode":"sv"}]},{"name":"coding","valueCoding":{"code":"fi"}}]},{"name":"preferred","valueBoolean":true}]`),
		without(`"deceasedBoolean":false`, `"deceasedBoolean":false,"communication":[{"language":{"coding":[{"code":"sv"},{"code":"fi"}]},"preferred":true}]`),
	},
	{"FHIRPath: texts of any kind stand for each other", patch.FHIRPath, operation("replace", "Patient.contact.gender", "value", `"valueString":"other"`), without(`"male"`, `"other"`)},
	{"FHIRPath: insert before an item", patch.FHIRPath, operation("insert", "Patient.name[0].given", "index", `"valueInteger":1`, "value", `"valueString":"Ida"`), without(`["Ada","Eva"],"_given":[null,{"id":"g"}]`, `["Ada","Ida","Eva"],"_given":[null,null,{"id":"g"}]`)},
	{"FHIRPath: insert into a list that is not there", patch.FHIRPath, operation("insert", "Patient.telecom", "index", `"valueInteger":0`, "value", `"valueContactPoint":{"value":"1"}`), without(`"deceasedBoolean":false`, `"deceasedBoolean":false,"telecom":[{"value":"1"}]`)},
	{"FHIRPath: replace an element, its extensions too", patch.FHIRPath, operation("replace", "Patient.birthDate", "value", `"valueDate":"1971"`), without(`"_birthDate":{"extension":[{"url":"u","valueDecimal":1.00}]},"birthDate":"1970-03-30"`, `"birthDate":"1971"`)},
	{"FHIRPath: replace an extension", patch.FHIRPath, operation("replace", "Patient.birthDate.extension('u').value", "value", `"valueDecimal":1.0`), without(`1.00`, `1.0`)},
	{"FHIRPath: replace a choice by another type, in its place", patch.FHIRPath, operation("replace", "Patient.deceased", "value", `"valueDateTime":"2020"`), without(`"deceasedBoolean":false`, `"deceasedDateTime":"2020"`)},
	{"FHIRPath: delete an element", patch.FHIRPath, operation("delete", "Patient.active"), without(`"active":true,`, ``)},
	{"FHIRPath: delete what is not there changes nothing", patch.FHIRPath, operation("delete", "Patient.photo"), patient},
	{"FHIRPath: delete an item of a list of primitives", patch.FHIRPath, operation("delete", "Patient.name[0].given[0]"), without(`["Ada","Eva"],"_given":[null,{"id":"g"}]`, `["Eva"],"_given":[{"id":"g"}]`)},
	{"FHIRPath: what a patch empties goes", patch.FHIRPath, operation("delete", "Patient.contact.gender"), without(`"contact":[{"gender":"male"}],`, ``)},
	{"FHIRPath: an emptied list of extensions goes", patch.FHIRPath, operation("delete", "Patient.birthDate.extension"), without(`"_birthDate":{"extension":[{"url":"u","valueDecimal":1.00}]},`, ``)},
	{"FHIRPath: move within a list", patch.FHIRPath, operation("move", "Patient.name[0].given", "source", `"valueInteger":0`, "destination", `"valueInteger":1`), without(`["Ada","Eva"],"_given":[null,{"id":"g"}]`, `["Eva","Ada"],"_given":[{"id":"g"},null]`)},
	{"FHIRPath: move to the same place changes nothing", patch.FHIRPath, operation("move", "Patient.name", "source", `"valueInteger":1`, "destination", `"valueInteger":1`), patient},
}

func TestPatchesAreApplied(t *testing.T) {
	for _, c := range applied {
		t.Run(c.name, func(t *testing.T) {
			p, err := patch.Parse(c.kind, []byte(c.patch))
			if err != nil {
				t.Fatal(err)
			}
			target := document(t, patient)
			for range 2 { // a patch may be applied again
				patched, err := p.Apply(t.Context(), target)
				if err != nil {
					t.Fatal(err)
				}
				if got := string(patched.Source()); got != c.want {
					t.Errorf("\ngot  %s\nwant %s", got, c.want)
				}
				if (patched == target) != (c.want == patient) {
					t.Error("the same document must come back if and only if nothing changes")
				}
			}
			if string(target.Source()) != patient {
				t.Error("the target was changed")
			}
		})
	}
}

// TestXMLFormOfFHIRPathPatch runs every FHIRPath Patch of the table from its XML form.
func TestXMLFormOfFHIRPathPatch(t *testing.T) {
	for _, c := range applied {
		if c.kind != patch.FHIRPath {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			e, err := document(t, c.patch).Resource()
			if err != nil {
				t.Fatal(err)
			}
			xml, err := xmlformat.AppendXML(nil, e)
			if err != nil {
				t.Fatal(err)
			}
			p, err := patch.Parse(patch.FHIRPathXML, xml)
			if err != nil {
				t.Fatal(err)
			}
			patched, err := p.Apply(t.Context(), document(t, patient))
			if err != nil || string(patched.Source()) != c.want {
				t.Errorf("%v\ngot  %s\nwant %s", err, patched.Source(), c.want)
			}
		})
	}
}

func TestEachOperationSeesTheOneBefore(t *testing.T) {
	body := strings.Replace(operation("add", "Patient", "name", `"valueString":"telecom"`, "value", `"valueContactPoint":{"value":"1"}`), `]}]}`, `]},`+
		strings.TrimPrefix(operation("add", "Patient.telecom[0]", "name", `"valueString":"use"`, "value", `"valueCode":"home"`), `{"resourceType":"Parameters","parameter":[`), 1)
	p, err := patch.Parse(patch.FHIRPath, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	patched, err := p.Apply(t.Context(), document(t, `{"resourceType":"Patient"}`))
	if want := `{"resourceType":"Patient","telecom":[{"value":"1","use":"home"}]}`; err != nil || string(patched.Source()) != want {
		t.Errorf("%v, %s", err, patched.Source())
	}
}

func TestPatchesThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  patch.Kind
		patch string
		code  outcome.Code
		want  string
	}{
		{"JSON: a place that is not there", patch.JSON, `[{"op":"test","path":"/active","value":true},{"op":"replace","path":"/photo/0/url","value":""}]`, outcome.Processing, `Operation 2 (replace /photo/0/url): there is no /photo in the resource.`},
		{"JSON: a member that is not there", patch.JSON, `[{"op":"remove","path":"/name/0/period"}]`, outcome.Processing, `Operation 1 (remove /name/0/period): there is no /name/0/period in the resource.`},
		{"JSON: an item beyond the end", patch.JSON, `[{"op":"add","path":"/name/3","value":{}}]`, outcome.Processing, `Operation 1 (add /name/3): "3" is not a place in a list of 2 items.`},
		{"JSON: an item that is no number", patch.JSON, `[{"op":"replace","path":"/name/00","value":{}}]`, outcome.Processing, `Operation 1 (replace /name/00): "00" is not the place of a list item.`},
		{"JSON: the end of a list is no item", patch.JSON, `[{"op":"remove","path":"/name/-"}]`, outcome.Processing, `Operation 1 (remove /name/-): there is no /name/- in the resource.`},
		{"JSON: a member of a text", patch.JSON, `[{"op":"add","path":"/birthDate/x","value":1}]`, outcome.Processing, `Operation 1 (add /birthDate/x): /birthDate is neither a list nor an object.`},
		{"JSON: a test that fails", patch.JSON, `[{"op":"test","path":"/active","value":"true"}]`, outcome.Processing, `Operation 1 (test /active): the test fails: the resource has another value there.`},
		{"JSON: a test whose numbers differ", patch.JSON, `[{"op":"test","path":"/_birthDate/extension/0/valueDecimal","value":1.01}]`, outcome.Processing, `Operation 1 (test /_birthDate/extension/0/valueDecimal): the test fails: the resource has another value there.`},
		{"JSON: a move into itself", patch.JSON, `[{"op":"move","from":"/name","path":"/name/0"}]`, outcome.Processing, `Operation 1 (move /name/0): /name cannot be moved into itself.`},
		{"JSON: the resource itself", patch.JSON, `[{"op":"remove","path":""}]`, outcome.Processing, `Operation 1 (remove ): the resource itself cannot be removed.`},
		{"JSON: another id", patch.JSON, `[{"op":"replace","path":"/id","value":"q"}]`, outcome.BusinessRule, `The patch changes "id", which must stay as it is.`},
		{"JSON: no id", patch.JSON, `[{"op":"remove","path":"/id"}]`, outcome.BusinessRule, `The patch changes "id", which must stay as it is.`},
		{"JSON: another type", patch.JSON, `[{"op":"replace","path":"","value":{"resourceType":"Group","id":"p"}}]`, outcome.BusinessRule, `The patch changes "resourceType", which must stay as it is.`},
		{"JSON: no resource at all", patch.JSON, `[{"op":"replace","path":"","value":[]}]`, outcome.BusinessRule, `The patch changes "resourceType", which must stay as it is.`},
		{"Merge: another id", patch.Merge, `{"id":"q"}`, outcome.BusinessRule, `The patch changes "id", which must stay as it is.`},
		{"XML: nothing found", patch.XML, diff(`<remove sel="f:Patient/f:photo"/>`), outcome.Processing, `Operation 1 (remove f:Patient/f:photo): the resource has nothing that the selector finds.`},
		{"XML: several found", patch.XML, diff(`<remove sel="f:Patient/f:name"/>`), outcome.Processing, `Operation 1 (remove f:Patient/f:name): the selector finds 2 places; it must find exactly one.`},
		{"XML: several attributes found", patch.XML, diff(`<remove sel="f:Patient/*/@value"/>`), outcome.Processing, `Operation 1 (remove f:Patient/*/@value): the selector finds 4 places; it must find exactly one.`},
		{"XML: the root", patch.XML, diff(`<remove sel="f:Patient"/>`), outcome.Processing, `Operation 1 (remove f:Patient): the root element cannot be removed.`},
		{"XML: beside the root", patch.XML, diff(`<add sel="f:Patient" pos="after"><Patient/></add>`), outcome.Processing, `Operation 1 (add f:Patient): beside the root element there is no place for elements or text.`},
		{"XML: an attribute that is there", patch.XML, diff(`<add sel="f:Patient/f:active" type="@value">false</add>`), outcome.Processing, `Operation 1 (add f:Patient/f:active): the element has an attribute "value" already.`},
		{"XML: an element by two", patch.XML, diff(`<replace sel="f:Patient/f:active"><active value="true"/><active value="false"/></replace>`), outcome.Processing, `Operation 1 (replace f:Patient/f:active): the operation must hold exactly one element to take the place of the other.`},
		{"XML: white space that is not there", patch.XML, diff(`<remove sel="f:Patient/f:active" ws="both"/>`), outcome.Processing, `Operation 1 (remove f:Patient/f:active): there is no white space after the node to remove.`},
		{"XML: what FHIR does not have", patch.XML, diff(`<add sel="f:Patient"><foo value="1"/></add>`), outcome.Structure, `Patient.foo: The patched resource is no FHIR: Patient has no element "foo".`},
		{"XML: an element twice", patch.XML, diff(`<add sel="f:Patient"><active value="true"/></add>`), outcome.Structure, `Patient.active: The patched resource is no FHIR: The element <active> appears twice; Patient has at most one.`},
		{"XML: another id", patch.XML, diff(`<replace sel="f:Patient/f:id/@value">q</replace>`), outcome.BusinessRule, `The patch changes "id", which must stay as it is.`},
		{"XML: another type", patch.XML, diff(`<replace sel="f:Patient"><Group><id value="p"/></Group></replace>`), outcome.BusinessRule, `The patch changes "resourceType", which must stay as it is.`},
		{"FHIRPath: nothing selected", patch.FHIRPath, operation("replace", "Patient.photo", "value", `"valueAttachment":{"url":"u"}`), outcome.Processing, `Operation 1 (replace Patient.photo): the path selects 0 elements; it must select exactly one.`},
		{"FHIRPath: several selected", patch.FHIRPath, operation("replace", "Patient.name", "value", `"valueHumanName":{"text":"A"}`), outcome.Processing, `Operation 1 (replace Patient.name): the path selects 2 elements; it must select exactly one.`},
		{"FHIRPath: several to delete", patch.FHIRPath, operation("delete", "Patient.name"), outcome.Processing, `Operation 1 (delete Patient.name): the path selects 2 elements; only a single one can be deleted.`},
		{"FHIRPath: the resource itself", patch.FHIRPath, operation("delete", "Patient"), outcome.Processing, `Operation 1 (delete Patient): the path selects the resource itself.`},
		{"FHIRPath: a computed value", patch.FHIRPath, operation("delete", "Patient.name.count()"), outcome.Processing, `Operation 1 (delete Patient.name.count()): the path computes a value; it must select elements of the resource.`},
		{"FHIRPath: add what is there", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"active"`, "value", `"valueBoolean":false`), outcome.Processing, `Operation 1 (add Patient): the element "active" is there already; use replace.`},
		{"FHIRPath: add another type of a choice that is there", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"deceased"`, "value", `"valueDateTime":"2020"`), outcome.Processing, `Operation 1 (add Patient): the element "deceasedBoolean" is there already; use replace.`},
		{"FHIRPath: an element that the type does not have", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"foo"`, "value", `"valueBoolean":false`), outcome.Processing, `Operation 1 (add Patient): Patient has no element "foo".`},
		{"FHIRPath: a value of a wrong type", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"telecom"`, "value", `"valueHumanName":{"text":"A"}`), outcome.Processing, `Operation 1 (add Patient): the element "telecom" is of type ContactPoint; it cannot take a value of type HumanName.`},
		{"FHIRPath: a number for a text", patch.FHIRPath, operation("replace", "Patient.birthDate", "value", `"valueInteger":1970`), outcome.Processing, `Operation 1 (replace Patient.birthDate): the element "birthDate" is of type date; it cannot take a value of type integer.`},
		{"FHIRPath: a type that a choice does not have", patch.FHIRPath, operation("replace", "Patient.deceased", "value", `"valueQuantity":{"value":1}`), outcome.Processing, `Operation 1 (replace Patient.deceased): the element "deceased" is one of boolean, dateTime; it cannot take a value of type Quantity.`},
		{"FHIRPath: a resource for an element", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"photo"`, "value", `"resource":{"resourceType":"Basic"}`), outcome.Processing, `Operation 1 (add Patient): the element "photo" takes no resource.`},
		{"FHIRPath: parts for a primitive", patch.FHIRPath, operation("replace", "Patient.active", "value", `"part":[{"name":"value","valueBoolean":true}]`), outcome.Processing, `Operation 1 (replace Patient.active): the element "active" cannot be made of parts.`},
		{"FHIRPath: insert beyond the end", patch.FHIRPath, operation("insert", "Patient.name", "index", `"valueInteger":3`, "value", `"valueHumanName":{"text":"A"}`), outcome.Processing, `Operation 1 (insert Patient.name): the index 3 is beyond the end of the list, which has 2 items.`},
		{"FHIRPath: insert into no list", patch.FHIRPath, operation("insert", "Patient.gender", "index", `"valueInteger":0`, "value", `"valueCode":"female"`), outcome.Processing, `Operation 1 (insert Patient.gender): "gender" is not a list.`},
		{"FHIRPath: insert into a part of a list", patch.FHIRPath, operation("insert", "Patient.name.where(use='official')", "index", `"valueInteger":0`, "value", `"valueHumanName":{"text":"A"}`), outcome.Processing, `Operation 1 (insert Patient.name.where(use='official')): the path must select all the items of one list.`},
		{"FHIRPath: move in several lists", patch.FHIRPath, operation("move", "Patient.name.given", "source", `"valueInteger":0`, "destination", `"valueInteger":1`), outcome.Processing, `Operation 1 (move Patient.name.given): the path must select all the items of one list.`},
		{"FHIRPath: move beyond the end", patch.FHIRPath, operation("move", "Patient.name", "source", `"valueInteger":0`, "destination", `"valueInteger":2`), outcome.Processing, `Operation 1 (move Patient.name): the place 2 is beyond the end of the list, which has 2 items.`},
		{"FHIRPath: another id", patch.FHIRPath, operation("replace", "Patient.id", "value", `"valueId":"q"`), outcome.BusinessRule, `The patch changes "id", which must stay as it is.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := patch.Parse(c.kind, []byte(c.patch))
			if err != nil {
				t.Fatal(err)
			}
			patched, err := p.Apply(t.Context(), document(t, patient))
			if err == nil {
				t.Fatalf("became %s", patched.Source())
			}
			e := outcome.As(err)
			if e.Code() != c.code || e.Stage != outcome.StageContent || e.Error() != c.want {
				t.Errorf("\ngot  %s, stage %d: %v\nwant %s: %s", e.Code(), e.Stage, e, c.code, c.want)
			}
		})
	}
}

func TestPathsAreReadStrictly(t *testing.T) {
	for _, path := range []string{"Patient.foo", "Observation.status"} {
		p, err := patch.Parse(patch.FHIRPath, []byte(operation("delete", path)))
		if err == nil {
			_, err = p.Apply(t.Context(), document(t, patient))
		}
		if err == nil {
			t.Errorf("%s was taken for nothing", path)
		}
	}
}

func TestPatchesThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  patch.Kind
		patch string
		want  []string
	}{
		{"JSON that is none", patch.JSON, `[{"op"`, []string{`1:7 The text ends where ':' was expected.`}},
		{"JSON: no array", patch.JSON, `{}`, []string{`1:1 A JSON Patch is an array of operations; found object.`}},
		{"JSON: all problems at once", patch.JSON, "[1,\n{\"path\":\"\"},{\"op\":\"delete\"},{\"op\":\"add\",\"path\":\"a\"},\n{\"op\":\"move\",\"path\":\"/a~2\"},{\"op\":\"copy\",\"path\":1,\"from\":\"/a\"}]", []string{
			`1:2 An operation is a JSON object; found number.`,
			`2:1 The operation has no "op".`,
			`2:19 The operation "delete" is not one of add, remove, replace, move, copy and test.`,
			`2:48 In "path" the JSON Pointer "a" does not begin with "/".`,
			`2:29 The operation add has no "value".`,
			`3:21 In "path" the JSON Pointer "/a~2" has a "~" that is neither "~0" nor "~1".`,
			`3:1 The operation has no "from" with a JSON Pointer.`,
			`3:29 The operation has no "path" with a JSON Pointer.`,
		}},
		{"JSON: a deep pointer", patch.JSON, `[{"op":"remove","path":"` + strings.Repeat("/a", 65) + `"}]`, []string{`1:24 In "path" the JSON Pointer "` + strings.Repeat("/a", 40) + `…" has more than 64 steps.`}},
		{"Merge: no object", patch.Merge, ` [1]`, []string{`1:2 A merge patch of a resource is a JSON object; found array.`}},
		{"XML that is none", patch.XML, `<diff`, []string{`1:6 The text ends where the end of a tag was expected.`}},
		{"XML: another root", patch.XML, `<foo/>`, []string{`1:1 The root element of an XML Patch is <diff>; found <foo>.`}},
		{"XML: all problems at once", patch.XML, "<diff>text<add/>\n<move sel=\"a\"/><x:add xmlns:x=\"u\" sel=\"a\"/>\n<add sel=\"a\" pos=\"last\"/><remove sel=\"a\" pos=\"before\"/><add sel=\"a\" type=\"b\"/>\n<replace sel=\"a[\"/></diff>", []string{
			`1:1 The element <diff> holds text; operations are elements.`,
			`2:1 The operation <move> is not one of add, replace and remove in the namespace of the root.`,
			`2:16 The operation <add> is not one of add, replace and remove in the namespace of the root.`,
			`3:1 The attribute pos of <add> is "last"; expected before, after, prepend.`,
			`3:26 The operation <remove> has no attribute "pos".`,
			`3:56 The attribute type of <add> is "@name" or "namespace::prefix"; found "b".`,
			`4:1 In the attribute sel of <replace>, the selector "a[": expected a name at character 3.`,
		}},
		{"XML: no selector", patch.XML, `<diff><add/></diff>`, []string{`1:7 The operation <add> has no attribute sel.`}},
		{"FHIRPath: no Parameters", patch.FHIRPath, `{"resourceType":"Patient"}`, []string{`1:1 A FHIRPath Patch is a Parameters resource; found Patient.`}},
		{"FHIRPath: no resource", patch.FHIRPath, `{}`, []string{`1:1 The object has no "resourceType", so it is no resource.`}},
		{"FHIRPath: all problems at once", patch.FHIRPath, `{"resourceType":"Parameters","parameter":[{"name":"foo"},{"name":"operation"},{"name":"operation","part":[{"name":"type","valueCode":"move"},{"name":"path","valueString":"a("},{"name":"path","valueString":"a("},{"name":"source","valueInteger":-1}]},` +
			`{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"a"},{"name":"name"},{"name":"value"}]}]}`, []string{
			`1:43 The parameters of a FHIRPath Patch are named "operation"; found "foo".`,
			`1:58 The part "type" is ""; expected add, insert, delete, replace or move.`,
			`1:177 The operation has the part "path" twice.`,
			`1:79 The operation move has no part "destination".`,
			`1:212 The part "source" is "-1"; expected the place of a list item, from 0.`,
			`1:177 The part "path" is no FHIRPath: *`,
			`1:362 The part "value" must have exactly one of value[x], resource and parts.`,
			`1:346 The part "name" has no text.`,
		}},
		{"FHIRPath: XML that is none", patch.FHIRPathXML, `<Parameters/>`, []string{`1:1 The root element <Parameters> is in the namespace ""; resources are in "http://hl7.org/fhir".`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := patch.Parse(c.kind, []byte(c.patch))
			if err == nil {
				t.Fatal("it was read")
			}
			e := outcome.As(err)
			if e.Stage != outcome.StageSyntax {
				t.Errorf("stage %d", e.Stage)
			}
			if len(e.Issues) != len(c.want) {
				t.Errorf("%d problems, expected %d: %v", len(e.Issues), len(c.want), e)
			}
			for i, issue := range e.Issues {
				got := fmt.Sprintf("%d:%d %s", issue.Line, issue.Column, issue.Diagnostics)
				if i < len(c.want) && !matches(got, c.want[i]) {
					t.Errorf("\ngot  %s\nwant %s", got, c.want[i])
				}
			}
		})
	}
}

// matches compares a sentence with what was expected, whose end may be left open by a star.
func matches(got, want string) bool {
	start, open := strings.CutSuffix(want, "*")
	return got == want || open && strings.HasPrefix(got, start)
}

func TestSelectorsThatAreRefused(t *testing.T) {
	for selector, want := range map[string]string{
		``:                             `the selector "": expected a name at character 1.`,
		`a/`:                           `the selector "a/": expected a name at character 3.`,
		`a//b`:                         `the selector "a//b": expected a name at character 3.`,
		`@a/b`:                         `the selector "@a/b" goes on behind something that has no content.`,
		`text()/a`:                     `the selector "text()/a" goes on behind something that has no content.`,
		`id('a')`:                      `the selector "id('a')": id() is not supported; use [@id='…'].`,
		`count(a)`:                     `the selector "count(a)": count() is not supported.`,
		`a[0]`:                         `the selector "a[0]": expected a place from 1 at character 3.`,
		`a[b=c]`:                       `the selector "a[b=c]": expected a text in quotes at character 5.`,
		`a[b='c]`:                      `the selector "a[b='c]": expected the closing quote at character 6.`,
		`a[b='c' and d]`:               `the selector "a[b='c' and d]": expected "]" at character 9.`,
		`a[b[c]]`:                      `the selector "a[b[c]]": a test inside of a test is not supported.`,
		`x:a`:                          `the selector "x:a": the prefix "x" is not declared.`,
		`a]`:                           `the selector "a]": expected the end of the selector at character 2.`,
		strings.Repeat("a/", 64) + "a": `the selector "` + strings.Repeat("a/", 40) + `…" has more than 64 steps.`,
	} {
		var escaped bytes.Buffer
		for _, c := range selector {
			fmt.Fprintf(&escaped, "&#%d;", c)
		}
		_, err := patch.Parse(patch.XML, []byte(`<diff><remove sel="`+escaped.String()+`"/></diff>`))
		if err == nil || outcome.As(err).Issues[0].Diagnostics != `In the attribute sel of <remove>, `+want {
			t.Errorf("%s: %v", selector, err)
		}
	}
}

func TestPatchesKeepToTheirLimits(t *testing.T) {
	apply := func(t *testing.T, kind patch.Kind, body, target string) error {
		t.Helper()
		p, err := patch.Parse(kind, []byte(body))
		if err != nil {
			return err
		}
		_, err = p.Apply(t.Context(), document(t, target))
		return err
	}
	many := func(operation string, n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(operation+",", n), ",") + "]"
	}
	t.Run("A copy that doubles ends at the largest size", func(t *testing.T) {
		err := apply(t, patch.JSON, many(`{"op":"copy","from":"/a","path":"/a/-"}`, 60), `{"resourceType":"Basic","a":["`+strings.Repeat("x", 1000)+`"]}`)
		if !outcome.Is(err, outcome.TooCostly) || !strings.Contains(err.Error(), "larger than 64 MiB") {
			t.Errorf("%v", err)
		}
	})
	t.Run("A copy that deepens ends at the largest depth", func(t *testing.T) {
		err := apply(t, patch.JSON, many(`{"op":"copy","from":"","path":"/a/b"}`, 100), `{"resourceType":"Basic","a":{}}`)
		if !outcome.Is(err, outcome.Processing) || !strings.Contains(err.Error(), "Operation 32 (copy /a/b): the resource nests deeper than 64") {
			t.Errorf("%v", err)
		}
	})
	t.Run("Operations over a long list end at the most work", func(t *testing.T) {
		err := apply(t, patch.JSON, many(`{"op":"add","path":"/a/0","value":1}`, patch.MaxOperations), `{"resourceType":"Basic","a":[`+strings.Repeat("1,", 100_000)+`1]}`)
		if !outcome.Is(err, outcome.TooCostly) || !strings.Contains(err.Error(), "more work") {
			t.Errorf("%v", err)
		}
	})
	t.Run("Too many operations are not read", func(t *testing.T) {
		for kind, body := range map[patch.Kind]string{
			patch.JSON:     many(`{"op":"remove","path":"/a"}`, patch.MaxOperations+1),
			patch.XML:      `<diff>` + strings.Repeat(`<remove sel="a"/>`, patch.MaxOperations+1) + `</diff>`,
			patch.FHIRPath: `{"resourceType":"Parameters","parameter":` + many(`{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"a"}]}`, patch.MaxOperations+1) + `}`,
		} {
			if err := apply(t, kind, body, patient); !outcome.Is(err, outcome.TooLong) {
				t.Errorf("kind %d: %v", kind, err)
			}
		}
	})
	t.Run("A deep merge is refused", func(t *testing.T) {
		err := apply(t, patch.Merge, strings.Repeat(`{"a":`, 65)+"1"+strings.Repeat("}", 65), patient)
		if !outcome.Is(err, outcome.Structure) {
			t.Errorf("%v", err)
		}
	})
	t.Run("The end of the time ends the patch", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, c := range applied {
			p, err := patch.Parse(c.kind, []byte(c.patch))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Apply(ctx, document(t, patient)); c.patch != "[]" && !outcome.Is(err, outcome.TooCostly) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	})
}

func TestKindsHaveMediaTypes(t *testing.T) {
	for mediaType, want := range map[string]patch.Kind{
		"application/json-patch+json": patch.JSON, "application/merge-patch+json": patch.Merge, "application/xml-patch+xml": patch.XML,
		"application/fhir+json": patch.FHIRPath, "application/fhir+xml": patch.FHIRPathXML,
	} {
		if kind, ok := patch.KindOf(mediaType); !ok || kind != want {
			t.Errorf("%s: %d, %v", mediaType, kind, ok)
		}
	}
	if _, ok := patch.KindOf("text/plain"); ok {
		t.Error("text/plain is no patch")
	}
}
