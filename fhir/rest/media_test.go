package rest

import (
	"net/http"
	"testing"

	"kiln/resources/outcome"
)

func TestNegotiate(t *testing.T) {
	const jsonType, xmlType = "application/fhir+json; charset=utf-8", "application/fhir+xml; charset=utf-8"
	for _, c := range []struct {
		sentence, accept, query string
		lists                   bool
		want                    string // "" is 406
	}{
		{"nothing asked for is JSON", "", "", false, jsonType},
		{"any type is JSON", "*/*", "", false, jsonType},
		{"a FHIR type is answered with itself", "application/fhir+xml", "", false, xmlType},
		{"a generic type is answered with itself", "application/json", "", false, "application/json; charset=utf-8"},
		{"text/xml is answered with itself", "text/xml", "", false, "text/xml; charset=utf-8"},
		{"the higher quality wins", "application/fhir+json;q=0.5, application/fhir+xml;q=0.9", "", false, xmlType},
		{"the first of equals wins", "application/fhir+xml, application/fhir+json", "", false, xmlType},
		{"a named type wins over an equal wildcard", "*/*, application/fhir+xml", "", false, xmlType},
		{"a better wildcard wins over a named type", "application/fhir+xml;q=0.2, */*;q=0.8", "", false, jsonType},
		{"a wildcard does not mean what is refused", "application/fhir+json;q=0, */*", "", false, xmlType},
		{"a browser gets JSON", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", false, jsonType},
		{"an old Java client gets JSON", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "", false, jsonType},
		{"media types are case-insensitive", "Application/FHIR+XML", "", false, xmlType},
		{"the version of R4 is accepted", "application/fhir+xml; fhirVersion=4.0", "", false, xmlType},
		{"another version is not acceptable", "application/fhir+json; fhirVersion=3.0", "", false, ""},
		{"a list of nothing asks for nothing", " , ", "", false, jsonType},
		{"an unknown type is not acceptable", "application/pdf", "", false, ""},
		{"everything refused is not acceptable", "application/fhir+json;q=0", "", false, ""},
		{"RDF is not offered", "text/turtle", "", false, ""},
		{"NDJSON is not for a single resource", "application/fhir+ndjson", "", false, ""},
		{"NDJSON is for lists", "application/fhir+ndjson", "", true, "application/fhir+ndjson; charset=utf-8"},
		{"_format wins over Accept", "application/fhir+json", "_format=xml", false, xmlType},
		{"_format takes a media type", "", "_format=application%2Ffhir%2Bxml", false, xmlType},
		{"_format takes a media type with an unescaped plus", "", "_format=application/fhir+xml", false, xmlType},
		{"_format=html is JSON", "", "_format=html", false, jsonType},
		{"_format=ndjson is for lists", "", "_format=ndjson", true, "application/fhir+ndjson; charset=utf-8"},
		{"an unknown _format is not acceptable", "application/fhir+json", "_format=ttl", false, ""},
		{"an empty _format is none", "application/fhir+xml", "_format=", false, xmlType},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			header := http.Header{}
			if c.accept != "" {
				header.Set("Accept", c.accept)
			}
			q, err := parseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := negotiate(header, q, c.lists)
			if c.want == "" {
				if err == nil || Status(outcome.As(err)) != http.StatusNotAcceptable {
					t.Fatalf("got %v and error %v, want 406", got.contentType, err)
				}
				return
			}
			if err != nil || got.contentType[0] != c.want {
				t.Errorf("got %v and error %v, want %q", got.contentType, err, c.want)
			}
		})
	}
}

func TestContentType(t *testing.T) {
	for contentType, want := range map[string]codec{
		"application/fhir+json":                       codecJSON,
		"application/fhir+json; charset=UTF-8":        codecJSON,
		`application/fhir+json; charset="utf-8"`:      codecJSON,
		"application/fhir+xml; fhirVersion=4.0":       codecXML,
		"text/xml":                                    codecXML,
		"application/json":                            codecJSON,
		"APPLICATION/XML":                             codecXML,
		"application/fhir+json;fhirVersion=\"4.0.1\"": codecJSON,
	} {
		if got, err := contentCodec(contentType); err != nil || got != want {
			t.Errorf("%s: got %v and error %v, want %v", contentType, got, err, want)
		}
	}
	for _, contentType := range []string{
		"", "text/plain", "text/html", "*/*", "application/fhir+ndjson", "application/fhir+json; charset=iso-8859-1",
		"application/fhir+json; fhirVersion=3.0", "application/x-www-form-urlencoded", ";;;", "multipart/form-data",
	} {
		if _, err := contentCodec(contentType); err == nil || Status(outcome.As(err)) != http.StatusUnsupportedMediaType {
			t.Errorf("%q: got error %v, want 415", contentType, err)
		}
	}
}

func TestPrefer(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  prefer
	}{
		{nil, prefer{}},
		{[]string{"return=minimal"}, prefer{returned: "minimal"}},
		{[]string{"return=representation; handling=strict"}, prefer{"representation", "strict"}},
		{[]string{`respond-async, return="OperationOutcome"`, "handling=lenient"}, prefer{"OperationOutcome", "lenient"}},
		{[]string{"Return = operationoutcome"}, prefer{returned: "OperationOutcome"}},
		{[]string{"return=minimal, return=representation"}, prefer{returned: "minimal"}},
		{[]string{"return=everything, handling=, wait=10"}, prefer{}},
	} {
		if got := preferences(http.Header{"Prefer": c.lines}); got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.lines, got, c.want)
		}
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		header  string
		want    byteRange
		verdict rangeVerdict
	}{
		{"bytes=0-3", byteRange{0, 4}, rangePart},
		{"bytes=4-", byteRange{4, 10}, rangePart},
		{"bytes=-3", byteRange{7, 10}, rangePart},
		{"bytes=-30", byteRange{0, 10}, rangePart},
		{"bytes=8-100", byteRange{8, 10}, rangePart},
		{"bytes=10-", byteRange{}, rangeUnsatisfiable},
		{"bytes=-0", byteRange{}, rangeUnsatisfiable},
		{"bytes=5-2", byteRange{}, rangeWhole},
		{"bytes=0-1,3-4", byteRange{}, rangeWhole},
		{"pages=1-2", byteRange{}, rangeWhole},
		{"bytes=", byteRange{}, rangeWhole},
		{"bytes=a-b", byteRange{}, rangeWhole},
		{"bytes=99999999999999999999-", byteRange{}, rangeWhole},
	} {
		if got, verdict := parseRange(c.header, 10); got != c.want || verdict != c.verdict {
			t.Errorf("%s: got %v, %v; want %v, %v", c.header, got, verdict, c.want, c.verdict)
		}
	}
}
