package fhir

import (
	"context"
	"strconv"
	"strings"
	"time"

	"kiln/resources/datatypes"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// HistoryRequest is a history: https://hl7.org/fhir/R4/http.html#history
type HistoryRequest struct {
	// Type and ID choose the level: both, the type alone, or neither for the whole system.
	Type, ID string
	// Query is the raw query string: _since, _at, _count, and _page of a paging link.
	Query string
	// Lenient ignores unknown parameters and names them in an OperationOutcome entry.
	Lenient bool
	// Presentation is the part of a raw query string that every link repeats, such as _format=xml.
	Presentation string
}

func (r *HistoryRequest) path() string {
	path := "_history"
	if r.ID != "" {
		path = r.ID + "/" + path
	}
	if r.Type != "" {
		path = r.Type + "/" + path
	}
	return path
}

func (r *HistoryRequest) interaction() Interaction {
	switch {
	case r.ID != "":
		return HistoryInstance
	case r.Type != "":
		return HistoryType
	}
	return HistorySystem
}

// History lists versions, newest first, as a Bundle of type history. Errors: not-found where
// there never was such a resource; invalid parameters.
func (s *Service) History(ctx context.Context, request HistoryRequest) (*Bundle, error) {
	return s.history(ctx, s.store, request)
}

func (s *Service) history(ctx context.Context, reader store.Reader, request HistoryRequest) (*Bundle, error) {
	action := Action{Interaction: request.interaction(), Type: request.Type, ID: request.ID}
	if err := s.may(ctx, action); err != nil {
		return nil, err
	}
	page, err := s.readPage(ctx, "history", request.path(), request.Query, request.Presentation)
	if err != nil {
		return nil, err
	}
	query, applied, issues, err := s.parseHistory(request, page)
	if err != nil {
		return nil, err
	}
	reach, err := s.allow(ctx, action)
	if err != nil {
		return nil, err
	}
	visible, err := s.hasHistory(ctx, reader, request, reach)
	if err != nil {
		return nil, err
	}
	found, err := reader.History(ctx, query)
	if err != nil {
		return nil, refusal(err, store.Key{Type: request.Type, ID: request.ID})
	}
	links, err := s.links(ctx, page, applied, turn{"previous", found.Prev, 0}, turn{"next", found.Next, 0})
	if err != nil {
		return nil, refusal(err, store.Key{})
	}
	bundle := &Bundle{Type: "history", LastUpdated: s.now(), Links: links, Total: found.Total, HasTotal: found.HasTotal}
	if err := s.addVersions(ctx, reader, bundle, reach, found.Versions); err != nil {
		return nil, refusal(err, store.Key{})
	}
	if !visible && len(bundle.Entries) == 0 {
		return nil, notFound(store.Key{Type: request.Type, ID: request.ID})
	}
	if len(issues) > 0 {
		bundle.Entries = append(bundle.Entries, Entry{
			Resource: outcome.JSON(issues), Response: &EntryResponse{Status: "200 OK"},
			Request: &EntryRequest{Method: "GET", URL: request.path()},
		})
	}
	return bundle, nil
}

// hasHistory refuses the history of what never was. visible reports whether the caller may see the
// newest version; of what is hidden all along there is no history either.
func (s *Service) hasHistory(ctx context.Context, reader store.Reader, request HistoryRequest, r reach) (visible bool, err error) {
	if request.ID == "" {
		return true, nil
	}
	key := store.Key{Type: request.Type, ID: request.ID}
	v, err := current(ctx, reader, key)
	if err == nil && v.VersionID == 0 {
		return false, notFound(key)
	}
	if err == nil {
		visible, err = s.admits(ctx, reader, r, v)
	}
	return visible, refusal(err, key)
}

// addVersions adds the versions that the caller may see, each judged by its own image. What is left
// out must not show in the total.
func (s *Service) addVersions(ctx context.Context, reader store.Reader, bundle *Bundle, r reach, versions []store.Version) error {
	bundle.Entries = make([]Entry, 0, len(versions))
	bundle.HasTotal = bundle.HasTotal && (s.options.Authorizer == nil || r.Predicate == nil)
	predicates := map[string]reach{}
	for _, v := range versions {
		if s.options.Authorizer != nil {
			admitted, err := s.admitsHistory(ctx, reader, r, v, predicates)
			if err != nil {
				return err
			}
			if !admitted {
				bundle.HasTotal = false
				continue
			}
		}
		bundle.Entries = append(bundle.Entries, s.historyEntry(v))
	}
	return nil
}

// admitsHistory judges a version; in the history of the system each type has its own predicate.
func (s *Service) admitsHistory(ctx context.Context, reader store.Reader, r reach, v store.Version, predicates map[string]reach) (bool, error) {
	if r.action.Type == "" {
		known, ok := predicates[v.Type]
		if !ok {
			action := r.action
			action.Type = v.Type
			var err error
			if known, err = s.allow(ctx, action); err != nil {
				if !outcome.Is(err, outcome.Forbidden) {
					return false, err
				}
				known = reach{Reach: Reach{Predicate: search.Nothing{}}}
			}
			predicates[v.Type] = known
		}
		r = known
	}
	admitted, err := s.admits(ctx, reader, r, v)
	if err == nil && admitted {
		err = r.verify(ctx, v)
	}
	return admitted, err
}

// historyMethods tells how a version was made: the method, whether the address has the id, and the
// status that was answered.
var historyMethods = map[store.Method]struct {
	method   string
	instance bool
	status   string
}{
	store.Create: {"POST", false, "201 Created"},
	store.Update: {"PUT", true, "200 OK"},
	store.Patch:  {"PATCH", true, "200 OK"},
	store.Delete: {"DELETE", true, "204 No Content"},
}

func (s *Service) historyEntry(v store.Version) Entry {
	how := historyMethods[v.Method]
	url, status := v.Type, how.status
	if how.instance {
		url = v.Key.String()
	}
	if v.VersionID == 1 && v.Method == store.Update {
		status = "201 Created"
	}
	return Entry{
		FullURL:  s.fullURL(v.Key),
		Resource: v.Body,
		of:       whole(v),
		Request:  &EntryRequest{Method: how.method, URL: url},
		Response: &EntryResponse{Status: status, Location: s.location(v), ETag: etag(v.VersionID), LastModified: v.LastUpdated},
	}
}

// location is the address of a version; a tombstone has none.
func (s *Service) location(v store.Version) string {
	if v.Deleted() {
		return ""
	}
	return s.fullURL(v.Key) + "/_history/" + strconv.FormatInt(v.VersionID, 10)
}

// historyParameters read the parameters of a history.
var historyParameters = map[string]func(s *Service, q *store.HistoryQuery, value string) error{
	"_count": (*Service).historyCount,
	"_since": func(s *Service, q *store.HistoryQuery, value string) (err error) {
		q.Since, _, err = s.historySpan("_since", value)
		return err
	},
	"_at": func(s *Service, q *store.HistoryQuery, value string) (err error) {
		q.At, q.AtEnd, err = s.historySpan("_at", value)
		return err
	},
}

func (s *Service) parseHistory(request HistoryRequest, page *paged) (q store.HistoryQuery, applied string, issues []outcome.Issue, err error) {
	q = store.HistoryQuery{Type: request.Type, ID: request.ID, Count: s.options.Limits.PageSize, Cursor: page.cursor}
	var used []search.NameValue
	given := map[string]bool{}
	for _, p := range page.query {
		read := historyParameters[p.Name]
		switch {
		case read == nil:
			err = outcome.New(outcome.NotSupported, "%q is not a parameter of a history; expected _since, _at or _count.", clip(p.Name)).In(outcome.StageSyntax)
		case given[p.Name]:
			err = invalid("The parameter %s is given twice.", p.Name)
		default:
			err = read(s, &q, p.Value)
		}
		if err != nil && !request.Lenient {
			return q, "", nil, err
		}
		if err != nil {
			issue := outcome.As(err).Issues[0]
			issue.Severity = outcome.SeverityWarning
			issues = append(issues, issue)
			continue
		}
		given[p.Name] = true
		used = append(used, p)
	}
	return q, encodeQuery(used), issues, nil
}

func (s *Service) historyCount(q *store.HistoryQuery, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil && strings.Trim(value, "0123456789") == "" && value != "" {
		n, err = s.options.Limits.MaxPageSize, nil // more than an int holds
	}
	if err != nil || n < 0 {
		return outcome.New(outcome.Value, "The parameter _count is %q; expected a number of versions, 0 or more.", clip(value)).In(outcome.StageSyntax)
	}
	q.Count = min(n, s.options.Limits.MaxPageSize)
	return nil
}

// historySpan reads a time: the span that it covers, down to the last digit written.
func (s *Service) historySpan(name, value string) (from, to time.Time, err error) {
	// A "+" of an offset that was not escaped has become a space.
	t, err := datatypes.ParseDateTime(strings.ReplaceAll(value, " ", "+"))
	if err != nil {
		return from, to, outcome.New(outcome.Value, "The parameter %s is %q; expected a time such as 2024-02-29T12:00:00Z or 2024-02.", name, clip(value)).In(outcome.StageSyntax)
	}
	from, to = t.Range(s.options.Zone)
	return from, to, nil
}
