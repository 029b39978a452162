package rest

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"kiln/resources/outcome"
)

// maxParameters bounds a query string or form.
const maxParameters = 1000

// query is a raw query string taken apart: what decides how the answer is written (_format and
// _pretty), and the rest, which goes to the service as it came, order and escapes included.
type query struct {
	rest         string
	presentation string // the other parts as they came, repeated in every link
	format       string // value of _format, decoded
	pretty       bool
}

// parseQuery splits a query string. Errors (400): wrong percent escapes, text that is not UTF-8,
// too many parameters.
func parseQuery(raw string) (q query, err error) {
	if raw == "" {
		return q, nil
	}
	if err := checkEscapes(raw); err != nil {
		return q, err
	}
	if !strings.Contains(raw, "format") && !strings.Contains(raw, "pretty") {
		return query{rest: raw}, nil
	}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		switch unescaped(name) {
		case "_format":
			q.format = unescaped(value)
			q.presentation = join(q.presentation, part)
		case "_pretty":
			q.pretty = unescaped(value) == "true"
			q.presentation = join(q.presentation, part)
		default:
			q.rest = join(q.rest, part)
		}
	}
	return q, nil
}

// and is q followed by another query, as the form of a POST _search follows its address.
func (q query) and(other query) query {
	q.rest, q.presentation = join(q.rest, other.rest), join(q.presentation, other.presentation)
	first(&q.format, other.format)
	q.pretty = q.pretty || other.pretty
	return q
}

// parameter is the decoded value of the first parameter of that name; empty without one.
func (q query) parameter(name string) string {
	for part := range strings.SplitSeq(q.rest, "&") {
		if key, value, _ := strings.Cut(part, "="); unescaped(key) == name {
			return unescaped(value)
		}
	}
	return ""
}

func join(query, part string) string {
	if query == "" || part == "" {
		return query + part
	}
	return query + "&" + part
}

func checkEscapes(raw string) error {
	if strings.Count(raw, "&") >= maxParameters {
		return outcome.New(outcome.TooLong, "The query has more than %d parameters.", maxParameters).In(outcome.StageSyntax)
	}
	text, err := url.QueryUnescape(raw)
	switch {
	case err != nil:
		return outcome.New(outcome.Invalid, "The query string holds a wrong percent escape; a percent sign itself is written as %%25.").In(outcome.StageSyntax)
	case !utf8.ValidString(text):
		return outcome.New(outcome.Invalid, "The query string is not valid UTF-8.").In(outcome.StageSyntax)
	case strings.IndexByte(text, 0) >= 0:
		return outcome.New(outcome.Invalid, "The query string holds the character U+0000, which no value of FHIR has.").In(outcome.StageSyntax)
	}
	return nil
}

// unescaped decodes a part whose escapes were checked.
func unescaped(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	s, _ = url.QueryUnescape(s)
	return s
}
