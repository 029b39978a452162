package access_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"kiln/auth"
	"kiln/auth/scope"
	"kiln/fhir/rest"
)

// secret is a name that only what is hidden has.
const secret = "Zyxwvut"

// leaky is a hospital in which p is reached by all attackers and q by none, with everything that leads from one to the other.
func leaky(h *hospital) {
	h.put(
		`{"resourceType":"Practitioner","id":"d"}`,
		`{"resourceType":"Organization","id":"org","name":"Sample"}`,
		`{"resourceType":"Patient","id":"q","name":[{"family":"`+secret+`"}],"identifier":[{"system":"urn:x","value":"`+secret+`"}],"managingOrganization":{"reference":"Organization/org"}}`,
		`{"resourceType":"Patient","id":"p","name":[{"family":"Alder"}],"managingOrganization":{"reference":"Organization/org"},"link":[{"other":{"reference":"Patient/q"},"type":"seealso"}]}`,
		`{"resourceType":"CareTeam","id":"team","status":"active","subject":{"reference":"Patient/p"},"participant":[{"member":{"reference":"Practitioner/d"}}]}`,
		`{"resourceType":"RelatedPerson","id":"mother","patient":{"reference":"Patient/p"}}`,
		`{"resourceType":"Encounter","id":"eq","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/q"},"participant":[{"individual":{"reference":"Practitioner/d"}}]}`,
		`{"resourceType":"Observation","id":"oq","identifier":[{"system":"urn:x","value":"`+secret+`"}],"status":"final","code":{"text":"`+secret+`","coding":[{"system":"urn:c","code":"`+secret+`"}]},"subject":{"reference":"Patient/q"},"encounter":{"reference":"Encounter/eq"}}`,
		`{"resourceType":"Observation","id":"op","status":"final","code":{"text":"a"},"subject":{"reference":"Patient/p"},"focus":[{"reference":"Patient/q"}],"hasMember":[{"reference":"Observation/oq"}]}`,
		`{"resourceType":"Observation","id":"moved","status":"final","code":{"text":"`+secret+`"},"subject":{"reference":"Patient/q"}}`,
		`{"resourceType":"Observation","id":"moved","status":"final","code":{"text":"now of p"},"subject":{"reference":"Patient/p"}}`,
		`{"resourceType":"Observation","id":"away","status":"final","code":{"text":"was of p"},"subject":{"reference":"Patient/p"}}`,
		`{"resourceType":"Observation","id":"away","status":"final","code":{"text":"`+secret+`"},"subject":{"reference":"Patient/q"}}`,
		`{"resourceType":"List","id":"list","status":"current","mode":"working","subject":{"reference":"Patient/p"},"entry":[{"item":{"reference":"Observation/oq"}},{"item":{"reference":"Patient/q"}}]}`,
		`{"resourceType":"List","id":"lq","status":"current","mode":"working","subject":{"reference":"Patient/q"},"entry":[{"item":{"reference":"Observation/op"}},{"item":{"reference":"Patient/p"}}]}`,
		`{"resourceType":"Group","id":"group","type":"person","actual":true,"name":"`+secret+`","member":[{"entity":{"reference":"Patient/p"}},{"entity":{"reference":"Patient/q"}}]}`,
		`{"resourceType":"Composition","id":"cq","status":"final","type":{"text":"`+secret+`"},"date":"2024-01-01","title":"`+secret+`","author":[{"reference":"Practitioner/d"}],"subject":{"reference":"Patient/q"},"section":[{"entry":[{"reference":"Patient/p"}]}]}`,
		`{"resourceType":"Provenance","id":"vq","target":[{"reference":"Patient/q"},{"reference":"Observation/oq"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/d","display":"`+secret+`"}}]}`,
		`{"resourceType":"Binary","id":"bq","contentType":"text/plain","securityContext":{"reference":"Patient/q"},"data":"Wnl4d3Z1dA=="}`,
		`{"resourceType":"Binary","id":"br","contentType":"text/plain","data":"Wnl4d3Z1dA=="}`,
		`{"resourceType":"DocumentReference","id":"dq","status":"current","subject":{"reference":"Patient/q"},"content":[{"attachment":{"url":"Binary/br","title":"`+secret+`"}}]}`,
		`{"resourceType":"Account","id":"aq","status":"active","name":"`+secret+`","subject":[{"reference":"Patient/q"}]}`,
		`{"resourceType":"Task","id":"tq","status":"ready","intent":"order","description":"`+secret+`","for":{"reference":"Patient/q"},"focus":{"reference":"Patient/p"}}`,
		`{"resourceType":"Consent","id":"kq","status":"active","scope":{"text":"`+secret+`"},"category":[{"text":"x"}],"policyRule":{"text":"x"},"patient":{"reference":"Patient/q"}}`,
	)
}

