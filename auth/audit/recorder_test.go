package audit_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kiln/auth"
	"kiln/auth/access"
	"kiln/auth/audit"
	"kiln/auth/policy"
	"kiln/auth/scope"
	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/resources"
	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
)

// office is a whole server whose every request is noted.
type office struct {
	*testing.T
	handler http.Handler
	log     *audit.Log
	engine  *memory.Store
}

// people are who may ask, by the name in their token.
var people = map[string]*auth.Principal{
	"nurse":   {User: "ada", Rank: "nurse", FHIRUser: "Practitioner/ada", Client: "ward", TokenID: "t-nurse"},
	"auditor": {User: "ulla", Rank: "auditor", Client: "ward", TokenID: "t-auditor"},
	"lind":    {User: "lind", Rank: "patient", FHIRUser: "Patient/lind", Client: "phone", TokenID: "t-lind", Patient: "lind"},
	"clerk":   {User: "weber", Rank: "clerk", Client: "desk", TokenID: "t-clerk"},
}

type names struct{}

func (names) Authenticate(r *http.Request) (context.Context, error) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return r.Context(), nil
	}
	known := people[name]
	if known == nil {
		return nil, auth.BadToken()
	}
	who := *known
	who.Scopes, _ = scope.Parse("user/*.cruds patient/*.rs")
	who.AuthTime = time.Now()
	return auth.NewContext(r.Context(), &who), nil
}

func newOffice(t *testing.T, options audit.Options) *office {
	t.Helper()
	parameters, err := search.NewParameters(search.Options{BaseURL: "http://127.0.0.1:8080/fhir"})
	must(t, err)
	o := &office{T: t, engine: memory.New(memory.Options{Parameters: parameters})}
	t.Cleanup(func() { _ = o.engine.Close() })
	shipped, err := policy.Load(policy.Default())
	must(t, err)
	current, err := policy.NewCurrent(shipped)
	must(t, err)
	var recorder *audit.Recorder
	authorizer, err := access.New(access.Options{
		Store: o.engine, Parameters: parameters, Policy: current, BaseURL: "http://127.0.0.1:8080/fhir",
	})
	must(t, err)
	if options.Store == nil {
		options.Store = o.engine
	}
	o.log, err = audit.Open(t.Context(), options)
	must(t, err)
	t.Cleanup(func() { _ = o.log.Close(context.Background()) })
	var publisher *audit.Publisher
	recorder = audit.NewRecorder(audit.RecorderOptions{
		Log: o.log, Authenticator: names{}, Patients: authorizer.Patients, Broke: authorizer.Broke, CatchUp: func(ctx context.Context) error { return publisher.CatchUp(ctx) },
	})
	validator, err := validation.New(validation.Options{})
	must(t, err)
	service, err := fhir.New(fhir.Options{Store: o.engine, Parameters: parameters, Validator: validator, Authorizer: authorizer, Auditor: recorder, Operations: []fhir.Operation{authorizer.BreakGlass()}})
	must(t, err)
	t.Cleanup(service.Close)
	publisher = audit.NewPublisher(audit.PublisherOptions{
		Log: o.log, Site: "http://127.0.0.1:8080", Every: time.Hour,
		Load: func(ctx context.Context, list []*resources.Document, records []store.RecordChange) error {
			_, err := service.Load(auth.NewContext(ctx, auth.Itself()), fhir.LoadRequest{Resources: list, Records: records})
			return err
		},
	})
	t.Cleanup(publisher.Close)
	itself := auth.NewContext(t.Context(), auth.Itself())
	for _, text := range []string{
		`{"resourceType":"Practitioner","id":"ada"}`,
		`{"resourceType":"Patient","id":"lind","name":[{"family":"Lindgrenova"}],"generalPractitioner":[{"reference":"Practitioner/ada"}]}`,
		`{"resourceType":"Patient","id":"berg","name":[{"family":"Bergmanova"}],"generalPractitioner":[{"reference":"Practitioner/ada"}]}`,
		`{"resourceType":"Patient","id":"far","name":[{"family":"Farawayova"}]}`,
		`{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/lind"}}`,
	} {
		doc, err := resources.Parse([]byte(text))
		must(t, err)
		_, err = service.Load(itself, fhir.LoadRequest{Resources: []*resources.Document{doc}})
		must(t, err)
	}
	o.handler, err = rest.New(rest.Options{Service: service, Authenticator: recorder})
	must(t, err)
	return o
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (o *office) do(who, method, path, body string) *httptest.ResponseRecorder {
	o.Helper()
	r := httptest.NewRequest(method, "/fhir/"+path, strings.NewReader(body))
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	w := httptest.NewRecorder()
	o.handler.ServeHTTP(w, r)
	return w
}

// told are the AuditEvents that the auditor finds, each as "action outcome interaction resource patient".
func (o *office) told(query string) []string {
	o.Helper()
	w := o.do("auditor", "GET", "AuditEvent?_count=1000&"+query, "")
	if w.Code != http.StatusOK {
		o.Fatalf("the auditor gets %d %s", w.Code, w.Body)
	}
	return events(o.T, w)
}

func events(t *testing.T, w *httptest.ResponseRecorder) []string {
	t.Helper()
	var bundle struct {
		Entry []struct {
			Resource struct {
				Action  string
				Outcome string
				Subtype []struct{ Code string }
				Entity  []struct {
					What struct{ Reference string }
					Type struct{ Code string }
				}
			}
		}
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &bundle))
	var list []string
	for _, e := range bundle.Entry {
		line := e.Resource.Action + " " + e.Resource.Outcome
		if len(e.Resource.Subtype) > 0 {
			line += " " + e.Resource.Subtype[0].Code
		}
		for _, entity := range e.Resource.Entity {
			if entity.What.Reference != "" {
				line += " " + entity.What.Reference
			}
		}
		list = append(list, line)
	}
	return list
}

