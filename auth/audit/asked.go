package audit

import (
	"net/url"
	"slices"
	"strings"

	"kiln/resources/definitions"
)

// maxAsked is how much of what a body asks is kept, in bytes.
const maxAsked = 64 << 10

// maxNamed is of how many requests in a body the names are kept.
const maxNamed = 20

func clip(text string) string {
	if len(text) > maxAsked {
		return strings.ToValidUTF8(text[:maxAsked], "") + "…"
	}
	return text
}

// secrets are parameters whose values are nobody's to read, wherever a client puts them:
// https://www.rfc-editor.org/rfc/rfc6750#section-2.3
var secrets = map[string]bool{"access_token": true, "refresh_token": true, "id_token": true, "client_secret": true, "client_assertion": true, "password": true}

// withoutSecrets leaves the values of secrets out of what was asked: an address, lines of such, or a form.
func withoutSecrets(asked string) string {
	var to strings.Builder
	for rest := asked; rest != ""; {
		pair, separator := rest, ""
		if end := strings.IndexAny(rest, "?&;\n"); end >= 0 {
			pair, separator = rest[:end], rest[end:end+1]
		}
		rest = rest[len(pair)+len(separator):]
		name, _, valued := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); valued && err == nil && secrets[strings.ToLower(plain)] {
			pair = name + "=…"
		}
		to.WriteString(pair)
		to.WriteString(separator)
	}
	return to.String()
}

// shown is the query as the patients may see it of whose records it told: whole where it told of one and asks for one thing,
// else with names alone.
func (e *Event) shown(told []*Event) string {
	if len(told) == 0 || told[0].Patient == "" || len(told) == 1 && !strings.ContainsAny(e.Query, ",\n") && !strings.Contains(strings.ToUpper(e.Query), "%2C") {
		return e.Query
	}
	var lines []string
	for line := range strings.SplitSeq(e.Query, "\n") {
		if line = names(line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
		if len(lines) > maxNamed { // it is kept for each patient
			lines[maxNamed] = "…"
			break
		}
	}
	return strings.Join(lines, "\n")
}

// names leaves the values out of a path and a query string, or of a form: "/fhir/Patient/1/Observation?code=a,b" becomes
// "/fhir/Patient/…/Observation?code=…".
func names(line string) string {
	method, address, batched := strings.Cut(line, " ")
	if !batched {
		method, address = "", line
	}
	path, query, asks := strings.Cut(address, "?")
	if !asks && strings.Contains(path, "=") {
		path, query, asks = "", path, true
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s != "" && s != "fhir" && !named(s) {
			segments[i] = "…"
		}
	}
	var to strings.Builder
	if batched {
		to.WriteString(method + " ")
	}
	to.WriteString(strings.Join(segments, "/"))
	if !asks {
		return to.String()
	}
	to.WriteByte('?')
	for i, pair := range strings.Split(query, "&") {
		name, _, valued := strings.Cut(pair, "=")
		if i > 0 {
			to.WriteByte('&')
		}
		to.WriteString(name)
		if valued {
			to.WriteString("=…")
		}
	}
	return to.String()
}

// named reports whether a segment of a path is a word of FHIR: a type, an operation or such as _history, and not an id, which
// begins with none of these signs.
func named(segment string) bool {
	return segment[0] == '$' || segment[0] == '_' || definitions.R4().Resource(segment) != nil
}
