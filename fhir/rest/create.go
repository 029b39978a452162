package rest

import (
	"net/http"
	"strconv"
	"strings"

	"kiln/fhir"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// create answers https://hl7.org/fhir/R4/http.html#create
func create(x *exchange) error {
	doc, err := x.resource()
	if err != nil {
		return err
	}
	provenance, err := x.provenance()
	if err != nil {
		return err
	}
	result, err := x.service.Create(x.ctx, fhir.CreateRequest{
		Type: x.parts.part[0], Resource: doc, IfNoneExist: x.ifNoneExist(), Provenance: provenance, Warnings: x.wantsOutcome(),
	})
	if err != nil {
		return err
	}
	x.wrote(result)
	return nil
}

// ifNoneExist is the criteria of a conditional create. Some clients write them with a "?".
func (x *exchange) ifNoneExist() string {
	return strings.TrimPrefix(strings.Join(x.r.Header["If-None-Exist"], "&"), "?")
}

// provenance reads the header X-Provenance: https://hl7.org/fhir/R4/provenance.html#header
func (x *exchange) provenance() (*resources.Document, error) {
	given := x.r.Header["X-Provenance"]
	if len(given) == 0 {
		return nil, nil
	}
	doc, err := resources.Parse([]byte(strings.Join(given, ", ")))
	if err != nil {
		return nil, inHeader("X-Provenance", err)
	}
	if r, err := doc.Resource(); err != nil || r.Type().Name != "Provenance" {
		return nil, outcome.New(outcome.Structure, "The header X-Provenance does not hold a Provenance resource in JSON.").In(outcome.StageSyntax)
	}
	return doc, nil
}

// inHeader says that the positions of an error are those of a header.
func inHeader(name string, err error) error {
	e := outcome.As(err)
	issues := make([]outcome.Issue, len(e.Issues))
	for i, issue := range e.Issues {
		issue.Diagnostics = "In the header " + name + ": " + issue.Diagnostics
		issues[i] = issue
	}
	return outcome.Of(issues...).In(e.Stage).Because(err)
}

// wrote answers a create, update or patch: https://hl7.org/fhir/R4/http.html#create
func (x *exchange) wrote(result fhir.Result) {
	v := &result.Version
	x.versioned(v)
	x.w.Header()["Location"] = x.value(x.location(v))
	status := http.StatusOK
	if result.Created {
		status = http.StatusCreated
	}
	x.preferenceApplied()
	switch x.prefer.returned {
	case "minimal":
		x.empty(status)
	case "OperationOutcome":
		x.sendDone(status, outcome.JSON(result.Issues))
	default:
		x.sendDone(status, v.Body)
	}
}

// location is the absolute address of a version.
func (x *exchange) location(v *store.Version) string {
	return x.service.BaseURL() + "/" + v.Type + "/" + v.ID + "/_history/" + strconv.FormatInt(v.VersionID, 10)
}

// preferenceApplied tells which preferences were honoured: https://www.rfc-editor.org/rfc/rfc7240#section-3
func (x *exchange) preferenceApplied() {
	if x.prefer.returned != "" {
		x.w.Header()["Preference-Applied"] = x.value("return=" + x.prefer.returned)
	}
}
