package fhir

import (
	"context"
	"encoding/base64"
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
)

// patcher is a patch that was read and can be applied, again and again.
type patcher interface {
	Apply(ctx context.Context, doc *resources.Document) (*resources.Document, error)
}

func readPatch(contentType string, _ []byte) (patcher, error) {
	return nil, outcome.New(outcome.NotSupported, "Patches of the media type %q are not read.", clip(contentType)).In(outcome.StageUnsupportedMedia)
}

// readEntryPatch reads the patch of an entry: Parameters, or a Binary that holds a patch of
// another format (https://hl7.org/fhir/R4/http.html#patch, "Patch in a bundle").
func (p *process) readEntryPatch(e *entry, edits []resources.Edit) (patcher, error) {
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
