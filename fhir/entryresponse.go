package fhir

import (
	"fmt"
	"net/http"

	"kiln/resources/outcome"
	"kiln/store"
)

// answers are the entries of the response. A resource that is shown twice has its fullUrl once
// (bdl-7).
func (p *process) answers() []Entry {
	answers := make([]Entry, len(p.entries))
	shown := map[string]bool{}
	for i, e := range p.entries {
		answers[i] = e.answer
		if url := e.answer.FullURL; url != "" {
			if shown[url] {
				answers[i].FullURL = ""
			}
			shown[url] = true
		}
	}
	return answers
}

// status of what went well.
const (
	statusOK          = "200 OK"
	statusCreated     = "201 Created"
	statusNoContent   = "204 No Content"
	statusNotModified = "304 Not Modified"
)

// written answers an entry that changed something, or found that there was nothing to change.
func (p *process) written(e *entry, result Result) {
	v := result.Version
	response := &EntryResponse{Status: statusOK, Location: p.service.location(v), ETag: etag(v.VersionID), LastModified: v.LastUpdated}
	if result.Created {
		response.Status = statusCreated
	}
	e.answer = Entry{Response: response}
	switch p.request.Return {
	case ReturnRepresentation:
		e.answer.FullURL, e.answer.Resource = p.service.fullURL(v.Key), v.Body
	case ReturnOutcome:
		response.Outcome = outcome.JSON(issuesWithin(result.Issues, e.place()))
	}
}

// deleted answers an entry that deleted something, or found nothing to delete.
func (p *process) deleted(e *entry, d Deletion) {
	response := &EntryResponse{Status: statusNoContent}
	if len(d.Tombstones) == 1 {
		response.ETag, response.LastModified = etag(d.Tombstones[0].VersionID), d.Tombstones[0].LastUpdated
	}
	if p.request.Return == ReturnOutcome || len(d.Issues) > 0 {
		response.Status, response.Outcome = statusOK, outcome.JSON(d.Issues)
	}
	e.answer = Entry{Response: response}
}

// refused answers an entry of a batch that failed. A fault of the server shows nothing of itself.
func (p *process) refused(e *entry, err error) {
	refused := outcome.As(within(refusal(err, e.address.key), e.place()))
	code := http.StatusBadRequest
	if p.request.Status != nil {
		code = p.request.Status(refused)
	}
	e.answer = Entry{Response: &EntryResponse{
		Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Outcome: outcome.JSON(refused.Issues),
	}}
}

// settle finishes the answers of the entries that read. What they read of the very versions that
// the transaction made is shown as it landed: its time was not known before.
func (p *process) settle(landed map[store.Key]store.Version) error {
	for _, e := range p.entries {
		if err := e.answer.land(landed); err != nil {
			return err
		}
		if e.bundle == nil || e.method == http.MethodHead {
			continue
		}
		for i := range e.bundle.Entries {
			if err := e.bundle.Entries[i].land(landed); err != nil {
				return err
			}
		}
		e.answer.Resource = e.bundle.AppendJSON(nil)
	}
	return nil
}

// land shows the version that landed where the entry shows its preview.
func (e *Entry) land(landed map[store.Key]store.Version) (err error) {
	v, ok := landed[e.of.Key]
	if !ok || v.VersionID != e.of.VersionID {
		return nil
	}
	if e.Response != nil && !e.Response.LastModified.IsZero() {
		e.Response.LastModified = v.LastUpdated
	}
	if len(e.Resource) == 0 {
		return nil
	}
	body, _, err := matched{v, e.of.at}.body()
	if err != nil {
		return err
	}
	e.Resource, err = e.subset.Apply(body)
	return err
}
