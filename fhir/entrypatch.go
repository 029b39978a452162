package fhir

import (
	"encoding/base64"
	"strings"

	"kiln/fhir/patch"
	"kiln/resources"
	"kiln/resources/outcome"
)

// readPatch reads a patch of the format that its media type says.
func readPatch(contentType string, body []byte) (patch.Patch, error) {
	kind, ok := patch.KindOf(contentType)
	if !ok {
		return nil, outcome.New(outcome.NotSupported, "Patches of the media type %q are not read.", clip(contentType)).In(outcome.StageUnsupportedMedia)
	}
	return patch.Parse(kind, body)
}

// readEntryPatch reads the patch of an entry: Parameters, or a Binary that holds a patch of
// another format (https://hl7.org/fhir/R4/http.html#patch, "Patch in a bundle").
func (p *process) readEntryPatch(e *entry, edits []resources.Edit) (patch.Patch, error) {
	d := p.doc
	switch d.Text(d.Member(e.resource, "resourceType")) {
	case "Parameters":
		return readPatch("application/fhir+json", d.AppendCompact(nil, e.resource, edits...))
	case "Binary":
		contentType, _, _ := strings.Cut(d.Text(d.Member(e.resource, "contentType")), ";")
		data, err := base64.StdEncoding.DecodeString(d.Text(d.Member(e.resource, "data")))
		if err != nil {
			return nil, outcome.New(outcome.Structure, "The data of the Binary is not base64.").At("Binary.data").In(outcome.StageSyntax)
		}
		return readPatch(strings.TrimSpace(contentType), data)
	}
	return nil, outcome.New(outcome.Structure, "A patch in a Bundle is a Parameters resource, or a Binary with the patch as its data and the media type as its contentType.").In(outcome.StageSyntax)
}
