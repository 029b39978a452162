package fhir_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/store"
)

// defined is a SearchParameter of patients that finds extensions with a URL of the same name.
func defined(id, status string, members ...string) string {
	return fmt.Sprintf(`{"resourceType":"SearchParameter","id":%q,"url":"http://example.org/%[1]s","name":"X","status":%[2]q,"description":"x","code":%[1]q,
"base":["Patient"],"type":"token","expression":"Patient.extension('http://example.org/%[1]s').value.ofType(code)"%[3]s}`, id, status, strings.Join(members, ""))
}

// extended is a patient with such an extension.
func extended(id, code, value string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"extension":[{"url":"http://example.org/%s","valueCode":%q}]}`, id, code, value)
}

func (h harness) settled() harness {
	h.Helper()
	if err := h.Settled(h.Context()); err != nil {
		h.Fatal(err)
	}
	return h
}

// refused gives the error of a search.
func (h harness) refused(typ, query string) error {
	h.Helper()
	_, err := h.Search(h.Context(), fhir.SearchRequest{Type: typ, Query: query})
	if err == nil {
		h.Fatalf("%s?%s was answered", typ, query)
	}
	return err
}

func (h harness) statement() string {
	h.Helper()
	text, err := h.Capabilities(h.Context(), fhir.CapabilitiesRequest{})
	if err != nil {
		h.Fatal(err)
	}
	return string(text)
}

func TestSearchParameterFromDefinitionToRetirement(t *testing.T) {
	h := open(t)
	for i := range 40 {
		h.put(extended(fmt.Sprint("p", i), "ward", []string{"a", "b"}[i%2]))
	}
	h.remove(store.Key{Type: "Patient", ID: "p0"})
	h.put(defined("ward", "draft"))
	h.settled()
	wantRefusal(t, h.refused("Patient", "ward=a"), outcome.NotSupported, outcome.StageSyntax, "not a search parameter of Patient")

	h.put(defined("ward", "active"))
	h.settled()
	equal(t, "before the definition", h.count("Patient", "ward=a"), 19)
	h.put(extended("new", "ward", "a"))
	h.put(extended("p2", "ward", "b"))
	equal(t, "after writes", h.count("Patient", "ward=a"), 19)
	equal(t, "missing", h.count("Patient", "ward:missing=true"), 0)
	if !strings.Contains(h.statement(), `"definition":"http://example.org/ward"`) {
		t.Error("the CapabilityStatement does not list the parameter")
	}

	other := strings.ReplaceAll(defined("ward", "active"), "('http://example.org/ward')", "('http://example.org/room')")
	h.put(other)
	h.put(extended("roomy", "room", "a"))
	h.settled()
	equal(t, "another expression", h.count("Patient", "ward=a"), 1)

	h.put(strings.Replace(other, `"active"`, `"retired"`, 1))
	h.settled()
	wantRefusal(t, h.refused("Patient", "ward=a"), outcome.NotSupported, outcome.StageSyntax, "not a search parameter of Patient")
	if strings.Contains(h.statement(), "example.org/ward") {
		t.Error("the CapabilityStatement lists what is retired")
	}

	h.put(defined("ward", "active"))
	h.settled()
	equal(t, "defined again", h.count("Patient", "ward=a"), 19)
	h.remove(store.Key{Type: "SearchParameter", ID: "ward"})
	h.settled()
	wantRefusal(t, h.refused("Patient", "ward=a"), outcome.NotSupported, outcome.StageSyntax, "not a search parameter of Patient")
}

// TestBadDefinitionsAreStoredByNoDoor: a definition is judged before the commit, whichever way it comes.
func TestBadDefinitionsAreStoredByNoDoor(t *testing.T) {
	h := open(t)
	bad := strings.Replace(defined("ward", "active"), "Patient.extension", "Observation.extension", 1)
	doc := h.doc(bad)
	key := store.Key{Type: "SearchParameter", ID: "ward"}
	_, err := h.Update(h.Context(), fhir.UpdateRequest{Key: key, Resource: doc})
	wantRefusal(t, err, outcome.Value, outcome.StageContent, "SearchParameter.expression", "begins at Patient")
	_, err = h.Create(h.Context(), fhir.CreateRequest{Type: key.Type, Resource: doc})
	wantRefusal(t, err, outcome.Value, outcome.StageContent, "begins at Patient")
	_, err = h.load(bad)
	wantRefusal(t, err, outcome.Value, outcome.StageContent, "Bundle.entry[0].resource.expression")
	_, err = h.process("transaction", `{"resource":`+extended("p", "ward", "a")+`,"request":{"method":"PUT","url":"Patient/p"}}`,
		`{"resource":`+bad+`,"request":{"method":"PUT","url":"SearchParameter/ward"}}`)
	wantRefusal(t, err, outcome.Value, outcome.StageContent, "Bundle.entry[1].resource.expression")
	equal(t, "stored", h.count("SearchParameter", "")+h.count("Patient", ""), 0)

	h.put(defined("ward", "active"))
	patch := `{"expression":"Patient.nonsense"}`
	_, err = h.Patch(h.Context(), fhir.PatchRequest{Key: key, ContentType: "application/merge-patch+json", Body: []byte(patch)})
	wantRefusal(t, err, outcome.Value, outcome.StageContent, "leads to no element")
	_, err = h.Update(h.Context(), fhir.UpdateRequest{Key: store.Key{Type: "SearchParameter", ID: "b"}, Resource: h.doc(strings.Replace(defined("ward", "active"), `"ward"`, `"b"`, 1))})
	wantRefusal(t, err, outcome.Duplicate, outcome.StageContent, "SearchParameter/ward has the url", "SearchParameter/ward defines the code")
}

// TestTransactionsReplaceDefinitions: what a transaction brings together counts together.
func TestTransactionsReplaceDefinitions(t *testing.T) {
	h := open(t)
	h.put(defined("ward", "active"))
	h.put(extended("p", "ward", "a"))
	h.settled()
	other := strings.Replace(defined("ward", "active"), `"id":"ward"`, `"id":"w2"`, 1)
	composite := `{"resourceType":"SearchParameter","id":"pair","url":"http://example.org/pair","name":"X","status":"active","description":"x","code":"pair","base":["Patient"],
"type":"composite","expression":"Patient","component":[{"definition":"http://example.org/ward","expression":"extension('http://example.org/ward').value.ofType(code)"},
{"definition":"http://hl7.org/fhir/SearchParameter/individual-gender","expression":"gender"}]}`
	h.transaction(`{"request":{"method":"DELETE","url":"SearchParameter/ward"}}`,
		`{"resource":`+other+`,"request":{"method":"PUT","url":"SearchParameter/w2"}}`,
		`{"resource":`+composite+`,"request":{"method":"PUT","url":"SearchParameter/pair"}}`,
		`{"resource":{"resourceType":"Patient","id":"q","gender":"female","extension":[{"url":"http://example.org/ward","valueCode":"a"}]},"request":{"method":"PUT","url":"Patient/q"}}`)
	h.settled()
	equal(t, "ward", h.count("Patient", "ward=a"), 2)
	equal(t, "pair", names(h.search("Patient", "pair=a$female")), "Patient/q")
	_, err := h.Delete(h.Context(), fhir.DeleteRequest{Key: store.Key{Type: "SearchParameter", ID: "w2"}})
	wantRefusal(t, err, outcome.Conflict, outcome.StageContent, "component of SearchParameter/pair")
}

// TestParametersAreOfNoUseBeforeTheyAreComplete: filters, sorting, chains and includes say how far it is.
func TestParametersAreOfNoUseBeforeTheyAreComplete(t *testing.T) {
	h := with(t, fhir.Options{Passive: true})
	h.put(extended("p", "ward", "a"))
	h.put(defined("ward", "active"))
	link := `{"resourceType":"SearchParameter","id":"home","url":"http://example.org/home","name":"X","status":"active","description":"x","code":"home","base":["Patient"],
"type":"reference","target":["Organization"],"expression":"Patient.managingOrganization"}`
	h.put(link)
	for typ, queries := range map[string][]string{
		"Patient":      {"ward=a", "ward:missing=false", "_sort=ward", "home.name=x", "home=Organization/1", "_include=Patient:home", "_filter=ward eq a"},
		"Organization": {"_has:Patient:home:name=x", "_revinclude=Patient:home"},
		"Observation":  {"subject:Patient.ward=a"},
	} {
		for _, query := range queries {
			err := h.refused(typ, strings.ReplaceAll(query, " ", "%20"))
			wantRefusal(t, err, outcome.NotSupported, outcome.StageSyntax, "is being indexed: 0 % of the resources are done")
		}
	}
	if strings.Contains(h.statement(), "example.org/ward") {
		t.Error("the CapabilityStatement lists what cannot be used yet")
	}
	if got := h.reindex("GET", "", ""); !strings.Contains(got, `"in-progress"`) || !strings.Contains(got, `"valueUri":"http://example.org/ward"`) {
		t.Errorf("$reindex tells %s", got)
	}
}

// TestScansAnswerWhereThereIsNoIndex: filters alone, exactly, from the resources.
func TestScansAnswerWhereThereIsNoIndex(t *testing.T) {
	h := with(t, fhir.Options{Passive: true, AllowScans: true})
	for i := range 30 {
		h.put(extended(fmt.Sprint("p", i), "ward", []string{"a", "b", "c"}[i%3]))
	}
	h.put(defined("ward", "active"))
	h.put(extended("p0", "ward", "b"))
	h.put(extended("new", "ward", "a"))
	h.remove(store.Key{Type: "Patient", ID: "p3"})
	for query, want := range map[string]int64{"ward=a": 9, "ward=a,b": 20, "ward:not=a": 21, "ward:missing=true": 0, "ward=b&_id=p0,p1,p2": 2, "ward=none": 0} {
		equal(t, query, h.count("Patient", query), want)
	}
	pages, found := 0, map[string]bool{}
	for bundle := h.search("Patient", "ward=a&_count=4"); ; pages++ {
		for _, name := range strings.Split(names(bundle), ", ") {
			found[name] = true
		}
		i := slices.IndexFunc(bundle.Links, func(l fhir.Link) bool { return l.Relation == "next" })
		if i < 0 {
			break
		}
		_, query, _ := strings.Cut(bundle.Links[i].URL, "?")
		bundle = h.search("Patient", query)
	}
	equal(t, "found on pages", len(found), 9)
	for typ, query := range map[string]string{"Patient": "_sort=ward", "Observation": "subject:Patient.ward=a"} {
		wantRefusal(t, h.refused(typ, query), outcome.NotSupported, outcome.StageSyntax, "is being indexed")
	}
}

// TestWritesDuringDefinitionsAreFound: nothing that is written while a definition comes into use lacks
// its values.
func TestWritesDuringDefinitionsAreFound(t *testing.T) {
	h := open(t)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 25 {
				h.put(extended(fmt.Sprintf("w%d-%d", w, i), "ward", "a"))
			}
		})
	}
	for range 3 {
		h.put(defined("ward", "active"))
		h.put(defined("ward", "retired"))
	}
	h.put(defined("ward", "active"))
	writers.Wait()
	h.settled()
	equal(t, "found", h.count("Patient", "ward=a"), 100)
}

// slow holds the commits of patients until it is told to go on.
type slow struct {
	store.Store
	reached, goOn chan struct{}
}

func (s slow) Commit(ctx context.Context, tx store.Transaction) ([]store.Version, error) {
	if len(tx.Changes) > 0 && tx.Changes[0].Key.Type == "Patient" {
		close(s.reached)
		<-s.goOn
	}
	return s.Store.Commit(ctx, tx)
}

// TestNothingLandsWithAnOlderSet: a write whose values were made before a definition is in use lands before
// the walk over what is there begins, however slow it is.
func TestNothingLandsWithAnOlderSet(t *testing.T) {
	now := fhirtest.Clock()
	parameters := fhirtest.Parameters(t).Copy()
	s := slow{newEngine(t, now, parameters), make(chan struct{}), make(chan struct{})}
	h := harness{t, fhirtest.NewService(t, s, fhir.Options{Now: now, Parameters: parameters})}
	var writes sync.WaitGroup
	writes.Go(func() { h.put(extended("p", "ward", "a")) })
	<-s.reached
	writes.Go(func() {
		h.put(defined("ward", "active"))
		h.settled()
	})
	time.Sleep(30 * time.Millisecond) // for the definition to overtake, if it can
	close(s.goOn)
	writes.Wait()
	equal(t, "found", h.settled().count("Patient", "ward=a"), 1)
}

// TestIndexingResumes: a service that ends in the middle leaves the rest to the next one on the store.
func TestIndexingResumes(t *testing.T) {
	now := fhirtest.Clock()
	var opened store.Store
	next := func(passive bool) harness {
		parameters := fhirtest.Parameters(t).Copy()
		if opened == nil {
			opened = newEngine(t, now, parameters)
		} else {
			opened = elsewhere(t, opened, now, parameters)
		}
		return harness{t, fhirtest.NewService(t, opened, fhir.Options{Now: now, Passive: passive, Parameters: parameters})}
	}
	first := next(true)
	for i := range 60 {
		first.put(extended(fmt.Sprint("p", i), "ward", "a"))
	}
	first.put(defined("ward", "active"))
	first.put(defined("bed", "active"))
	first.put(defined("bed", "retired"))
	first.Close()
	second := next(false).settled()
	equal(t, "found", second.count("Patient", "ward=a"), 60)
	second.Close()
	if engine == "memory" || engine == "shared" {
		return // memory, whose values are of one set of parameters, and end with the process as it does
	}
	third := next(true)
	equal(t, "found by one that does nothing in the background", third.count("Patient", "ward=a"), 60)
	if got := third.reindex("GET", "", ""); strings.Contains(got, "in-progress") {
		t.Errorf("there is work left: %s", got)
	}
}

// reindex calls $reindex: GET or POST, at a SearchParameter or the system, with a query.
func (h harness) reindex(method, id, query string) string {
	h.Helper()
	result, err := h.callReindex(method, id, query, nil)
	if err != nil {
		h.Fatal(err)
	}
	return string(result.Resource)
}

func (h harness) callReindex(method, id, query string, body *resources.Document) (fhir.OperationResult, error) {
	request := fhir.OperationRequest{Name: "reindex", Query: query, Post: method == "POST", Body: body}
	if id != "" {
		request.Type, request.ID = "SearchParameter", id
	}
	return h.Operate(h.Context(), request)
}

func TestReindex(t *testing.T) {
	h := open(t)
	h.put(extended("p", "ward", "a"))
	h.put(defined("ward", "active"))
	h.put(defined("bed", "draft"))
	h.settled()
	for _, call := range []struct {
		id, query, body, words string
	}{
		{"ward", "", "", `{"name":"url","valueUri":"http://example.org/ward"}`},
		{"", "url=http://example.org/ward", "", `"valueUri":"http://example.org/ward"`},
		{"", "", `{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"http://hl7.org/fhir/SearchParameter/Patient-name"},{"name":"type","valueCode":"Patient"}]}`, `SearchParameter/Patient-name`},
		{"", "type=Patient", "", `{"name":"type","valueCode":"Patient"}`},
		{"", "", "", `"name":"refresh"`},
	} {
		var body *resources.Document
		if call.body != "" {
			body = h.doc(call.body)
		}
		result, err := h.callReindex("POST", call.id, call.query, body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(result.Resource), call.words) {
			t.Errorf("%v: got %s", call, result.Resource)
		}
		h.settled()
		got := h.reindex("GET", call.id, call.query)
		if strings.Contains(got, "in-progress") || !strings.Contains(got, `"name":"refresh"`) {
			t.Errorf("%v when it is done: %s", call, got)
		}
		equal(t, "ward", h.count("Patient", "ward=a"), 1)
		equal(t, "name", h.count("Patient", "name:missing=true"), 1)
	}
	_, err := h.callReindex("POST", "", "url=http://example.org/none&type=Human", nil)
	wantRefusal(t, err, outcome.Value, outcome.StageSyntax, "Human", "http://example.org/none")
	_, err = h.callReindex("POST", "bed", "", nil)
	wantRefusal(t, err, outcome.Conflict, outcome.StageDefault, "is not in use")
	for _, call := range []struct{ id, query, body, words string }{
		{"", "typ=Patient", "", `no parameter "typ"; valid are url and type`},
		{"", "", `{"resourceType":"Parameters","parameter":[{"name":"urls","valueUri":"http://example.org/ward"}]}`, `no parameter "urls"`},
		{"ward", "type=Patient", "", `no parameter "type"; of one definition it takes none`},
		{"", "", `{"resourceType":"Patient"}`, "takes a Parameters resource or nothing"},
	} {
		var body *resources.Document
		if call.body != "" {
			body = h.doc(call.body)
		}
		_, err = h.callReindex("POST", call.id, call.query, body)
		if err == nil || !strings.Contains(err.Error(), call.words) {
			t.Errorf("%v: got %v", call, err)
		}
	}
	_, err = h.callReindex("POST", "none", "", nil)
	wantRefusal(t, err, outcome.NotFound, outcome.StageDefault)
}

// TestFailuresAreTold: an expression that cannot be evaluated on a resource costs its value, and is counted.
func TestFailuresAreTold(t *testing.T) {
	h := open(t)
	h.put(`{"resourceType":"Patient","id":"p","name":[{"given":["Ada","Augusta"]}]}`)
	h.put(`{"resourceType":"Patient","id":"q","name":[{"given":["Bea"]}]}`)
	h.put(strings.Replace(defined("ward", "active"), "Patient.extension('http://example.org/ward').value.ofType(code)", "Patient.name.where(given + 'x' = 'Beax').given", 1))
	h.settled()
	equal(t, "found", names(h.search("Patient", "ward=Bea")), "Patient/q")
	if got := h.reindex("GET", "ward", ""); !strings.Contains(got, `{"name":"failed","valueDecimal":1}`) {
		t.Errorf("$reindex does not tell of the failure: %s", got)
	}
}

// TestCallsOfReindexAreBounded: the same call again is the one that waits; too many others are refused.
func TestCallsOfReindexAreBounded(t *testing.T) {
	h := with(t, fhir.Options{Passive: true})
	types := definitions.R4().ResourceNames()
	for i := range 100 {
		for range 2 {
			if _, err := h.callReindex("POST", "", "type="+types[i], nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := h.callReindex("POST", "", "type="+types[100], nil)
	wantRefusal(t, err, outcome.Throttled, outcome.StageDefault, "100 calls")
}
