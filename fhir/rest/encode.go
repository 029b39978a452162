package rest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat"
)

// encode writes a resource, given as JSON, in the format. Plain JSON is the bytes as they are.
func (f format) encode(resource []byte) ([]byte, error) {
	if f.codec == codecXML {
		return f.encodeXML(resource)
	}
	if !f.pretty {
		return resource, nil
	}
	var b bytes.Buffer
	b.Grow(2 * len(resource))
	if err := json.Indent(&b, resource, "", "  "); err != nil { // changes nothing but white space
		return nil, fmt.Errorf("indent a resource: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// encodeXML fails (406) for what has no XML form: resources that were stored unvalidated.
func (f format) encodeXML(resource []byte) ([]byte, error) {
	doc, err := resources.Parse(resource)
	if err != nil {
		return nil, noXML(err)
	}
	root, err := doc.Resource()
	if err != nil {
		return nil, noXML(err)
	}
	options := xmlformat.Declaration
	if f.pretty {
		options |= xmlformat.Indent
	}
	out, err := xmlformat.AppendXML(make([]byte, 0, 2*len(resource)), root, options)
	if err != nil {
		return nil, noXML(err)
	}
	return out, nil
}

func noXML(err error) error {
	return outcome.New(outcome.NotSupported, "This answer cannot be written as XML; ask for application/fhir+json.").In(outcome.StageUnacceptable).Because(err)
}

// decode makes JSON of a request body.
func decode(of codec, body []byte) ([]byte, error) {
	if of == codecXML {
		return xmlformat.ToJSON(body)
	}
	return body, nil
}
