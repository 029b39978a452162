// Package markup reads XML 1.0 (https://www.w3.org/TR/xml/) with namespaces
// (https://www.w3.org/TR/xml-names/) as FHIR uses it: UTF-8, no document type, so no entities
// but the five that XML has itself. Every tag, text, comment and instruction becomes a token
// with its place in the source.
//
//	r := markup.NewReader([]byte(`<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>`))
//	for r.Next() {
//		fmt.Println(r.Kind, r.Name.Local) // start tag Patient, start tag active, end tag active, …
//	}
//	err := r.Err()
//
// It is not encoding/xml because that one keeps line ends in attribute values (XML makes them
// spaces, section 3.3.3), accepts an attribute twice and names that are none, and reads a
// fifth as fast with an allocation for every name.
package markup