// attackers reach Patient/p and not Patient/q.
func attackers(h *hospital) map[string]context.Context {
	patientScope := scope.Set{{Level: scope.Patient, Type: "*", Permissions: all}}
	return map[string]context.Context{
		"clinician":           h.person("clinician", "Practitioner/d"),
		"nurse":               h.person("nurse", "Practitioner/d"),
		"clinician's app":     h.principal(auth.Principal{User: "d", Rank: "clinician", FHIRUser: "Practitioner/d", Scopes: patientScope, Patient: "p"}),
		"patient":             h.person("patient", "Patient/p"),
		"patient's app":       h.principal(auth.Principal{User: "p", Rank: "patient", FHIRUser: "Patient/p", Scopes: patientScope, Patient: "p"}),
		"patient's bold app":  h.principal(auth.Principal{User: "p", Rank: "patient", FHIRUser: "Patient/p", Scopes: patientScope, Patient: "q"}),
		"proxy":               h.person("proxy", "RelatedPerson/mother"),
		"clinician's own app": h.principal(auth.Principal{User: "p", Rank: "clinician", FHIRUser: "Practitioner/d", Scopes: patientScope, Patient: "q"}),
	}
}

// asking is the Authenticator of a test: the token names who asks, anew for each request.
type asking struct{ h *hospital }

// Finished notes nothing.
func (asking) Finished(context.Context, *http.Request, rest.Ending) {}

func (a asking) Authenticate(r *http.Request) (context.Context, error) {
	who := attackers(a.h)[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if who == nil {
		return r.Context(), nil
	}
	return auth.NewContext(r.Context(), auth.FromContext(who)), nil
}

// request is one request over HTTP: the method and address, headers as "Name: value" lines, an empty line and the body.
type request string

func (h *hospital) handler() http.Handler {
	handler, err := rest.New(rest.Options{Service: h.Service, Authenticator: asking{h}})
	if err != nil {
		h.Fatal(err)
	}
	return handler
}

func do(handler http.Handler, who string, r request) (int, string) {
	head, body, _ := strings.Cut(string(r), "\n\n")
	lines := strings.Split(head, "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	req := httptest.NewRequest(method, "/fhir"+path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/fhir+json")
	if method == "PATCH" {
		req.Header.Set("Content-Type", "application/json-patch+json")
	}
	req.Header.Set("Authorization", "Bearer "+who)
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, req)
	text, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(text)
}

