package fhir

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// costlySearch is the answer to a search that spent what one search may cost.
func costlySearch(cost *store.CostError) *outcome.Error {
	return outcome.New(outcome.TooCostly, "The search looked at %d rows of the index and resources without coming to its end, and one search may look at no more. "+
		"Narrow it by a parameter that few resources match, such as patient, identifier, or code together with a range of dates; or leave out _total=accurate and _sort.", cost.Limit).Because(cost)
}

// RequestIDKey is the key under which the context of a request has its id, a string.
type RequestIDKey struct{}

// timed searches, and logs a search that took long: what was searched, never for which values.
func (s *Service) timed(ctx context.Context, reader store.Reader, typ string, query *search.Query, cursor store.Cursor) (store.Page, error) {
	if s.options.SlowSearch <= 0 {
		return reader.Search(ctx, query, cursor)
	}
	started := time.Now()
	page, err := reader.Search(ctx, query, cursor)
	var cost *store.CostError
	switch took := time.Since(started); {
	case errors.As(err, &cost):
		s.logSlow(ctx, typ, query, cost.Plan, took, false)
	case took >= s.options.SlowSearch && page.Explain != nil:
		s.logSlow(ctx, typ, query, page.Explain(), took, true)
	case took >= s.options.SlowSearch:
		s.logSlow(ctx, typ, query, nil, took, err == nil)
	}
	return page, err
}

// logSlow writes the line. The names are those of parameters that were applied, which are known ones.
func (s *Service) logSlow(ctx context.Context, typ string, query *search.Query, plan *store.Plan, took time.Duration, done bool) {
	names := make([]string, len(query.Applied))
	for i, p := range query.Applied {
		names[i] = p.Name
	}
	id, _ := ctx.Value(RequestIDKey{}).(string)
	attributes := []slog.Attr{
		slog.String("request", id), slog.String("type", typ), slog.Any("parameters", names),
		slog.Duration("duration", took), slog.Bool("finished", done),
	}
	if plan != nil {
		legs, estimates, examined := make([]string, len(plan.Steps)), make([]int64, len(plan.Steps)), make([]int64, len(plan.Steps))
		for i, step := range plan.Steps {
			legs[i], estimates[i], examined[i] = legName(step), step.Estimate, step.Examined
		}
		attributes = append(attributes, slog.Int64("rows", plan.Examined), slog.Any("legs", legs), slog.Any("estimates", estimates), slog.Any("examined", examined))
	}
	s.options.Logger.LogAttrs(ctx, slog.LevelWarn, "slow search", attributes...)
}
