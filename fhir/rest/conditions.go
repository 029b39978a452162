package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiln/fhir"
	"kiln/resources/outcome"
)

// appendETag appends W/"v": https://hl7.org/fhir/R4/http.html#versions. It is weak since the same version
// has several forms: formats, encodings, summaries.
func appendETag(b []byte, version int64) []byte {
	return append(strconv.AppendInt(append(b, `W/"`...), version, 10), '"')
}

// readMatch reads If-Match or If-None-Match. Tags that are no version of this server's match
// nothing and are left out; text that is no list of tags is an error (400).
func readMatch(header http.Header, name string) (m fhir.Match, err error) {
	for _, line := range header[name] {
		m.Stated = true
		for part := range strings.SplitSeq(line, ",") {
			part = strings.TrimSpace(part)
			if part == "*" {
				m.Any = true
				continue
			}
			opaque := strings.TrimPrefix(part, "W/")
			if len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
				return m, outcome.New(outcome.Value, "The header %s is %q; expected an entity tag such as W/\"3\".", name, clip(line)).In(outcome.StageSyntax)
			}
			if v, err := strconv.ParseInt(opaque[1:len(opaque)-1], 10, 64); err == nil && v > 0 {
				m.Versions = append(m.Versions, v)
			}
		}
	}
	return m, nil
}

// notModified judges If-None-Match, or without it If-Modified-Since, of a read:
// https://hl7.org/fhir/R4/http.html#cread. A malformed date is ignored, as RFC 9110 says.
func notModified(header http.Header, version int64, updated time.Time) (bool, error) {
	if _, stated := header["If-None-Match"]; stated {
		m, err := readMatch(header, "If-None-Match")
		return err == nil && (m.Any || slices.Contains(m.Versions, version)), err
	}
	since, stated := header["If-Modified-Since"]
	if !stated {
		return false, nil
	}
	moment, err := http.ParseTime(since[0])
	return err == nil && !updated.Truncate(time.Second).After(moment), nil
}
