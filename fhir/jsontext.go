package fhir

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"kiln/resources"
)

// appendString appends s as a JSON string. Unlike json.Marshal it leaves <, > and & as they are,
// so that links stay readable.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return appendEscaped(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendEscaped(b []byte, s string) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil { // a string always encodes
		panic(err)
	}
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}

func appendInstant(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, resources.InstantFormat)
	return append(b, '"')
}

// appendETag is the weak entity tag of a version, without JSON escapes.
func etag(version int64) string {
	b := strconv.AppendInt(append(make([]byte, 0, 24), `W/"`...), version, 10)
	return string(append(b, '"'))
}