// attacks are tried with what is hidden in the place of the words in braces, and with what does not exist. The answers must
// be the same.
var attacks = map[string]request{
	"read a patient":             `GET /Patient/{q}`,
	"head":                       `HEAD /Patient/{q}`,
	"read":                       `GET /Observation/{oq}`,
	"read what went away":        `GET /Observation/{away}`,
	"conditional read":           "GET /Observation/{oq}\nIf-None-Match: W/\"1\"",
	"conditional read by time":   "GET /Observation/{oq}\nIf-Modified-Since: Mon, 06 May 2024 13:00:00 GMT",
	"read a part":                `GET /Observation/{oq}?_summary=true`,
	"vread":                      `GET /Observation/{oq}/_history/1`,
	"vread of a version not yet": `GET /Observation/{oq}/_history/9`,
	"instance history":           `GET /Observation/{oq}/_history`,
	"instance history of one":    `GET /Patient/{q}/_history?_count=1`,
	"search by id":               `GET /Patient?_id={q}&_total=accurate`,
	"search by name":             `GET /Patient?family={Zyxwvut}&_total=accurate`,
	"search by identifier":       `GET /Patient?identifier=urn:x|{Zyxwvut}`,
	"search by foreign patient":  `GET /Observation?patient={q}&_total=accurate`,
	"search by foreign subject":  `GET /Observation?subject=Patient/{q}&_total=accurate`,
	"search by post":             "POST /Observation/_search\nContent-Type: application/x-www-form-urlencoded\n\nsubject=Patient/{q}",
	"system search":              `GET /?_type=Patient,Observation&_id={q},{oq}`,
	"compartment search":         `GET /Patient/{q}/Observation`,
	"foreign compartment":        `GET /Encounter/{eq}/Observation`,
	"count":                      `GET /Observation?code={Zyxwvut}&_summary=count`,
	"estimate":                   `GET /Observation?code={Zyxwvut}&_total=estimate`,
	"chain":                      `GET /Observation?subject:Patient.family={Zyxwvut}&_total=accurate`,
	"chain by focus":             `GET /Observation?focus:Patient.family={Zyxwvut}`,
	"chain by link":              `GET /Patient?link:Patient.family={Zyxwvut}`,
	"chain by member":            `GET /Observation?has-member:Observation.code={Zyxwvut}`,
	"chain by item":              `GET /List?item:Observation.code={Zyxwvut}`,
	"chain of two":               `GET /List?item:Observation.subject:Patient.family={Zyxwvut}`,
	"reverse chain":              `GET /Patient?_has:Observation:subject:code={Zyxwvut}`,
	"reverse chain by focus":     `GET /Patient?_has:Composition:entry:title={Zyxwvut}`,
	"reverse chain of two":       `GET /Organization?_has:Patient:organization:_has:Observation:subject:code={Zyxwvut}`,
	"reverse chain, shared type": `GET /Organization?_has:Patient:organization:family={Zyxwvut}&_total=accurate`,
	"reverse chain, staff":       `GET /Practitioner?_has:Encounter:participant:_id={eq}`,
	"reverse chain, provenance":  `GET /Practitioner?_has:Provenance:agent:target={q}`,
	"negated chain":              `GET /Organization?_has:Patient:organization:identifier:not=urn:x|{Zyxwvut}`,
	"filter":                     `GET /Patient?_filter=family%20eq%20"{Zyxwvut}"`,
	"filter with a chain":        `GET /Observation?_filter=focus.family%20eq%20"{Zyxwvut}"`,
	"sort by a chain":            `GET /Observation?_sort=focus:Patient.family&code={Zyxwvut}`,
	"missing":                    `GET /Patient?_id={q}&birthdate:missing=true`,
	"not":                        `GET /Patient?_id={q}&gender:not=male`,
	"list":                       `GET /Observation?_list={lq}`,
	"list of patients":           `GET /Patient?_list={lq}&_total=accurate`,
	"reverse chain by list":      `GET /Observation?_has:List:item:_id={lq}`,
	"reverse chain by group":     `GET /Patient?_has:Group:member:_id={group}`,
	"reverse chain by task":      `GET /Patient?_has:Task:focus:_id={tq}`,
	"chain in a compartment":     `GET /Patient/p/Observation?focus:Patient.family={Zyxwvut}`,
	"contained, with a chain":    `GET /Observation?_contained=both&subject:Patient.family={Zyxwvut}`,
	"filter with a reverse one":  `GET /Patient?_filter=_has:Observation:subject:code%20eq%20"{Zyxwvut}"`,
	"identifier of a reference":  `GET /Observation?subject:identifier=urn:x|{Zyxwvut}`,
	"conditional update":         "PUT /Observation?identifier=urn:x|{Zyxwvut}&_id={oq}\n\n" + `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/{q}"}}`,
	"conditional patch":          "PATCH /Observation?identifier=urn:x|{Zyxwvut}\n\n" + `[{"op":"replace","path":"/status","value":"amended"}]`,
	"conditional delete":         `DELETE /Observation?identifier=urn:x|{Zyxwvut}`,
	"delete":                     `DELETE /Observation/{oq}`,
	"delete with If-Match":       "DELETE /Observation/{oq}\nIf-Match: W/\"1\"",
	"patch":                      "PATCH /Observation/{oq}\n\n" + `[{"op":"replace","path":"/status","value":"amended"}]`,
	"update":                     "PUT /Observation/{oq}\n\n" + `{"resourceType":"Observation","id":"{oq}","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/{q}"}}`,
	"update with If-Match":       "PUT /Observation/{oq}\nIf-Match: W/\"1\"\n\n" + `{"resourceType":"Observation","id":"{oq}","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`,
	"update of a patient":        "PUT /Patient/{q}\n\n" + `{"resourceType":"Patient","id":"{q}"}`,
	"create for a patient":       "POST /Observation\n\n" + `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/{q}"}}`,
	"move to a patient":          "PUT /Observation/op\n\n" + `{"resourceType":"Observation","id":"op","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/{q}"}}`,
	"perform for a patient":      "POST /Observation\n\n" + `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/{q}"},"performer":[{"reference":"Patient/p"}]}`,
	"relate oneself by a team":   "POST /CareTeam\n\n" + `{"resourceType":"CareTeam","status":"active","subject":{"reference":"Patient/{q}"},"participant":[{"member":{"reference":"Practitioner/d"}},{"member":{"reference":"Patient/p"}}]}`,
	"relate oneself by a visit":  "POST /Appointment\n\n" + `{"resourceType":"Appointment","status":"booked","start":"2024-05-06T14:00:00Z","end":"2024-05-06T15:00:00Z","participant":[{"actor":{"reference":"Patient/{q}"},"status":"accepted"},{"actor":{"reference":"Practitioner/d"},"status":"accepted"},{"actor":{"reference":"Patient/p"},"status":"accepted"}]}`,
	"batch":                      "POST /\n\n" + `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/{q}"}},{"request":{"method":"GET","url":"Observation?code={Zyxwvut}"}},{"request":{"method":"GET","url":"Observation/{oq}/_history"}},{"request":{"method":"DELETE","url":"Observation/{oq}"}}]}`,
	"transaction":                "POST /\n\n" + `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/{q}"}}]}`,
	"transaction with criteria":  "POST /\n\n" + `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient?identifier=urn:x|{Zyxwvut}"}},"request":{"method":"POST","url":"Observation"}}]}`,
	"conditional delete in it":   "POST /\n\n" + `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Observation?identifier=urn:x|{Zyxwvut}"}}]}`,
	"binary by its context":      `GET /Binary/{bq}`,
	"binary by its referrers":    `GET /Binary/{br}`,
	"binary as it is":            "GET /Binary/{br}\nAccept: text/plain",
	"binary history":             `GET /Binary/{bq}/_history`,
	"binary search":              `GET /Binary?_id={bq}`,
	"validate":                   "POST /Patient/{q}/$validate\n\n" + `{"resourceType":"Parameters"}`,
	"group":                      `GET /Group/{group}`,
	"group search":               `GET /Group?member=Patient/{q}`,
	"composition":                `GET /Composition/{cq}`,
	"composition by entry":       `GET /Composition?entry=Patient/p&_id={cq}`,
	"provenance":                 `GET /Provenance/{vq}`,
	"provenance of a patient":    `GET /Provenance?target=Patient/{q}`,
	"task":                       `GET /Task/{tq}`,
	"task by focus":              `GET /Task?focus=Patient/p&_id={tq}`,
	"consent":                    `GET /Consent?patient={q}`,
	"account":                    `GET /Account/{aq}`,
	"related person":             `GET /RelatedPerson?patient={q}`,
}

