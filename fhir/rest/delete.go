package rest

import (
	"net/http"
	"strconv"

	"kiln/fhir"
	"kiln/resources/outcome"
)

// remove answers https://hl7.org/fhir/R4/http.html#delete and its conditional form.
func remove(x *exchange) error {
	key, err := x.target()
	if err != nil {
		return err
	}
	ifMatch, err := readMatch(x.r.Header, "If-Match")
	if err != nil {
		return err
	}
	provenance, err := x.provenance()
	if err != nil {
		return err
	}
	deletion, err := x.service.Delete(x.ctx, fhir.DeleteRequest{Key: key, Criteria: x.criteria(), IfMatch: ifMatch, Provenance: provenance})
	if err != nil {
		return err
	}
	if len(deletion.Tombstones) == 1 {
		x.versioned(&deletion.Tombstones[0])
	}
	x.preferenceApplied()
	if x.prefer.returned == "OperationOutcome" {
		x.sendDone(http.StatusOK, outcome.JSON(deletionIssues(deletion)))
		return nil
	}
	x.empty(http.StatusNoContent)
	return nil
}

// deletionIssues say how many resources were deleted.
func deletionIssues(d fhir.Deletion) []outcome.Issue {
	text := map[int]string{0: "There was nothing to delete.", 1: "1 resource is deleted."}[len(d.Tombstones)]
	if text == "" {
		text = strconv.Itoa(len(d.Tombstones)) + " resources are deleted."
	}
	return append([]outcome.Issue{{Severity: outcome.SeverityInformation, Code: outcome.Informational, Diagnostics: text}}, d.Issues...)
}
