package fhir

import (
	"context"
	"fmt"
	"strings"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// SearchRequest is a search: https://hl7.org/fhir/R4/http.html#search
type SearchRequest struct {
	// Type is the type that is searched; "" searches the types of _type, or all.
	Type string
	// Compartment, if not zero, is the resource whose compartment is searched:
	// https://hl7.org/fhir/R4/compartmentdefinition.html
	Compartment store.Key
	// Query is the raw query string; of POST _search the form's text, after the address's with "&".
	// Parameters of presentation (_format, _pretty) must be left out.
	Query string
	// Lenient ignores unknown parameters and names them in an OperationOutcome entry.
	Lenient bool
	// Presentation is the part of a raw query string that every link repeats, such as _format=xml.
	Presentation string
}

func (r *SearchRequest) path() string {
	if r.Compartment == (store.Key{}) {
		return r.Type
	}
	member := r.Type
	if member == "" {
		member = "*"
	}
	return r.Compartment.String() + "/" + member
}

func (r *SearchRequest) action() Action {
	switch {
	case r.Compartment != (store.Key{}):
		return Action{Interaction: SearchCompart, Type: r.Type}
	case r.Type == "":
		return Action{Interaction: SearchSystem}
	}
	return Action{Interaction: SearchType, Type: r.Type}
}

// Search answers one page as a Bundle of type searchset. Errors: invalid parameters with the list
// of those there are; too-costly where no index serves the query; a paging link that is not one
// of this search or this caller's.
func (s *Service) Search(ctx context.Context, request SearchRequest) (*Bundle, error) {
	return s.search(ctx, s.store, request)
}

func (s *Service) search(ctx context.Context, reader store.Reader, request SearchRequest) (*Bundle, error) {
	return following(ctx, s, func() (*Bundle, error) { return s.searchOnce(ctx, reader, request) })
}

func (s *Service) searchOnce(ctx context.Context, reader store.Reader, request SearchRequest) (*Bundle, error) {
	if err := s.may(ctx, request.action()); err != nil {
		return nil, err
	}
	page, err := s.readPage(ctx, "search", request.path(), request.Query, request.Presentation)
	if err != nil {
		return nil, err
	}
	query, issues, err := s.parseSearch(ctx, reader, request, page)
	if err != nil {
		return nil, err
	}
	n := narrowing{Service: s}
	narrowed, err := n.query(ctx, request.action(), query)
	if err != nil {
		return nil, err
	}
	if len(query.Include)+len(query.RevInclude) > 0 {
		// what is included must be of the same state as what includes it
		if s, ok := reader.(store.Store); ok {
			snapshot, err := s.Snapshot(ctx)
			if err != nil {
				return nil, refusal(err, store.Key{})
			}
			defer func() { _ = snapshot.Close() }()
			reader = snapshot
		}
	}
	found, err := s.timed(ctx, reader, request.Type, withinResults(narrowed, page.before), page.cursor)
	if err != nil {
		return nil, refusal(err, store.Key{Type: request.Type})
	}
	if err := n.verify(ctx, found.Matches); err != nil {
		return nil, err
	}
	if n.limited {
		found.Plan = withoutNumbers(found.Plan)
	}
	if hint := n.reaches[request.Type].Hint; hint != "" && len(found.Matches) == 0 && page.cursor == nil && !query.CountOnly {
		issues = append(issues, outcome.Issue{Severity: outcome.SeverityInformation, Code: outcome.Suppressed, Diagnostics: hint})
	}
	return s.searchset(ctx, reader, page, query, found, issues)
}

// parseSearch reads the query of a request.
func (s *Service) parseSearch(ctx context.Context, reader store.Reader, request SearchRequest, page *paged) (*search.Query, []outcome.Issue, error) {
	var types []string
	if request.Type != "" {
		types = []string{request.Type}
	}
	options := search.ParseOptions{Lenient: request.Lenient, Terminology: s.terms(ctx, reader), Scans: s.options.AllowScans}
	if request.Compartment != (store.Key{}) {
		options.Compartment = search.Compartment{Name: request.Compartment.Type, ID: request.Compartment.ID}
	}
	query, issues, err := s.params.Parse(types, page.query, options)
	if err != nil {
		return nil, nil, refusal(err, store.Key{Type: request.Type})
	}
	if query.Summary == search.SummaryText && len(query.Include)+len(query.RevInclude) > 0 {
		return nil, nil, invalid("_summary=text cannot be mixed with _include or _revinclude.")
	}
	s.sizePage(query, page)
	return query, issues, nil
}

// sizePage sets the size of a page where the query does not state it, and bounds it where it does.
func (s *Service) sizePage(query *search.Query, page *paged) {
	stated := false
	for _, p := range page.query {
		stated = stated || p.Name == "_count"
	}
	if !stated {
		query.Count = s.options.Limits.PageSize
	}
	query.Count = min(query.Count, s.options.Limits.MaxPageSize)
}

// searchset makes the answer of a page of matches.
func (s *Service) searchset(ctx context.Context, reader store.Reader, page *paged, query *search.Query, found store.Page, issues []outcome.Issue) (*Bundle, error) {
	issues = append(issues, cutInPreview(reader, &found)...)
	links, err := s.links(ctx, page, encodeQuery(query.Applied), turns(query, page.before, found)...)
	if err != nil {
		return nil, refusal(err, store.Key{})
	}
	bundle := &Bundle{Type: "searchset", LastUpdated: s.now(), Links: links, Total: found.Total}
	bundle.HasTotal = found.HasTotal && query.Total != search.TotalNone || query.CountOnly
	subset := Subset{Summary: query.Summary, Elements: query.Elements}
	matches := matchedIn(found)
	if bundle.Entries, err = s.entries(nil, matches, "match", subset); err != nil {
		return nil, err
	}
	if err := s.distances(ctx, query, found.Matches, bundle.Entries); err != nil {
		return nil, err
	}
	included, cut, err := s.included(ctx, reader, query, matches)
	if err != nil {
		return nil, refusal(err, store.Key{})
	}
	subset.Elements = nil // they are named for what was searched
	if bundle.Entries, err = s.entries(bundle.Entries, included, "include", subset); err != nil {
		return nil, err
	}
	if cut {
		issues = append(issues, outcome.Issue{
			Severity: outcome.SeverityWarning, Code: outcome.Incomplete,
			Diagnostics: fmt.Sprintf("Not all included resources are here: a page has at most %d of them. Ask for a smaller page with _count.", s.options.Limits.Includes),
		})
	}
	issues = append(issues, explain(found.Plan)...)
	if len(issues) > 0 {
		bundle.Entries = append(bundle.Entries, Entry{Resource: outcome.JSON(issues), Mode: "outcome"})
	}
	return bundle, nil
}

// entries appends resources as entries of a Bundle.
func (s *Service) entries(to []Entry, list []matched, mode string, subset Subset) ([]Entry, error) {
	if to == nil {
		to = make([]Entry, 0, len(list))
	}
	for _, m := range list {
		e, err := s.entry(m, mode, subset)
		if err != nil {
			return nil, err
		}
		to = append(to, e)
	}
	return to, nil
}

func (s *Service) fullURL(key store.Key) string {
	return strings.Join([]string{s.options.BaseURL, key.Type, key.ID}, "/")
}

// explain tells how the engine found a page, for _explain=true.
func explain(plan *store.Plan) []outcome.Issue {
	if plan == nil {
		return nil
	}
	issues := make([]outcome.Issue, 0, len(plan.Steps)+1)
	note := func(format string, args ...any) {
		issues = append(issues, outcome.Issue{Severity: outcome.SeverityInformation, Code: outcome.Informational, Diagnostics: fmt.Sprintf(format, args...)})
	}
	for _, step := range plan.Steps {
		if plan.Examined < 0 {
			note("%s.", legName(step))
			continue
		}
		if step.Estimate == store.Unsized {
			note("%s: %d examined.", legName(step), step.Examined)
			continue
		}
		note("%s: about %d expected, %d examined.", legName(step), step.Estimate, step.Examined)
	}
	if plan.Examined >= 0 {
		note("%d rows and resources examined in %s.", plan.Examined, plan.Duration)
	}
	return issues
}

// legName is how a step is told to people.
func legName(step store.Step) string {
	return strings.TrimSpace(step.Operation + " " + step.Detail)
}

// withoutNumbers is a plan for a caller who may not see everything: how many rows a leg has tells what is hidden.
func withoutNumbers(plan *store.Plan) *store.Plan {
	if plan == nil {
		return nil
	}
	return &store.Plan{Steps: plan.Steps, Examined: -1}
}

// cutInPreview takes away the links of a search inside a transaction: its pages end with it.
func cutInPreview(reader store.Reader, found *store.Page) []outcome.Issue {
	if _, ok := reader.(preview); !ok || found.Next == nil {
		return nil
	}
	found.Next, found.Prev, found.Last = nil, nil, nil
	return []outcome.Issue{{
		Severity: outcome.SeverityInformation, Code: outcome.Incomplete,
		Diagnostics: "There are more matches. Inside a transaction that also writes a search shows one page; search again for the others.",
	}}
}