func TestEveryRequestIsToldOf(t *testing.T) {
	for _, c := range []struct {
		name, who, method, path, body string
		status                        int
		want                          []string
	}{
		{"a read", "nurse", "GET", "Observation/o1", "", 200, []string{"R 0 read Observation/o1 Patient/lind"}},
		{"a read of nobody's", "nurse", "GET", "Practitioner/ada", "", 200, []string{"R 0 read Practitioner/ada"}},
		{"a version", "nurse", "GET", "Patient/lind/_history/1", "", 200, []string{"R 0 vread Patient/lind/_history/1 Patient/lind"}},
		{"a search that finds two patients", "nurse", "GET", "Patient", "", 200, []string{"E 0 search-type Patient/lind Patient/lind", "E 0 search-type Patient/berg Patient/berg"}},
		{"a search that finds nobody", "nurse", "GET", "Patient?name=nobody", "", 200, []string{"E 0 search-type"}},
		{"a search with what it includes", "nurse", "GET", "Observation?_include=Observation:subject", "", 200, []string{"E 0 search-type Patient/lind"}},
		{"a create", "nurse", "POST", "Observation", `{"resourceType":"Observation","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/berg"}}`, 201, []string{"C 0 create Observation/* Patient/berg"}},
		{"an update that moves a resource", "nurse", "PUT", "Observation/o1", `{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/berg"}}`, 200, []string{"U 0 update Observation/o1 Patient/berg", "U 0 update Observation/o1 Patient/lind"}},
		{"one out of reach", "nurse", "GET", "Patient/far", "", 404, []string{"R 4 read Patient/far"}},
		{"what the rank may not", "clerk", "GET", "Observation/o1", "", 403, []string{"R 4 read Observation/o1"}},
		{"a write that is refused", "nurse", "PUT", "Observation/o9", `{"resourceType":"Observation","id":"o9","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/far"}}`, 404, []string{"U 4 update Observation/o9"}},
		{"a token that is none", "stolen", "GET", "Patient/lind", "", 401, []string{"R 8 read Patient/lind"}},
		{"a transaction", "nurse", "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Observation","id":"o2","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/lind"}},"request":{"method":"PUT","url":"Observation/o2"}}]}`, 200, []string{"U 0 update Observation/o2 Patient/lind", "E 0 transaction"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice(t, audit.Options{})
			if w := o.do(c.who, c.method, c.path, c.body); w.Code != c.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, c.status)
			}
			got := o.told("")
			if len(got) != len(c.want) {
				t.Fatalf("told is %q, want %q", got, c.want)
			}
			for i, want := range c.want {
				if before, after, wild := strings.Cut(want, "*"); wild {
					if !strings.HasPrefix(got[i], before) || !strings.HasSuffix(got[i], after) {
						t.Errorf("told is %q, want %q", got[i], want)
					}
				} else if got[i] != want {
					t.Errorf("told is %q, want %q", got[i], want)
				}
			}
			for _, bucket := range []string{"audit"} {
				records, err := o.engine.Records(bucket).List(t.Context(), "", "", 0)
				must(t, err)
				for _, r := range records {
					if strings.Contains(string(r.Value), "ova") {
						t.Error("an event holds a name of a patient")
					}
				}
			}
		})
	}
}

func TestWhoSeesWhatIsTold(t *testing.T) {
	o := newOffice(t, audit.Options{})
	o.do("nurse", "GET", "Observation/o1", "")
	o.do("nurse", "GET", "Patient/berg", "")
	if w := o.do("lind", "GET", "AuditEvent", ""); w.Code != http.StatusOK || len(events(t, w)) != 1 || !strings.Contains(w.Body.String(), "Patient/lind") {
		t.Errorf("a patient sees %d %s", w.Code, w.Body)
	}
	for _, who := range []string{"nurse", "clerk"} {
		if w := o.do(who, "GET", "AuditEvent", ""); w.Code != http.StatusForbidden {
			t.Errorf("the %s gets %d", who, w.Code)
		}
	}
	if w := o.do("", "GET", "AuditEvent", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("nobody gets %d", w.Code)
	}
	if got := o.told("patient=Patient/berg"); len(got) != 1 {
		t.Errorf("disclosed of one patient: %q", got)
	}
	const event = `{"resourceType":"AuditEvent","id":"x","type":{"code":"rest"},"recorded":"2026-03-01T08:00:00Z","agent":[{"requestor":true}],"source":{"observer":{"display":"x"}}}`
	for _, who := range []string{"auditor", "nurse", "lind"} {
		for _, r := range [][2]string{{"PUT", "AuditEvent/x"}, {"POST", "AuditEvent"}, {"DELETE", "AuditEvent/0-0"}} {
			body := event
			if r[0] == "DELETE" {
				body = ""
			}
			if w := o.do(who, r[0], r[1], body); w.Code/100 != 4 {
				t.Errorf("%s %s by %s: %d", r[0], r[1], who, w.Code)
			}
		}
		if w := o.do(who, "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":`+event+`,"request":{"method":"PUT","url":"AuditEvent/x"}}]}`); w.Code/100 != 4 {
			t.Errorf("a transaction by %s: %d", who, w.Code)
		}
	}
}

