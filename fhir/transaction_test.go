package fhir_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources/outcome"
	"kiln/store"
)

// process does a Bundle of entries of the form `{"fullUrl":…}`.
func (h harness) process(kind string, entries ...string) (*fhir.Bundle, error) {
	h.Helper()
	text := `{"resourceType":"Bundle","type":"` + kind + `","entry":[` + strings.Join(entries, ",") + `]}`
	return h.Process(h.Context(), fhir.BundleRequest{Bundle: h.doc(text), Status: statusOf})
}

// statusOf is a little of what the HTTP edge knows.
func statusOf(e *outcome.Error) int {
	if e.Stage == outcome.StagePrecondition {
		return 412
	}
	if e.Stage == outcome.StageContent {
		return 422
	}
	return map[outcome.Code]int{outcome.NotFound: 404, outcome.Deleted: 410, outcome.Conflict: 409}[e.Code()]
}

func (h harness) transaction(entries ...string) answer {
	h.Helper()
	b, err := h.process("transaction", entries...)
	if err != nil {
		h.Fatal(err)
	}
	return decode(h, b)
}

// statuses lists the answers' codes.
func statuses(a answer) string {
	var list []string
	for _, e := range a.Entry {
		code, _, _ := strings.Cut(e.Response.Status, " ")
		list = append(list, code)
	}
	return strings.Join(list, " ")
}

const (
	newPatient = `{"fullUrl":"urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9","resource":{"resourceType":"Patient","active":true},"request":{"method":"POST","url":"Patient"}}`
	patientURN = "urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9"
)

func basic(extension string) string {
	return `{"resource":{"resourceType":"Basic","code":{"text":"x"},` + extension + `},"request":{"method":"POST","url":"Basic"}}`
}

func observation(fullURL, subject string) string {
	return `{"fullUrl":"` + fullURL + `","resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"` + subject + `"}},"request":{"method":"POST","url":"Observation"}}`
}

