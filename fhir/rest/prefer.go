package rest

import (
	"net/http"
	"strings"
)

// prefer is the Prefer header: https://hl7.org/fhir/R4/http.html#ops and
// https://www.rfc-editor.org/rfc/rfc7240. What is not known is ignored, as the RFC demands.
type prefer struct {
	returned string // minimal, representation or OperationOutcome; empty if not stated
	handling string // strict or lenient; empty if not stated
}

var (
	returnPreferences   = map[string]string{"minimal": "minimal", "representation": "representation", "operationoutcome": "OperationOutcome"}
	handlingPreferences = map[string]string{"strict": "strict", "lenient": "lenient"}
)

// preferences reads the header. respond-async is among what is ignored: the answer comes at once,
// which the RFC allows, and Preference-Applied does not list it.
func preferences(header http.Header) (p prefer) {
	for _, line := range header["Prefer"] {
		for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ';' }) {
			key, value, _ := strings.Cut(part, "=")
			value = strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`))
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "return":
				first(&p.returned, returnPreferences[value])
			case "handling":
				first(&p.handling, handlingPreferences[value])
			}
		}
	}
	return p
}

// first keeps the first of several values, as the RFC says.
func first(to *string, value string) {
	if *to == "" {
		*to = value
	}
}

// wantsOutcome: only who asks for an OperationOutcome hears what validation remarked.
func (x *exchange) wantsOutcome() bool { return x.prefer.returned == "OperationOutcome" }
