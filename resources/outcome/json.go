package outcome

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// JSON writes issues as an OperationOutcome resource. Without issues it writes one
// informational "All OK", since the element is required.
func JSON(issues []Issue) []byte {
	if len(issues) == 0 {
		issues = []Issue{{Severity: SeverityInformation, Code: Informational, Diagnostics: "All OK."}}
	}
	b := []byte(`{"resourceType":"OperationOutcome","issue":[`)
	for i, issue := range issues {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"severity":"`...)
		b = append(b, issue.Severity...)
		b = append(b, `","code":"`...)
		b = append(b, issue.Code...)
		b = append(b, '"')
		if issue.Diagnostics != "" {
			b = append(b, `,"diagnostics":`...)
			b = appendString(b, issue.Diagnostics)
		}
		if issue.Line > 0 {
			b = append(b, `,"location":["line `...)
			b = strconv.AppendInt(b, int64(issue.Line), 10)
			b = append(b, `, column `...)
			b = strconv.AppendInt(b, int64(issue.Column), 10)
			b = append(b, `"]`...)
		}
		if len(issue.Expression) > 0 {
			b = append(b, `,"expression":[`...)
			for j, x := range issue.Expression {
				if j > 0 {
					b = append(b, ',')
				}
				b = appendString(b, x)
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, ']', '}')
}

// appendString appends s as a JSON string. It leaves <, > and & as they are: what is read here is a
// sentence, and it is sent as JSON that no browser takes for HTML.
func appendString(b []byte, s string) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil { // a string always encodes
		panic(err)
	}
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}
