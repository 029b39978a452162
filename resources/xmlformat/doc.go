// Package xmlformat turns FHIR XML into FHIR JSON and back, driven by the element table alone:
// https://hl7.org/fhir/R4/xml.html
//
//	json, err := xmlformat.ToJSON([]byte(`<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>`))
//	// {"resourceType":"Patient","active":true}
//	doc, err := resources.Parse(json)
//	patient, err := doc.Resource()
//	xml, err := xmlformat.AppendXML(nil, patient)
//
// Nothing is lost on the way but what carries no meaning: XML comments, processing instructions,
// the order of different elements (the order of equal ones is kept) and how characters were
// escaped. Decimals keep their digits and narrative its markup.
package xmlformat

// The namespaces of FHIR XML.
const (
	FHIR  = "http://hl7.org/fhir"
	XHTML = "http://www.w3.org/1999/xhtml"
)

const schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"