// sweeps ask for everything: what is hidden must not be in it.
var sweeps = map[string]request{
	"all patients":               `GET /Patient?_count=1000`,
	"everything":                 `GET /?_count=1000`,
	"everything in reverse":      `GET /?_count=1000&_sort=-_lastUpdated`,
	"include focus":              `GET /Observation?_include=Observation:focus&_include=Observation:has-member`,
	"include links":              `GET /Patient?_include=Patient:link&_include:iterate=Patient:link`,
	"include items":              `GET /List?_include=List:item&_include:iterate=Observation:subject`,
	"include all":                `GET /Observation?_include=*&_revinclude=*`,
	"include all of lists":       `GET /List?_include=*&_revinclude:iterate=*`,
	"reverse from shared":        `GET /Organization?_revinclude=Patient:organization&_revinclude:iterate=Observation:subject`,
	"reverse from staff":         `GET /Practitioner?_revinclude=Encounter:participant&_revinclude=Composition:author&_revinclude=Provenance:agent`,
	"system history":             `GET /_history?_count=1000`,
	"type history":               `GET /Observation/_history?_count=1000`,
	"instance history, moved":    `GET /Observation/moved/_history`,
	"old version, moved":         `GET /Observation/moved/_history/1`,
	"new version, away":          `GET /Observation/away/_history/2`,
	"instance history, away":     `GET /Observation/away/_history`,
	"compartment of all":         `GET /Patient/p/*`,
	"foreign compartment of all": `GET /Patient/q/*`,
	"compartment with its links": `GET /Patient/p/Patient`,
	"explained":                  `GET /Patient?family=` + secret + `&_explain=true&_summary=count`,
	"sorted by a chain":          `GET /Observation?_sort=focus:Patient.family&_count=1`,
	"batch of sweeps":            "POST /\n\n" + `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"?_count=1000"}},{"request":{"method":"GET","url":"_history?_count=1000"}},{"request":{"method":"GET","url":"Observation?_include=*&_revinclude=*"}}]}`,
}

