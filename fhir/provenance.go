package fhir

import (
	"context"
	"strconv"

	"kiln/resources"
	"kiln/store"
)

// addProvenance stores what X-Provenance says beside what was written, with its versions as the
// target: https://hl7.org/fhir/R4/provenance.html#header. Where nothing was written there is
// nothing to tell the origin of.
func (a *attempt) addProvenance(ctx context.Context, doc *resources.Document) error {
	if doc == nil || len(a.tx.Changes) == 0 {
		return nil
	}
	w := &write{interaction: Create, address: store.Key{Type: "Provenance"}, provenance: true}
	err := w.describe(doc, 0)
	if err == nil {
		err = w.checkType()
	}
	if err == nil {
		w.doc, err = withTarget(doc, a.tx.Changes)
	}
	if err == nil {
		err = a.find(ctx, w)
	}
	if err == nil {
		err = a.make(ctx, w)
	}
	return err
}

// withTarget sets Provenance.target to the versions that the changes make.
func withTarget(doc *resources.Document, changes []store.Change) (*resources.Document, error) {
	targets := []byte{'['}
	for i, change := range changes {
		if i > 0 {
			targets = append(targets, ',')
		}
		targets = append(targets, `{"reference":"`...)
		targets = append(targets, change.Key.String()...)
		targets = append(targets, `/_history/`...)
		targets = strconv.AppendInt(targets, change.If.Version+1, 10)
		targets = append(targets, `"}`...)
	}
	targets = append(targets, ']')
	edits := []resources.Edit{{Node: doc.Member(0, "target"), Raw: targets}}
	if edits[0].Node == resources.None {
		name := doc.Member(0, "resourceType")
		edits[0] = resources.Edit{Node: name, Raw: append([]byte(`"Provenance","target":`), targets...)}
	}
	return resources.Parse(doc.AppendCompact(nil, 0, edits...))
}
