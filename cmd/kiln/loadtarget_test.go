package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoadEndsWhereTheStoreFails: what the store could not do is no refusal of the resource, which
// nobody would load again.
func TestLoadEndsWhereTheStoreFails(t *testing.T) {
	for _, typ := range []string{"batch", "transaction"} {
		t.Run(typ, func(t *testing.T) {
			to, err := loadTarget(t.Context(), localPlan("memory:"), "", "")
			if err != nil {
				t.Fatal(err)
			}
			g := group{places: []string{"a.json"}, given: []byte(`{"resourceType":"Bundle","type":"` + typ + `","entry":[
				{"resource":{"resourceType":"Patient","active":"no"},"request":{"method":"POST","url":"Patient"}}]}`)}
			refused, err := to.Send(t.Context(), g)
			if err != nil || len(refused) != 1 || !strings.Contains(refused[0].reason, "entry[0].resource.active") {
				t.Errorf("a resource that breaks a rule: %v, %v", refused, err)
			}
			g.given = []byte(strings.Replace(string(g.given), `"no"`, "false", 1))
			if err := to.Close(); err != nil {
				t.Fatal(err)
			}
			if refused, err := to.Send(t.Context(), g); err == nil {
				t.Errorf("a store that is closed: %v", refused)
			}
		})
	}
}

// TestLoadAsksTheServerWhetherItHasWhatWasSent: behind the same address there may be a new store by
// now, and then what was loaded into the old one is not there.
func TestLoadAsksTheServerWhetherItHasWhatWasSent(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	has := true
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			fmt.Fprintf(w, `{"resourceType":"Bundle","type":"transaction-response","entry":[{"response":{"status":"201","location":"%s/fhir/Patient/a/_history/1"}}]}`, server.URL)
		case r.URL.Path != "/fhir/Patient/a/_history/1" || r.Method != http.MethodHead:
			t.Errorf("%s %s; expected HEAD of what was made", r.Method, r.URL)
		case !has:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	open := func() target {
		to, err := loadTarget(t.Context(), localPlan(""), server.URL+"/fhir", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = to.Close() })
		return to
	}
	g := group{places: []string{"a.json"}, given: []byte(`{"resourceType":"Bundle","type":"transaction"}`), once: "a"}
	if refused, err := open().Send(t.Context(), g); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	for _, has = range []bool{true, false} {
		if done, err := open().Done(t.Context(), "a"); err != nil || done != has {
			t.Errorf("a server that has it: %v; it counts as loaded: %v (%v)", has, done, err)
		}
	}
	if done, err := open().Done(t.Context(), "b"); err != nil || done {
		t.Errorf("what was never sent counts as loaded: %v (%v)", done, err)
	}
}

// TestLoadKeepsARecordForEachServer: what one server has says nothing of another.
func TestLoadKeepsARecordForEachServer(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for range 2 {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"resourceType":"Bundle","type":"transaction-response"}`) // tells no address to ask for
		}))
		defer server.Close()
		to, err := loadTarget(t.Context(), localPlan(""), server.URL+"/fhir", "")
		if err != nil {
			t.Fatal(err)
		}
		if done, err := to.Done(t.Context(), "a"); err != nil || done {
			t.Errorf("what another server got counts as loaded: %v (%v)", done, err)
		}
		g := group{places: []string{"a.json"}, given: []byte(`{"resourceType":"Bundle","type":"transaction"}`), once: "a"}
		if refused, err := to.Send(t.Context(), g); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLoadSendsItsToken: with a token that the server takes it loads, with another nothing counts as loaded.
func TestLoadSendsItsToken(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"login","diagnostics":"Sign in."}]}`)
			return
		}
		fmt.Fprintf(w, `{"resourceType":"Bundle","type":"transaction-response","entry":[{"response":{"status":"201","location":"%s/fhir/Patient/a/_history/1"}}]}`, server.URL)
	}))
	defer server.Close()
	g := group{places: []string{"a.json"}, given: []byte(`{"resourceType":"Bundle","type":"transaction"}`), once: "a"}
	for _, c := range []struct{ token, want string }{{"good\n", ""}, {"bad", "401"}} {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(c.token), 0o600); err != nil {
			t.Fatal(err)
		}
		to, err := loadTarget(t.Context(), localPlan(""), server.URL+"/fhir", file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = to.Send(t.Context(), g)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("with %q sending gives %v", c.token, err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// What went in is asked for with the token, and a refusal is no answer to the question whether it is there.
	to, err := loadTarget(t.Context(), localPlan(""), server.URL+"/fhir", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	if done, err := to.Done(t.Context(), "a"); err == nil || done || !strings.Contains(err.Error(), "401") {
		t.Errorf("without a token what went in counts as %v, %v", done, err)
	}
}