// TestWhatCannotBeIsToldOfToo: no address that somebody sends keeps AuditEvents from being made.
func TestWhatCannotBeIsToldOfToo(t *testing.T) {
	o := newOffice(t, audit.Options{})
	paths := []string{"Patient/a_b", "Patient/" + strings.Repeat("a", 65), "Patient/%00", "Patient/%ff", "Patient/lind/_history/a_b", "Observation/a%20b", "Patient/a%2Fb"}
	for _, path := range paths {
		if w := o.do("nurse", "GET", path, ""); w.Code/100 != 4 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	o.do("nurse", "GET", "Patient/lind", "")
	if got := o.told(""); len(got) != len(paths)+1 || got[len(paths)] != "R 0 read Patient/lind Patient/lind" {
		t.Errorf("told is %q", got)
	}
}

func TestNothingIsServedThatCannotBeTold(t *testing.T) {
	engine := memory.New(memory.Options{})
	defer func() { _ = engine.Close() }()
	o := newOffice(t, audit.Options{Store: broken{engine}, Waiting: 1, Flush: time.Hour})
	first := o.do("nurse", "GET", "Patient/lind", "")
	if second := o.do("nurse", "GET", "Patient/lind", ""); first.Code != http.StatusOK || second.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, and %d where no more can be noted", first.Code, second.Code)
	}
}

// TestWhatIsSeenThroughBrokenGlassIsFlagged, and nothing else.
func TestWhatIsSeenThroughBrokenGlassIsFlagged(t *testing.T) {
	o := newOffice(t, audit.Options{})
	if w := o.do("nurse", "GET", "Patient/far", ""); w.Code != http.StatusNotFound {
		t.Fatalf("before: %d", w.Code)
	}
	why := `{"resourceType":"Parameters","parameter":[{"name":"reason","valueCoding":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"ETREAT"}},{"name":"comment","valueString":"Found unconscious."}]}`
	if w := o.do("nurse", "POST", "Patient/far/$break-glass", why); w.Code != http.StatusOK {
		t.Fatalf("breaking the glass: %d %s", w.Code, w.Body)
	}
	for _, path := range []string{"Patient/far", "Patient?_id=far", "Patient/lind"} {
		if w := o.do("nurse", "GET", path, ""); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for id, patient := range map[string]string{"w1": "far", "w2": "lind"} {
		body := `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/` + patient + `"}}`
		if w := o.do("nurse", "PUT", "Observation/"+id, body); w.Code != http.StatusCreated {
			t.Fatalf("a write about %s: %d %s", patient, w.Code, w.Body)
		}
	}
	must(t, o.log.Flush(t.Context()))
	var log strings.Builder
	_, err := audit.Export(t.Context(), o.engine.Records(audit.Bucket), "http://127.0.0.1:8080", audit.Selection{}, &log)
	must(t, err)
	flagged := map[string]int{}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"purposeOfEvent":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}]}]`) {
			for _, patient := range []string{"far", "lind", "berg"} {
				if strings.Contains(line, `"Patient/`+patient+`"`) {
					flagged[patient]++
				}
			}
		}
	}
	if flagged["far"] != 3 || len(flagged) != 1 {
		t.Errorf("flagged are %v: %s", flagged, &log)
	}
}
