package fhir

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// DeleteRequest is a delete: https://hl7.org/fhir/R4/http.html#delete
type DeleteRequest struct {
	// Key is the address. Without an ID the targets are found by Criteria:
	// https://hl7.org/fhir/R4/http.html#3.1.0.7.1
	Key store.Key
	// Criteria is a raw query string. Several matches are refused unless _count says how many may
	// be deleted.
	Criteria string
	IfMatch  Match
	// Provenance is as for CreateRequest.
	Provenance *resources.Document
}

// Deletion is what a delete came to.
type Deletion struct {
	// Tombstones are the versions that it made; none where there was nothing to delete.
	Tombstones []store.Version
	Issues     []outcome.Issue
}

// Delete deletes resources. What does not exist or is deleted already is no error and makes no
// tombstone. Errors: conflict when something still refers to the resource, saying how many do;
// conflict (stage precondition) when IfMatch does not hold; multiple-matches (stage
// precondition) when several meet the criteria.
func (s *Service) Delete(ctx context.Context, request DeleteRequest) (Deletion, error) {
	w := &write{interaction: Delete, address: request.Key, match: request.IfMatch}
	err := s.readDelete(ctx, w, request.Criteria)
	if err == nil {
		err = s.land(ctx, request.Provenance, w)
	}
	return Deletion{Tombstones: w.made, Issues: w.result.Issues}, err
}

// readDelete checks what a delete says of itself.
func (s *Service) readDelete(ctx context.Context, w *write, raw string) (err error) {
	if w.address.ID != "" {
		return nil
	}
	filters, most, err := s.cutCount(raw)
	if err != nil {
		return err
	}
	w.most = most
	w.criteria, err = s.criteria(ctx, w.address.Type, filters)
	return err
}

// cutCount takes _count out of the criteria of a delete: how many may be deleted, 1 without it.
func (s *Service) cutCount(raw string) (filters string, most int, err error) {
	var rest []string
	most = 1
	for part := range strings.SplitSeq(raw, "&") {
		value, ok := strings.CutPrefix(part, "_count=")
		if !ok {
			rest = append(rest, part)
			continue
		}
		if most, err = strconv.Atoi(value); err != nil || most < 1 || most > s.options.Limits.Deletes {
			return "", 0, outcome.New(outcome.Value, "The parameter _count is %q; expected how many may be deleted, from 1 to %d.", clip(value), s.options.Limits.Deletes).In(outcome.StageSyntax)
		}
	}
	return strings.Join(rest, "&"), most, nil
}

func (a *attempt) findDelete(ctx context.Context, w *write) error {
	if w.criteria != nil {
		return a.findConditionalDelete(ctx, w)
	}
	if err := a.open(ctx, w, w.address); err != nil {
		return err
	}
	if err := w.holds(); err != nil {
		return err
	}
	if w.settled = !w.exists(); !w.settled {
		w.targets = []store.Version{w.current}
	}
	return nil
}

// findConditionalDelete finds what the criteria select: one, or with _count up to so many.
func (a *attempt) findConditionalDelete(ctx context.Context, w *write) error {
	found, err := a.search(ctx, w, w.most+1)
	if err != nil {
		return err
	}
	if len(found) > w.most {
		if w.most == 1 {
			return several(w.address.Type)
		}
		found = found[:w.most]
		w.result.Issues = []outcome.Issue{{
			Severity: outcome.SeverityInformation, Code: outcome.Incomplete,
			Diagnostics: fmt.Sprintf("More resources meet the criteria than the %d that _count lets be deleted at once.", w.most),
		}}
	}
	for _, v := range found {
		admitted, err := a.service.admits(ctx, a.reader, w.reach, v)
		if err != nil {
			return err
		}
		if !admitted {
			return outcome.New(outcome.Forbidden, "You may not delete all that meet the criteria. Nothing was changed.")
		}
		w.key, w.current = v.Key, v
		if err := w.holds(); err != nil {
			return err
		}
		w.targets = append(w.targets, v)
	}
	w.settled = len(w.targets) == 0
	return nil
}

func (a *attempt) makeDelete(ctx context.Context, w *write) error {
	for _, v := range w.targets {
		if w.reach.MayWrite != nil {
			before, err := parseStored(v)
			if err == nil {
				err = w.reach.MayWrite(ctx, v.Key, before, resources.Element{})
			}
			if err != nil {
				return err
			}
		}
		a.change(w, store.Change{Key: v.Key, Method: store.Delete, If: store.Precondition{Kind: store.IfVersion, Version: v.VersionID}})
	}
	return nil
}
