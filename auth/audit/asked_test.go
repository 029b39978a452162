package audit_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"kiln/auth/audit"
)

// queries are what the AuditEvents of a Bundle say was asked.
func queries(t *testing.T, w *httptest.ResponseRecorder) (list []string) {
	t.Helper()
	var bundle struct {
		Entry []struct {
			Resource struct{ Entity []struct{ Query []byte } }
		}
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &bundle))
	for _, e := range bundle.Entry {
		for _, entity := range e.Resource.Entity {
			if len(entity.Query) > 0 && !strings.Contains(string(entity.Query), "/fhir/AuditEvent") {
				list = append(list, string(entity.Query))
			}
		}
	}
	slices.Sort(list)
	return list
}

// TestWhatWasAskedIsTold: to the auditor whole, also where it was in the body; to patients without what was asked about others.
func TestWhatWasAskedIsTold(t *testing.T) {
	long := "name=nobody&_id=" + strings.Repeat("a", 70<<10)
	gets, many, twenty := "", "", ""
	for i := range 30 {
		name := strings.Repeat("a", i+1)
		gets += `,{"request":{"method":"GET","url":"Patient/far?` + name + `=1"}},{"request":{"method":"GET","url":"Patient/far?` + name + `=2"}}`
		many += "\nGET Patient/far?" + name + "=1\nGET Patient/far?" + name + "=2"
		if i < 18 {
			twenty += "\nGET Patient/…?" + name + "=…"
		}
	}
	twenty += "\n…"
	for _, c := range []struct {
		name, method, path, contentType, body string
		auditor, patient                      []string
	}{
		{"of one", "GET", "Patient?_id=lind", "", "", []string{"/fhir/Patient?_id=lind"}, []string{"/fhir/Patient?_id=lind"}},
		{"of two", "GET", "Patient?_id=lind,berg&_count=5", "", "", []string{"/fhir/Patient?_id=lind,berg&_count=5", "/fhir/Patient?_id=…&_count=…", "/fhir/Patient?_id=…&_count=…"}, []string{"/fhir/Patient?_id=…&_count=…"}},
		{"of one who is found and one who is not", "GET", "Patient?_id=lind%2cfar", "", "", []string{"/fhir/Patient?_id=lind%2cfar", "/fhir/Patient?_id=…"}, []string{"/fhir/Patient?_id=…"}},
		{"by a form", "POST", "Patient/_search", "application/x-www-form-urlencoded", "_id=lind", []string{"/fhir/Patient/_search\n_id=lind", "/fhir/Patient/_search\n?_id=…"}, []string{"/fhir/Patient/_search\n?_id=…"}},
		{"with a token in it", "GET", "Patient?_id=lind&Access%5Ftoken=nurse&password=", "", "", []string{"/fhir/Patient?_id=lind&Access%5Ftoken=…&password=…"}, nil},
		{"with a token in a form", "POST", "Patient/_search", "application/x-www-form-urlencoded", "access_token=nurse", []string{"/fhir/Patient/_search\naccess_token=…"}, nil},
		{"by a form that is long", "POST", "Patient/_search", "application/x-www-form-urlencoded", long, []string{"/fhir/Patient/_search\n" + long[:64<<10] + "…"}, nil},
		{
			"by a batch", "POST", "", "application/fhir+json",
			`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/lind"}},{"request":{"method":"GET","url":"Observation?patient=berg"}},{"request":{"method":"GET","url":"Patient/far/_history"}}]}`,
			[]string{"/fhir/\nGET Patient/lind\nGET Observation?patient=berg\nGET Patient/far/_history", "/fhir/\nGET Patient/…\nGET Observation?patient=…\nGET Patient/…/_history"},
			[]string{"/fhir/\nGET Patient/…\nGET Observation?patient=…\nGET Patient/…/_history"},
		},
		{
			"by a long batch", "POST", "", "application/fhir+json", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/lind"}}` + gets + `]}`,
			[]string{"/fhir/\nGET Patient/lind" + many, "/fhir/\nGET Patient/…" + twenty},
			[]string{"/fhir/\nGET Patient/…" + twenty},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice(t, audit.Options{})
			r := httptest.NewRequest(c.method, "/fhir/"+c.path, strings.NewReader(c.body))
			r.Header.Set("Authorization", "Bearer nurse")
			if c.body != "" {
				r.Header.Set("Content-Type", c.contentType)
			}
			w := httptest.NewRecorder()
			if o.handler.ServeHTTP(w, r); w.Code != http.StatusOK && !strings.Contains(c.name, "token") {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			slices.Sort(c.auditor)
			if got := queries(t, o.do("auditor", "GET", "AuditEvent?_count=100", "")); !slices.Equal(got, c.auditor) {
				t.Errorf("the auditor is told of %.300q, want %.300q", got, c.auditor)
			}
			w = o.do("lind", "GET", "AuditEvent?_count=100", "")
			if got := queries(t, w); !slices.Equal(got, c.patient) {
				t.Errorf("the patient is told of %.300q, want %.300q", got, c.patient)
			}
			for _, other := range []string{"berg", "far"} {
				if strings.Contains(w.Body.String(), other) || strings.Contains(w.Body.String(), base64.StdEncoding.EncodeToString([]byte(other))) {
					t.Errorf("the patient learns of %s: %s", other, w.Body)
				}
			}
		})
	}
}