// https://hl7.org/fhir/R4/http.html#trules
func TestTransaction(t *testing.T) {
	t.Run("answers in the order of its entries, with status, location, ETag and time", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"old"}`)
		a := h.transaction(
			`{"request":{"method":"GET","url":"Patient/p"}}`,
			`{"resource":{"resourceType":"Patient","id":"p"},"request":{"method":"PUT","url":"Patient/p"}}`,
			newPatient,
			`{"request":{"method":"DELETE","url":"Patient/old"}}`,
		)
		equal(t, "type", a.Type, "transaction-response")
		equal(t, "statuses", statuses(a), "200 201 201 204")
		made := a.Entry[2].Response
		equal(t, "location", made.Location, fhirtest.BaseURL+"/Patient/id-1/_history/1")
		equal(t, "ETag", made.ETag, `W/"1"`)
		if made.LastModified == "" || a.Entry[2].Resource != nil || !strings.Contains(string(a.Entry[0].Resource), `"id":"p"`) {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("without entries is fine", func(t *testing.T) {
		h := open(t)
		b, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: h.doc(`{"resourceType":"Bundle","type":"transaction"}`)})
		if err != nil || len(b.Entries) != 0 {
			t.Errorf("got %v, %v", b, err)
		}
	})
	t.Run("lands whole or not at all, and says which entry failed", func(t *testing.T) {
		h := open(t)
		_, err := h.process("transaction", newPatient,
			`{"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a","ifMatch":"W/\"7\""}}`)
		wantRefusal(t, err, outcome.Conflict, outcome.StagePrecondition, "Bundle.entry[1]")
		equal(t, "patients", h.count("Patient", ""), 0)
	})
	t.Run("tells all that is wrong with the content of all entries at once", func(t *testing.T) {
		h := open(t)
		_, err := h.process("transaction",
			`{"resource":{"resourceType":"Patient","gender":"x"},"request":{"method":"POST","url":"Patient"}}`, newPatient,
			`{"resource":{"resourceType":"Patient","birthDate":"1"},"request":{"method":"POST","url":"Patient"}}`)
		wantRefusal(t, err, outcome.As(err).Code(), outcome.StageContent, "Bundle.entry[0].resource.gender", "Bundle.entry[2].resource.birthDate")
	})
	t.Run("return=representation brings the resources, return=OperationOutcome the remarks", func(t *testing.T) {
		h := open(t)
		for want, what := range map[string]fhir.Return{`"resourceType":"Patient","id":"id-`: fhir.ReturnRepresentation, `"outcome":{"resourceType":"OperationOutcome"`: fhir.ReturnOutcome} {
			b, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: h.doc(`{"resourceType":"Bundle","type":"transaction","entry":[` + newPatient + `]}`), Return: what})
			if err != nil || !strings.Contains(string(b.AppendJSON(nil)), want) {
				t.Errorf("got %s, %v", b.AppendJSON(nil), err)
			}
		}
	})
	t.Run("an update equal to what is stored makes no version", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a","active":true}`)
		a := h.transaction(`{"resource":{"resourceType":"Patient","id":"a","active":true},"request":{"method":"PUT","url":"Patient/a"}}`)
		equal(t, "ETag", a.Entry[0].Response.ETag, `W/"1"`)
	})
	t.Run("reads see what the writes leave, whatever their order", func(t *testing.T) {
		h := open(t)
		ward(h)
		a := h.transaction(
			`{"request":{"method":"GET","url":"Patient?family=birch"}}`,
			`{"request":{"method":"GET","url":"Observation?_summary=count"}}`,
			`{"request":{"method":"HEAD","url":"Patient/c"}}`,
			`{"request":{"method":"GET","url":"Patient/a/_history"}}`,
			`{"request":{"method":"GET","url":"Patient/a/Observation?_count=1"}}`,
			`{"request":{"method":"DELETE","url":"Observation/o0"}}`,
			`{"resource":{"resourceType":"Patient","id":"c","name":[{"family":"Birch"}]},"request":{"method":"PUT","url":"Patient/c"}}`,
			`{"resource":{"resourceType":"Patient","id":"a","active":true},"request":{"method":"PUT","url":"Patient/a"}}`,
		)
		equal(t, "statuses", statuses(a), "200 200 200 200 200 204 201 200")
		for i, want := range []string{`"Birch"`, `"total":4`, "", `"etag":"W/\"2\""`, `inside a transaction`} {
			if got := string(a.Entry[i].Resource); !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
				t.Errorf("entry %d is %s; want %s in it", i, got, want)
			}
		}
		equal(t, "matches", strings.Count(string(a.Entry[0].Resource), `"fullUrl"`), 2)
		equal(t, "HEAD", len(a.Entry[2].Resource), 0)
	})
	t.Run("what they show is what is stored afterwards, to the byte", func(t *testing.T) {
		h := open(t)
		a := h.transaction(
			`{"request":{"method":"GET","url":"Patient/c"}}`,
			`{"request":{"method":"GET","url":"Patient?_id=c"}}`,
			`{"request":{"method":"GET","url":"Patient/c/_history"}}`,
			`{"resource":{"resourceType":"Patient","id":"c","active":true},"request":{"method":"PUT","url":"Patient/c"}}`,
		)
		stored := h.body(store.Key{Type: "Patient", ID: "c"})
		equal(t, "read", string(a.Entry[0].Resource), stored)
		equal(t, "time", a.Entry[0].Response.LastModified, a.Entry[3].Response.LastModified)
		for i := 1; i <= 2; i++ {
			if got := string(a.Entry[i].Resource); !strings.Contains(got, stored) {
				t.Errorf("got %s; want %s in it", got, stored)
			}
		}
		if got := string(a.Entry[2].Resource); !strings.Contains(got, `"lastModified":"`+a.Entry[3].Response.LastModified+`"`) {
			t.Errorf("the history is %s", got)
		}
	})
	t.Run("a read of what is not there fails it", func(t *testing.T) {
		h := open(t)
		_, err := h.process("transaction", newPatient, `{"request":{"method":"GET","url":"Patient/none"}}`)
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault, "Bundle.entry[1]", "Patient/none")
		equal(t, "patients", h.count("Patient", ""), 0)
	})
	t.Run("conditional reads", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a"}`)
		a := h.transaction(
			`{"request":{"method":"GET","url":"Patient/a","ifNoneMatch":"W/\"1\""}}`,
			`{"request":{"method":"GET","url":"Patient/a","ifNoneMatch":"W/\"2\""}}`,
			`{"request":{"method":"GET","url":"Patient/a","ifModifiedSince":"2030-01-01T00:00:00Z"}}`,
			`{"request":{"method":"GET","url":"Patient/a/_history/1"}}`,
		)
		equal(t, "statuses", statuses(a), "304 200 304 200")
		equal(t, "resources", len(a.Entry[0].Resource) == 0 && len(a.Entry[1].Resource) > 0, true)
	})
	t.Run("operations that only look may be called", func(t *testing.T) {
		h := open(t)
		a := h.transaction(`{"resource":{"resourceType":"Patient","gender":"x"},"request":{"method":"POST","url":"Patient/$validate"}}`, `{"request":{"method":"GET","url":"metadata"}}`)
		if !strings.Contains(string(a.Entry[0].Resource), "Patient.gender") || !strings.Contains(string(a.Entry[1].Resource), "CapabilityStatement") {
			t.Errorf("got %s", a.Entry[0].Resource)
		}
	})

	for name, test := range map[string]struct {
		entries []string
		code    outcome.Code
		words   string
	}{
		"an entry without request":                  {[]string{`{"resource":{"resourceType":"Patient"}}`}, outcome.Required, "Bundle.entry[0]"},
		"an unknown method":                         {[]string{newPatient, `{"request":{"method":"BREW","url":"Patient"}}`}, outcome.Value, "Bundle.entry[1]"},
		"a POST without resource":                   {[]string{`{"request":{"method":"POST","url":"Patient"}}`}, outcome.Required, "POST"},
		"a type that is none":                       {[]string{`{"request":{"method":"GET","url":"Pasient/1"}}`}, outcome.NotSupported, "Pasient"},
		"a URL of another server":                   {[]string{`{"request":{"method":"GET","url":"http://x.test/fhir/Patient/1"}}`}, outcome.Invalid, "base"},
		"a method the URL does not have":            {[]string{`{"resource":{"resourceType":"Patient"},"request":{"method":"PUT","url":"_history"}}`}, outcome.NotSupported, "PUT"},
		"a nested batch":                            {[]string{`{"resource":{"resourceType":"Bundle","type":"batch"},"request":{"method":"POST","url":""}}`}, outcome.Invalid, "cannot hold"},
		"another type than the URL":                 {[]string{`{"resource":{"resourceType":"Group"},"request":{"method":"POST","url":"Patient"}}`}, outcome.Invalid, "Group"},
		"another id than the URL":                   {[]string{`{"resource":{"resourceType":"Patient","id":"b"},"request":{"method":"PUT","url":"Patient/a"}}`}, outcome.Invalid, "id"},
		"two entries for one resource":              {[]string{`{"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a"}}`, newPatient, `{"request":{"method":"DELETE","url":"Patient/a"}}`}, outcome.Duplicate, "Patient/a"},
		"one fullUrl for two resources":             {[]string{newPatient, newPatient}, outcome.Duplicate, "fullUrl"},
		"ifMatch that is no tag":                    {[]string{`{"request":{"method":"DELETE","url":"Patient/a","ifMatch":"yesterday"}}`}, outcome.Value, "ifMatch"},
		"a conditional reference that is no search": {[]string{observation("urn:uuid:1", "Patient?shoe=1")}, outcome.NotSupported, "Bundle.entry[0].resource.subject.reference"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			h := open(t)
			_, err := h.process("transaction", test.entries...)
			refused := outcome.As(err)
			if refused == nil || refused.Code() != test.code || !strings.Contains(fmt.Sprint(err, refused.Issues), test.words) {
				t.Errorf("got %v, %+v; want %s, %q", err, refused, test.code, test.words)
			}
			equal(t, "patients", h.count("Patient", ""), 0)
		})
	}
	t.Run("more entries than the limit are refused", func(t *testing.T) {
		h := with(t, fhir.Options{Limits: fhir.Limits{Entries: 2}})
		_, err := h.process("transaction", newPatient, newPatient, newPatient)
		wantRefusal(t, err, outcome.TooLong, outcome.StageTooLarge)
	})
	for body, code := range map[string]outcome.Code{
		`{"resourceType":"Bundle","type":"collection"}`: outcome.Value, `{"resourceType":"Bundle"}`: outcome.Value, `{"resourceType":"Patient"}`: outcome.Invalid,
	} {
		t.Run(body+" is refused", func(t *testing.T) {
			h := open(t)
			_, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: h.doc(body)})
			wantRefusal(t, err, code, outcome.StageSyntax)
		})
	}
}