var (
	braces = regexp.MustCompile(`\{([A-Za-z][\w-]*)\}`)
	moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)
	made   = regexp.MustCompile(`id-\d+|\b[0-9a-f-]{36}\b|_page=[\w-]+`)
)

// absent is what does not exist, for each word in braces.
func absent(word string) string { return "absent-" + word }

// plain is an answer without what differs from one request to the next.
func plain(text string) string {
	return made.ReplaceAllString(moment.ReplaceAllString(text, "T"), "_")
}

// What is hidden is as if it did not exist, by whatever way it is asked for: AUTH.md D2.
func TestNothingLeaks(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		leaky(h)
		handler := h.handler()
		for who := range attackers(h) {
			for name, attack := range attacks {
				hidden := braces.ReplaceAllString(string(attack), "$1")
				missing := braces.ReplaceAllString(string(attack), absent("$1"))
				status, body := do(handler, who, request(hidden))
				wantStatus, want := do(handler, who, request(missing))
				body, want = plain(body), strings.ReplaceAll(plain(want), absent(""), "")
				if status != wantStatus || body != want {
					t.Errorf("%s, %s: %d %s\nbut of what does not exist: %d %s", who, name, status, body, wantStatus, want)
				}
			}
			for name, sweep := range sweeps {
				status, body := do(handler, who, sweep)
				if status == http.StatusInternalServerError || status == http.StatusUnauthorized || strings.Contains(strings.ReplaceAll(body, "family="+secret, ""), secret) || strings.Contains(body, "Wnl4d3Z1dA") {
					t.Errorf("%s, %s: %d %s", who, name, status, body)
				}
			}
		}
		if n := h.authorizer.Disagreements(); n != 0 {
			t.Errorf("the two decisions disagreed %d times", n)
		}
		for _, name := range []string{"Patient/q", "Observation/oq", "Observation/away", "Binary/bq"} {
			if !h.reads(h.root(), name) {
				t.Errorf("%s is gone", name)
			}
		}
	})
}
