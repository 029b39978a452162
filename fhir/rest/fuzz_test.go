package rest_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kiln/fhir/rest"
)

// FuzzRequest: no request makes the server fail. Whatever comes, the answer is no 500, and what
// is refused gets an OperationOutcome or no body.
func FuzzRequest(f *testing.F) {
	const jsonType = "Content-Type: application/fhir+json"
	for _, seed := range [][4]string{
		{"GET", "/fhir/metadata", "Accept: application/fhir+xml", ""},
		{"GET", "/fhir/Patient/a", "If-None-Match: W/\"1\"", ""},
		{"GET", "/fhir/Patient/a/_history/1?_pretty=true", "", ""},
		{"GET", "/fhir/Patient?name:exact=a&_sort=-birthdate&_count=2&_total=accurate", "Accept: application/fhir+ndjson", ""},
		{"GET", "/fhir/Observation?patient.name=x&_include=*&_has:Provenance:target:recorded=gt2020", "Prefer: handling=lenient", ""},
		{"GET", "/fhir/Patient/a/*?_summary=count", "", ""},
		{"POST", "/fhir/Patient", jsonType, `{"resourceType":"Patient","name":[{"family":"x"}]}`},
		{"POST", "/fhir/Patient", jsonType + "\nIf-None-Exist: identifier=a|b", `{"resourceType":"Patient","identifier":[{"system":"a","value":"b"}]}`},
		{"PUT", "/fhir/Patient/a", jsonType + "\nIf-Match: W/\"1\"", `{"resourceType":"Patient","id":"a"}`},
		{"PUT", "/fhir/Patient/a", "Content-Type: application/fhir+xml", `<Patient xmlns="http://hl7.org/fhir"><id value="a"/></Patient>`},
		{"PUT", "/fhir/Binary/a", "Content-Type: image/png\nX-Security-Context: Patient/a", "\x89PNG"},
		{"GET", "/fhir/Binary/a", "Range: bytes=1-2", ""},
		{"PATCH", "/fhir/Patient/a", "Content-Type: application/json-patch+json", `[{"op":"add","path":"/active","value":true}]`},
		{"PATCH", "/fhir/Patient/a", "Content-Type: application/merge-patch+json", `{"active":null}`},
		{"PATCH", "/fhir/Patient/a", "Content-Type: application/xml-patch+xml", `<diff><remove sel="Patient/active"/></diff>`},
		{"DELETE", "/fhir/Patient?_id=a", "Prefer: return=OperationOutcome", ""},
		{"POST", "/fhir", jsonType, `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/a"}}]}`},
		{"POST", "/fhir", jsonType, `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}`},
		{"POST", "/fhir/Patient/$validate", jsonType, `{"resourceType":"Patient","birthDate":"x"}`},
		{"POST", "/fhir/$fhirpath", jsonType, `{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":"1+1"}]}`},
		{"POST", "/fhir/_search", "Content-Type: application/x-www-form-urlencoded", "_type=Patient&_id=a"},
		{"GET", "/fhir/_history?_since=2020&_count=1", "", ""},
		{"OPTIONS", "/fhir/Patient", "Origin: http://a.example", ""},
		{"HEAD", "/fhir//Patient/%00", "X-Request-Id: a\nAccept-Encoding: gzip", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], []byte(seed[3]))
	}
	handler := newHandler(f, rest.Options{MaxBody: 1 << 20, RequestTimeout: 5 * time.Second})
	f.Fuzz(func(t *testing.T, method, address, header string, body []byte) {
		text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: kiln.test\r\nContent-Length: %d\r\n%s\r\n\r\n%s",
			method, address, len(body), strings.ReplaceAll(header, "\n", "\r\n"), body)
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code == http.StatusInternalServerError {
			t.Fatalf("500 for %q: %s", text, answer.Body)
		}
		if answer.Code >= 400 && answer.Body.Len() > 0 && answer.Header().Get("Content-Encoding") == "" {
			if kind := answer.Header().Get("Content-Type"); !strings.Contains(kind, "json") && !strings.Contains(kind, "xml") {
				t.Errorf("%d with a body of type %q for %q", answer.Code, kind, text)
			}
		}
	})
}