// https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
func TestReferencesInTransaction(t *testing.T) {
	stored := func(t *testing.T, entries ...string) (h harness, body func(typ string) string) {
		h = open(t)
		ward(h)
		a := h.transaction(entries...)
		return h, func(typ string) string {
			for _, e := range a.Entry {
				parts := strings.Split(e.Response.Location, "/")
				if len(parts) > 4 && parts[4] == typ {
					return h.body(store.Key{Type: typ, ID: parts[5]})
				}
			}
			t.Fatalf("nothing of type %s was written", typ)
			return ""
		}
	}
	for name, test := range map[string]struct {
		entries []string
		typ     string
		want    string
	}{
		"urn:uuid":                  {[]string{newPatient, observation("urn:uuid:2", patientURN)}, "Observation", `"reference":"Patient/id-1"`},
		"urn:uuid to a later entry": {[]string{observation("urn:uuid:2", patientURN), newPatient}, "Observation", `"reference":"Patient/id-2"`},
		"urn:oid":                   {[]string{`{"fullUrl":"urn:oid:1.2.3","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}`, observation("", "urn:oid:1.2.3")}, "Observation", `"reference":"Patient/id-1"`},
		"an absolute URL":           {[]string{`{"fullUrl":"http://x.test/fhir/Patient/7","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}`, observation("", "http://x.test/fhir/Patient/7")}, "Observation", `"reference":"Patient/id-1"`},
		"a relative reference below the same root":            {[]string{`{"fullUrl":"http://x.test/fhir/Patient/7","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}`, observation("http://x.test/fhir/Observation/9", "Patient/7")}, "Observation", `"reference":"Patient/id-1"`},
		"a relative reference in an entry without root stays": {[]string{`{"fullUrl":"http://x.test/fhir/Patient/7","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}`, observation("urn:uuid:9", "Patient/7")}, "Observation", `"reference":"Patient/7"`},
		"a version stays a version":                           {[]string{newPatient, observation("", patientURN+"/_history/5")}, "Observation", `"reference":"Patient/id-1/_history/1"`},
		"a version of an update is the new one":               {[]string{`{"fullUrl":"urn:uuid:3","resource":{"resourceType":"Patient","id":"a","active":true},"request":{"method":"PUT","url":"Patient/a"}}`, observation("", "urn:uuid:3/_history/9")}, "Observation", `"reference":"Patient/a/_history/2"`},
		"an updated entry by its fullUrl":                     {[]string{`{"fullUrl":"http://x.test/Patient/7","resource":{"resourceType":"Patient","id":"a","active":true},"request":{"method":"PUT","url":"Patient/a"}}`, observation("", "http://x.test/Patient/7")}, "Observation", `"reference":"Patient/a"`},
		"a conditionally created one that is found":           {[]string{`{"fullUrl":"urn:uuid:3","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient","ifNoneExist":"family=alder"}}`, observation("", "urn:uuid:3")}, "Observation", `"reference":"Patient/a"`},
		"what is not in the Bundle stays":                     {[]string{newPatient, observation("", "urn:uuid:99")}, "Observation", `"reference":"urn:uuid:99"`},
		"a uri":                                               {[]string{newPatient, basic(`"extension":[{"url":"http://x.test","valueUri":"` + patientURN + `"}]`)}, "Basic", `"valueUri":"http://kiln.test/fhir/Patient/id-1"`},
		"a url":                                               {[]string{newPatient, basic(`"extension":[{"url":"http://x.test","valueAttachment":{"url":"` + patientURN + `"}}]`)}, "Basic", `"url":"http://kiln.test/fhir/Patient/id-1"`},
		"a uuid":                                              {[]string{newPatient, basic(`"extension":[{"url":"http://x.test","valueUuid":"` + patientURN + `"}]`)}, "Basic", `"valueUuid":"http://kiln.test/fhir/Patient/id-1"`},
		"an oid":                                              {[]string{`{"fullUrl":"urn:oid:1.2.3","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}`, basic(`"extension":[{"url":"http://x.test","valueOid":"urn:oid:1.2.3"}]`)}, "Basic", `"valueOid":"http://kiln.test/fhir/Patient/id-1"`},
		"not a canonical":                                     {[]string{newPatient, basic(`"extension":[{"url":"http://x.test","valueCanonical":"` + patientURN + `"}]`)}, "Basic", `"valueCanonical":"` + patientURN + `"`},
		"not a string":                                        {[]string{newPatient, basic(`"extension":[{"url":"http://x.test","valueString":"` + patientURN + `"}]`)}, "Basic", `"valueString":"` + patientURN + `"`},
		"not the system of a code":                            {[]string{`{"fullUrl":"http://x.test/CodeSystem/1","resource":{"resourceType":"CodeSystem","status":"active","content":"complete","url":"http://x.test/CodeSystem/1"},"request":{"method":"POST","url":"CodeSystem"}}`}, "CodeSystem", `"url":"http://x.test/CodeSystem/1"`},
		"the part before a #":                                 {[]string{newPatient, basic(`"extension":[{"url":"http://x.test","valueUri":"` + patientURN + `#part"}]`)}, "Basic", `"valueUri":"http://kiln.test/fhir/Patient/id-1#part"`},
		"the narrative": {
			[]string{newPatient, basic(`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"` + patientURN + `\">` + patientURN + `</a><img alt='x' src='` + patientURN + `'/></div>"}`)},
			"Basic",
			`<a href=\"http://kiln.test/fhir/Patient/id-1\">` + patientURN + `</a><img alt='x' src='http://kiln.test/fhir/Patient/id-1'/>`,
		},
		"a contained resource":                          {[]string{newPatient, basic(`"contained":[{"resourceType":"Basic","id":"c","code":{"text":"x"},"subject":{"reference":"` + patientURN + `"}}],"subject":{"reference":"#c"}`)}, "Basic", `"subject":{"reference":"Patient/id-1"}}],"subject":{"reference":"#c"}`},
		"a search":                                      {[]string{observation("", "Patient?family=alder")}, "Observation", `"reference":"Patient/a"`},
		"a search that an entry answers":                {[]string{observation("", "Patient?identifier=urn:x|9"), `{"resource":{"resourceType":"Patient","identifier":[{"system":"urn:x","value":"9"}]},"request":{"method":"POST","url":"Patient"}}`}, "Observation", `"reference":"Patient/id-2"`},
		"a search that no longer finds what is updated": {[]string{observation("", "Patient?birthdate=lt1990"), `{"resource":{"resourceType":"Patient","id":"b","birthDate":"1999-01-01"},"request":{"method":"PUT","url":"Patient/b"}}`}, "Observation", `"reference":"Patient/a"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := stored(t, test.entries...)
			if got := body(test.typ); !strings.Contains(got, test.want) {
				t.Errorf("stored %s; want %s in it", got, test.want)
			}
		})
	}
	t.Run("circular references", func(t *testing.T) {
		h := open(t)
		h.transaction(
			`{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","link":[{"other":{"reference":"urn:uuid:2"},"type":"seealso"}]},"request":{"method":"POST","url":"Patient"}}`,
			`{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Patient","link":[{"other":{"reference":"urn:uuid:1/_history/1"},"type":"seealso"}]},"request":{"method":"POST","url":"Patient"}}`,
		)
		for id, want := range map[string]string{"id-1": "Patient/id-2", "id-2": "Patient/id-1/_history/1"} {
			if got := h.body(store.Key{Type: "Patient", ID: id}); !strings.Contains(got, `"reference":"`+want+`"`) {
				t.Errorf("%s is %s", id, got)
			}
		}
	})
	t.Run("a conditional reference must find one", func(t *testing.T) {
		h := open(t)
		ward(h)
		_, err := h.process("transaction", observation("", "Patient?family=zzz"))
		wantRefusal(t, err, outcome.NotFound, outcome.StagePrecondition, "Bundle.entry[0].resource.subject.reference")
		_, err = h.process("transaction", observation("", "Patient?birthdate=gt1900"))
		wantRefusal(t, err, outcome.MultipleMatches, outcome.StagePrecondition)
		_, err = h.process("transaction", observation("", "Patient?identifier=1"),
			`{"resource":{"resourceType":"Patient","identifier":[{"value":"1"}]},"request":{"method":"POST","url":"Patient"}}`,
			`{"resource":{"resourceType":"Patient","identifier":[{"value":"1"}]},"request":{"method":"POST","url":"Patient"}}`)
		wantRefusal(t, err, outcome.MultipleMatches, outcome.StagePrecondition)
	})
	t.Run("a conditional reference does not find what the transaction deletes", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"x","identifier":[{"value":"1"}]}`)
		h.put(`{"resourceType":"Patient","id":"y","identifier":[{"value":"1"}]}`)
		h.transaction(observation("", "Patient?identifier=1"), `{"request":{"method":"DELETE","url":"Patient/x"}}`)
		equal(t, "observations of y", h.count("Observation", "subject=Patient/y"), 1)
	})
	t.Run("references inside a Bundle that is stored stay as they are", func(t *testing.T) {
		_, body := stored(t, newPatient, `{"resource":{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"`+patientURN+`","resource":{"resourceType":"Patient"}}]},"request":{"method":"POST","url":"Bundle"}}`)
		if got := body("Bundle"); !strings.Contains(got, patientURN) {
			t.Errorf("stored %s", got)
		}
	})
	t.Run("in a batch nothing is replaced", func(t *testing.T) {
		h := open(t)
		b, err := h.process("batch", newPatient, observation("urn:uuid:2", patientURN))
		if err != nil {
			t.Fatal(err)
		}
		a := decode(t, b)
		equal(t, "statuses", statuses(a), "201 201")
		id := strings.Split(a.Entry[1].Response.Location, "/")[5]
		if got := h.body(store.Key{Type: "Observation", ID: id}); !strings.Contains(got, patientURN) {
			t.Errorf("stored %s", got)
		}
	})
}

// https://hl7.org/fhir/R4/http.html#trules, the conditional interactions in it
func TestConditionalInTransaction(t *testing.T) {
	const conditional = `{"fullUrl":"urn:uuid:%d","resource":{"resourceType":"Patient","identifier":[{"value":"1"}]},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=1"}}`
	t.Run("creates with the same criteria make one resource", func(t *testing.T) {
		h := open(t)
		a := h.transaction(fmt.Sprintf(conditional, 1), fmt.Sprintf(conditional, 2), observation("", "urn:uuid:2"))
		equal(t, "statuses", statuses(a), "201 200 201")
		equal(t, "location", a.Entry[1].Response.Location, a.Entry[0].Response.Location)
		equal(t, "patients", h.count("Patient", ""), 1)
		equal(t, "observations", h.count("Observation", "subject:Patient.identifier=1"), 1)
	})
	t.Run("a create that another entry answers is refused", func(t *testing.T) {
		h := open(t)
		_, err := h.process("transaction", fmt.Sprintf(conditional, 1), `{"resource":{"resourceType":"Patient","identifier":[{"value":"1"}]},"request":{"method":"POST","url":"Patient"}}`)
		wantRefusal(t, err, outcome.Duplicate, outcome.StageSyntax, "Bundle.entry[0]")
	})
	t.Run("a create does not find what is deleted in the same transaction", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"x","identifier":[{"value":"1"}]}`)
		a := h.transaction(fmt.Sprintf(conditional, 1), `{"request":{"method":"DELETE","url":"Patient?identifier=1"}}`)
		equal(t, "statuses", statuses(a), "201 204")
		equal(t, "patients", h.count("Patient", ""), 1)
	})
	t.Run("updates and deletes find their targets", func(t *testing.T) {
		h := open(t)
		ward(h)
		a := h.transaction(
			`{"resource":{"resourceType":"Patient","name":[{"family":"Alder"}],"active":false},"request":{"method":"PUT","url":"Patient?family=alder"}}`,
			`{"request":{"method":"DELETE","url":"Observation?value-quantity=104"}}`,
			`{"request":{"method":"DELETE","url":"Observation?value-quantity=999"}}`,
		)
		equal(t, "statuses", statuses(a), "200 204 204")
		equal(t, "observations", h.count("Observation", ""), 4)
	})
	t.Run("two that find the same resource are refused", func(t *testing.T) {
		h := open(t)
		ward(h)
		_, err := h.process("transaction",
			`{"resource":{"resourceType":"Patient","active":false},"request":{"method":"PUT","url":"Patient?family=alder"}}`,
			`{"resource":{"resourceType":"Patient","id":"a","active":true},"request":{"method":"PUT","url":"Patient/a"}}`)
		wantRefusal(t, err, outcome.Duplicate, outcome.StageSyntax, "Bundle.entry[0]", "Bundle.entry[1]", "Patient/a")
	})
	t.Run("several matches fail it", func(t *testing.T) {
		h := open(t)
		ward(h)
		_, err := h.process("transaction", newPatient, `{"request":{"method":"DELETE","url":"Observation?status=final"}}`)
		wantRefusal(t, err, outcome.MultipleMatches, outcome.StagePrecondition, "Bundle.entry[1]")
	})
	t.Run("what is deleted with all that refers to it may go", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"x"}`)
		h.put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/x"}}`)
		h.put(`{"resourceType":"Observation","id":"q","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/x"}}`)
		_, err := h.process("transaction", `{"request":{"method":"DELETE","url":"Patient/x"}}`, `{"request":{"method":"DELETE","url":"Observation/o"}}`)
		wantRefusal(t, err, outcome.Conflict, outcome.StageDefault, "1 resource refers", "Bundle.entry[0]")
		h.transaction(`{"request":{"method":"DELETE","url":"Patient/x"}}`, `{"request":{"method":"DELETE","url":"Observation/o"}}`,
			`{"resource":{"resourceType":"Observation","id":"q","status":"final","code":{"text":"x"}},"request":{"method":"PUT","url":"Observation/q"}}`)
		_, err = h.process("transaction", observation("", "Patient/y"), `{"resource":{"resourceType":"Patient","id":"y"},"request":{"method":"PUT","url":"Patient/y"}}`)
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.process("transaction", observation("", "Patient/y"), `{"request":{"method":"DELETE","url":"Patient/y"}}`)
		wantRefusal(t, err, outcome.Conflict, outcome.StageDefault, "2 resources refer")
	})
}

