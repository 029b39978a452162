package fhir

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/store"
)

// address is Bundle.entry.request.url, read by the table of routes.
type address struct {
	route     *Route
	key       store.Key
	version   int64
	member    string // of a compartment: a type or "*"
	operation string // without the $
	query     string
}

// bodiless reports whether a POST to the address may come without a resource.
func (a address) bodiless() bool {
	return a.route.Interaction == Operate || strings.HasPrefix(string(a.route.Interaction), "search-")
}

// compartment is the resource whose compartment is searched; zero in other searches.
func (a address) compartment() store.Key {
	if a.route.Interaction != SearchCompart {
		return store.Key{}
	}
	return a.key
}

// searched is the type that is searched; "" for all.
func (a address) searched() string {
	switch {
	case a.route.Interaction != SearchCompart:
		return a.key.Type
	case a.member == "*":
		return ""
	}
	return a.member
}

// readAddress reads a URL relative to the base, or absolute below it.
func (s *Service) readAddress(method, text string) (address, error) {
	text = strings.TrimPrefix(text, s.options.BaseURL)
	path, query, _ := strings.Cut(text, "?")
	query = withoutPresentation(query)
	if strings.Contains(path, "://") {
		return address{}, invalid("The URL %q is not below this server's base.", clip(text))
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if parts[0] == "" {
		parts = nil
	}
	for i := range parts {
		part, err := url.PathUnescape(parts[i])
		if err != nil {
			return address{}, invalid("The URL %q has a wrong percent escape.", clip(text))
		}
		parts[i] = part
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	known := false
	for i := range routes {
		a := address{route: &routes[i], query: query}
		if !a.match(parts) {
			continue
		}
		known = true
		if routes[i].Method == method {
			return a, nil
		}
	}
	return address{}, noRoute(method, text, parts, known)
}

// withoutPresentation drops _format and _pretty: an entry is written as the Bundle is.
func withoutPresentation(query string) string {
	if !strings.Contains(query, "_format=") && !strings.Contains(query, "_pretty=") {
		return query
	}
	return strings.Join(slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool {
		return strings.HasPrefix(part, "_format=") || strings.HasPrefix(part, "_pretty=")
	}), "&")
}

func noRoute(method, text string, parts []string, known bool) error {
	switch {
	case known:
		return outcome.New(outcome.NotSupported, "%s is not offered at %q.", method, clip(text)).In(outcome.StageMethod)
	case len(parts) > 0 && definitions.R4().Resource(parts[0]) == nil && !strings.ContainsAny(parts[0], "_$"):
		return outcome.New(outcome.NotSupported, "%q is not a resource type of FHIR R4.", clip(parts[0]))
	}
	return outcome.New(outcome.NotFound, "There is nothing at %q: no interaction of FHIR has such a URL.", clip(text))
}

// match reads the parts of a path by the route's pattern.
func (a *address) match(parts []string) bool {
	pattern := a.route.Path
	if pattern == "" {
		return len(parts) == 0
	}
	for _, part := range parts {
		place, rest, _ := strings.Cut(pattern, "/")
		if place == "" || !a.take(place, part) {
			return false
		}
		pattern = rest
	}
	return pattern == ""
}

func (a *address) take(place, part string) bool {
	switch place {
	case "[type]":
		a.key.Type = part
		return definitions.R4().Resource(part) != nil
	case "[id]":
		a.key.ID = part
		return checkID(part) == nil
	case "[vid]":
		v, err := strconv.ParseInt(part, 10, 64)
		a.version = v
		return err == nil
	case "[member]":
		a.member = part
		return definitions.R4().Resource(part) != nil
	case "$[name]":
		name, ok := strings.CutPrefix(part, "$")
		a.operation = name
		return ok
	case "*":
		a.member = part
		return part == place
	}
	return part == place
}
