package fhir

import (
	"context"
	"encoding/json"
	"strconv"

	"kiln/resources"
	"kiln/store"
)

// addProvenance stores what X-Provenance says beside what was written, with its versions as the
// target: https://hl7.org/fhir/R4/provenance.html#header. Where nothing was written there is
// nothing to tell the origin of.
func (a *attempt) addProvenance(ctx context.Context, doc *resources.Document) error {
	if len(a.tx.Changes) == 0 {
		return nil
	}
	w := &write{interaction: Create, address: store.Key{Type: "Provenance"}, provenance: true}
	if doc == nil {
		var err error
		if doc, err = a.behalf(ctx); doc == nil || err != nil {
			return err
		}
		w.ours = true
	}
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

// behalf says who wrote for whom, where somebody writes for somebody else and does not say so themselves; nil where nobody does.
func (a *attempt) behalf(ctx context.Context) (*resources.Document, error) {
	if a.service.options.Authorizer == nil {
		return nil, nil
	}
	b, err := a.service.options.Authorizer.Behalf(ctx)
	if b == (Behalf{}) || err != nil {
		return nil, err
	}
	said := provenance{ResourceType: "Provenance", Recorded: a.service.now().UTC().Format(resources.InstantFormat), Agent: []provenanceAgent{{
		Type: provenanceRole{[]roleCoding{{"http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author"}}},
		Who:  link{b.Who}, For: link{b.For},
	}}}
	text, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	return resources.Parse(text)
}

// provenance is what is said of who wrote: https://hl7.org/fhir/R4/provenance.html
type provenance struct {
	ResourceType string            `json:"resourceType"`
	Recorded     string            `json:"recorded"`
	Agent        []provenanceAgent `json:"agent"`
}

type provenanceAgent struct {
	Type provenanceRole `json:"type"`
	Who  link           `json:"who"`
	For  link           `json:"onBehalfOf"`
}

type provenanceRole struct {
	Coding []roleCoding `json:"coding"`
}

type roleCoding struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

type link struct {
	Reference string `json:"reference"`
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