// https://hl7.org/fhir/R4/http.html#brules
func TestBatch(t *testing.T) {
	t.Run("each entry stands alone", func(t *testing.T) {
		h := open(t)
		ward(h)
		b, err := h.process("batch",
			`{"request":{"method":"GET","url":"Patient/a"}}`,
			`{"request":{"method":"GET","url":"Patient/none"}}`,
			`{"resource":{"resourceType":"Patient","gender":"x"},"request":{"method":"POST","url":"Patient"}}`,
			newPatient,
			`{"request":{"method":"DELETE","url":"Observation?status=final"}}`,
			`{"resource":{"resourceType":"Patient","id":"a","active":true},"request":{"method":"PUT","url":"Patient/a","ifMatch":"W/\"3a\""}}`,
			`{"resource":{"resourceType":"Bundle","type":"batch"},"request":{"method":"POST","url":""}}`,
			`{"request":{"method":"GET","url":"/Patient?name=alder"}}`,
			`{"request":{"method":"GET","url":"http://kiln.test/fhir/Patient?name=birch&_format=json"}}`,
			`{}`,
		)
		if err != nil {
			t.Fatal(err)
		}
		a := decode(t, b)
		equal(t, "type", a.Type, "batch-response")
		equal(t, "statuses", statuses(a), "200 404 422 201 412 412 0 200 200 0")
		for i, want := range map[int]string{1: "Patient/none", 2: "Bundle.entry[2].resource.gender", 6: "cannot hold", 9: "no request"} {
			if got := string(a.Entry[i].Response.Outcome); !strings.Contains(got, want) {
				t.Errorf("entry %d says %s; want %q", i, got, want)
			}
		}
	})
	t.Run("a PUT and what follows it for the same resource keep their order", func(t *testing.T) {
		for range 20 {
			h := open(t)
			b, err := h.process("batch",
				`{"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a"}}`,
				`{"resource":{"resourceType":"Patient","id":"a","active":true},"request":{"method":"PUT","url":"Patient/a","ifMatch":"W/\"1\""}}`)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "statuses", statuses(decode(t, b)), "201 200")
		}
	})
	t.Run("conditional creates with the same criteria make one resource", func(t *testing.T) {
		h := open(t)
		var entries []string
		for range 30 {
			entries = append(entries, `{"resource":{"resourceType":"Patient","identifier":[{"value":"1"}]},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=1"}}`)
		}
		b, err := h.process("batch", entries...)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "created", strings.Count(statuses(decode(t, b)), "201"), 1)
		equal(t, "patients", h.count("Patient", ""), 1)
	})
}

