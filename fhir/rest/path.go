package rest

import (
	"net/url"
	"strings"

	"kiln/resources/outcome"
)

// maxURL bounds path and query together; longer is 414.
const maxURL = 64 << 10

// maxSegments is the longest address of the interface: [type]/[id]/_history/[vid].
const maxSegments = 4

// segments are the parts of a path below the base, decoded one by one, so that an escaped slash
// stays inside its part.
type segments struct {
	part  [maxSegments]string
	count int
}

// splitPath reads a path below the base, which is its first part. ok is false when the path is
// longer than any address, or a part is empty or wrongly escaped. One slash at the end is allowed.
func splitPath(path, rawPath string) (s segments, ok bool) {
	escaped := rawPath != ""
	if escaped {
		path = rawPath
	}
	base, path, more := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if escaped {
		base, _ = url.PathUnescape(base)
	}
	if base != basePath[1:] {
		return s, false
	}
	path, more = strings.TrimSuffix(path, "/"), more && path != ""
	for more {
		if s.count == maxSegments {
			return s, false
		}
		var part string
		part, path, more = strings.Cut(path, "/")
		if escaped {
			var err error
			if part, err = url.PathUnescape(part); err != nil {
				return s, false
			}
		}
		if part == "" {
			return s, false
		}
		s.part[s.count] = part
		s.count++
	}
	return s, true
}

func longAddress() error {
	return outcome.New(outcome.TooLong, "The address has more than %d bytes; send long searches with POST to _search.", maxURL).Because(errLong)
}

func (s *segments) all() []string { return s.part[:s.count] }

// validID checks the form of an id: https://hl7.org/fhir/R4/datatypes.html#id
func validID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

func invalidID(id string) *outcome.Error {
	return outcome.New(outcome.Value, "%q is not an id; an id has 1 to 64 letters, digits, \"-\" or \".\".", clip(id)).In(outcome.StageSyntax)
}
