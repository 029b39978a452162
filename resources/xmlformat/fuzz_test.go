package xmlformat_test

import (
	"testing"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat"
)

// FuzzToJSON: what is read is JSON that can be parsed, and comes back from XML as it was.
func FuzzToJSON(f *testing.F) {
	for _, c := range bothWays {
		f.Add([]byte(c.xml))
	}
	f.Add([]byte(`<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:text><h:div>a</h:div></f:text><f:name/></f:Patient>`))
	f.Fuzz(func(t *testing.T, xml []byte) {
		text, err := xmlformat.ToJSON(xml)
		if err != nil {
			if e := outcome.As(err); e.Code() == outcome.Exception || e.Stage == outcome.StageDefault {
				t.Fatalf("%v", err)
			}
			return
		}
		e, err := parse(t, text).Resource()
		if err != nil {
			t.Fatal(err)
		}
		back, err := xmlformat.AppendXML(nil, e)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		expectEqual(t, toJSON(t, back), text)
	})
}

// FuzzAppendXML: what is written can be read, and nothing but what XML cannot hold is lost.
func FuzzAppendXML(f *testing.F) {
	for _, c := range bothWays {
		f.Add([]byte(c.json))
	}
	f.Add([]byte(`{"resourceType":"Basic","text":{"div":"<div>&nbsp;</div>"}}`))
	f.Add([]byte(`{"resourceType":"Patient","name":[{"_given":[null]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := resources.Parse(text)
		if err != nil {
			return
		}
		e, err := d.Resource()
		if err != nil {
			return
		}
		xml, err := xmlformat.AppendXML(nil, e, xmlformat.Indent)
		if err != nil {
			if outcome.As(err).Code() == outcome.Exception {
				t.Fatalf("%v", err)
			}
			return
		}
		once := toJSON(t, xml)
		expectEqual(t, toJSON(t, toXML(t, once)), once)
	})
}