// https://hl7.org/fhir/R4/provenance.html#header
func TestProvenanceHeader(t *testing.T) {
	const provenance = `{"resourceType":"Provenance","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"Tester"}}]}`
	t.Run("is stored with what was written as its target", func(t *testing.T) {
		h := open(t)
		made, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Patient", Resource: h.doc(`{"resourceType":"Patient"}`), Provenance: h.doc(provenance)})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "result", made.Version.Type, "Patient")
		b := h.search("Provenance", "target=Patient/id-1")
		if len(b.Entries) != 1 || !strings.Contains(string(b.Entries[0].Resource), `"target":[{"reference":"Patient/id-1/_history/1"}]`) {
			t.Errorf("got %s", b.AppendJSON(nil))
		}
	})
	t.Run("of a transaction targets everything", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a"}`)
		_, err := h.Process(t.Context(), fhir.BundleRequest{Provenance: h.doc(provenance), Bundle: h.doc(`{"resourceType":"Bundle","type":"transaction","entry":[` + newPatient +
			`,{"resource":{"resourceType":"Patient","id":"a","active":true},"request":{"method":"PUT","url":"Patient/a"}}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "of the update", h.count("Provenance", "target=Patient/a"), 1)
		equal(t, "of the create", h.count("Provenance", "target=Patient/id-1"), 1)
	})
	t.Run("is not stored where nothing was written", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a"}`)
		_, err := h.Update(t.Context(), fhir.UpdateRequest{Key: store.Key{Type: "Patient", ID: "a"}, Resource: h.doc(`{"resourceType":"Patient","id":"a"}`), Provenance: h.doc(provenance)})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "provenances", h.count("Provenance", ""), 0)
	})
	t.Run("that is not valid refuses the write", func(t *testing.T) {
		h := open(t)
		for _, text := range []string{`{"resourceType":"Provenance"}`, `{"resourceType":"Patient"}`} {
			_, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Patient", Resource: h.doc(`{"resourceType":"Patient"}`), Provenance: h.doc(text)})
			if err == nil {
				t.Errorf("%s was taken", text)
			}
		}
		equal(t, "patients", h.count("Patient", ""), 0)
	})
}

