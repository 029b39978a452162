package rest

import (
	"kiln/fhir"
	"kiln/resources/outcome"
)

// patchFormats are the media types of a patch: https://hl7.org/fhir/R4/http.html#patch.
// Those of FHIR itself carry a Parameters resource: https://hl7.org/fhir/R4/fhirpatch.html
const patchFormats = "application/json-patch+json, application/merge-patch+json, application/xml-patch+xml, application/fhir+json, application/fhir+xml"

// patch answers https://hl7.org/fhir/R4/http.html#patch and its conditional form.
func patch(x *exchange) error {
	x.w.Header()["Accept-Patch"] = []string{patchFormats}
	key, err := x.target()
	if err != nil {
		return err
	}
	ifMatch, err := readMatch(x.r.Header, "If-Match")
	if err != nil {
		return err
	}
	contentType, body, err := x.patchBody()
	if err != nil {
		return err
	}
	provenance, err := x.provenance()
	if err != nil {
		return err
	}
	result, err := x.service.Patch(x.ctx, fhir.PatchRequest{
		Key: key, Criteria: x.criteria(), ContentType: contentType, Body: body, IfMatch: ifMatch, Provenance: provenance, Warnings: x.wantsOutcome(),
	})
	if err != nil {
		return err
	}
	x.wrote(result)
	return nil
}

// patchBody reads the patch; Parameters in XML are made JSON.
func (x *exchange) patchBody() (contentType string, body []byte, err error) {
	name, version, _ := mediaType(x.r.Header.Get("Content-Type"))
	var of codec
	switch name {
	case "application/json-patch+json", "application/merge-patch+json", "application/xml-patch+xml":
	default:
		m := mediaTypes[name]
		if m == nil || m.outputOnly || m.codec == codecNDJSON || !isR4(version) {
			return "", nil, outcome.New(outcome.NotSupported, "A patch has one of the media types %s; Content-Type says %q.", patchFormats, clip(name)).In(outcome.StageUnsupportedMedia)
		}
		name, of = "application/fhir+json", m.codec
	}
	if body, err = x.body(); err != nil {
		return "", nil, err
	}
	if len(body) == 0 {
		return "", nil, noBody("a patch")
	}
	body, err = decode(of, body)
	return name, body, err
}