// The promise of the contract: concurrent conditional creates with one criterion make one resource.
func TestConcurrentConditionalCreates(t *testing.T) {
	const clients = 64
	rounds := *conditionalRounds
	if testing.Short() {
		rounds = 5
	}
	h := open(t)
	for round := range rounds {
		body := fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"value":"%d"}]}`, round)
		results := make([]fhir.Result, clients)
		errs := make([]error, clients)
		var group sync.WaitGroup
		for i := range clients {
			group.Go(func() {
				results[i], errs[i] = h.Create(t.Context(), fhir.CreateRequest{Type: "Patient", Resource: fhirtestDoc(body), IfNoneExist: fmt.Sprintf("identifier=%d", round)})
			})
		}
		group.Wait()
		created := 0
		for i := range clients {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if results[i].Version.Key != results[0].Version.Key {
				t.Fatalf("round %d: %s and %s", round, results[i].Version.Key, results[0].Version.Key)
			}
			if results[i].Created {
				created++
			}
		}
		equal(t, "created", created, 1)
	}
	equal(t, "patients", h.count("Patient", ""), int64(rounds))
}

// Everyone who writes the same resource without a condition of their own gets through.
func TestConcurrentUpdates(t *testing.T) {
	h := open(t)
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			doc := fhirtestDoc(fmt.Sprintf(`{"resourceType":"Basic","id":"b","code":{"text":"%d"}}`, i))
			if _, err := h.Update(t.Context(), fhir.UpdateRequest{Key: store.Key{Type: "Basic", ID: "b"}, Resource: doc}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	v, err := h.Read(t.Context(), store.Key{Type: "Basic", ID: "b"})
	if err != nil || v.VersionID != 64 {
		t.Errorf("version %d, %v", v.VersionID, err)
	}
}
