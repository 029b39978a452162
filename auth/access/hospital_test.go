package access_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"kiln/auth"
	"kiln/auth/access"
	"kiln/auth/policy"
	"kiln/auth/scope"
	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources"
	"kiln/store"
	"kiln/store/memory"
	"kiln/store/mongodb"
	"kiln/store/mongodb/peer"
	"kiln/store/pebble"
)

var engines = flag.String("engines", "memory,shared,pebble,mongodb", "storage engines to run the tests on")

var openEngine = map[string]func(t testing.TB, now func() time.Time) (store.Store, error){
	"memory": func(t testing.TB, now func() time.Time) (store.Store, error) {
		return memory.New(memory.Options{Now: now, Parameters: fhirtest.Parameters(t)}), nil
	},
	"shared": func(t testing.TB, now func() time.Time) (store.Store, error) {
		return memory.New(memory.Options{Now: now, Parameters: fhirtest.Parameters(t), Shared: true}), nil
	},
	"pebble": func(t testing.TB, now func() time.Time) (store.Store, error) {
		return pebble.Open(t.TempDir(), pebble.Options{Now: now, Parameters: fhirtest.Parameters(t)})
	},
	"mongodb": func(t testing.TB, now func() time.Time) (store.Store, error) {
		server := peer.Start(t)
		return mongodb.Open(t.Context(), server.URL, mongodb.Options{
			Now: now, Parameters: fhirtest.Parameters(t), Database: server.Database(t),
			WithoutTransactions: server.Limited, RawBytes: server.Limited,
		})
	},
}

// onEngines runs a test on each engine.
func onEngines(t *testing.T, test func(t *testing.T, h *hospital)) {
	for name := range strings.SplitSeq(*engines, ",") {
		t.Run(name, func(t *testing.T) { test(t, open(t, name)) })
	}
}

// hospital is a service with an authorizer, on an engine of its own.
type hospital struct {
	*fhir.Service
	testing.TB
	store      store.Store
	authorizer *access.Authorizer
	policy     *policy.Current
	broken     []access.Glass

	mutex  sync.Mutex
	time   time.Time
	people map[string]*auth.Principal // by what they are
}

// now is a clock that each look moves on by a millisecond.
func (h *hospital) now() time.Time {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.time = h.time.Add(time.Millisecond)
	return h.time
}

// pass lets time pass.
func (h *hospital) pass(d time.Duration) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.time = h.time.Add(d)
}

func open(t testing.TB, engine string) *hospital {
	t.Helper()
	h := &hospital{TB: t, people: map[string]*auth.Principal{}, time: time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)}
	opened, err := openEngine[engine](t, h.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	h.store = opened
	if h.policy, err = policy.NewCurrent(nil); err != nil {
		t.Fatal(err)
	}
	parameters := fhirtest.Parameters(t).Copy()
	h.authorizer, err = access.New(access.Options{
		Store: opened, Parameters: parameters, Policy: h.policy, BaseURL: fhirtest.BaseURL, Now: h.now,
		GlassBroken: func(_ context.Context, glass access.Glass) error { h.broken = append(h.broken, glass); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Service = fhirtest.NewService(t, opened, fhir.Options{
		Parameters: parameters, Authorizer: h.authorizer, Now: h.now, BaseURL: fhirtest.BaseURL,
		Operations: []fhir.Operation{h.authorizer.BreakGlass()},
	})
	return h
}

// all are the permissions of a full scope.
const all = scope.Create | scope.Read | scope.Update | scope.Delete | scope.Search

// person is a context of one request by somebody of a rank, with all scopes for a person.
func (h *hospital) person(rank, fhirUser string) context.Context {
	return h.principal(auth.Principal{User: rank + " " + fhirUser, Rank: rank, FHIRUser: fhirUser})
}

// principal is a context of one request. Without scopes it has user/*.cruds. Whoever asks again does so with the same token,
// for decisions to be kept.
func (h *hospital) principal(p auth.Principal) context.Context {
	if p.Client == "" {
		p.Client = "app"
	}
	if p.Scopes == nil {
		p.Scopes = scope.Set{{Level: scope.User, Type: "*", Permissions: all}}
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	name := fmt.Sprintf("%#v", p)
	who := h.people[name]
	if who == nil || h.time.Sub(who.AuthTime) > 20*time.Hour {
		p.AuthTime = h.time
		who = &p
		h.people[name] = who
	}
	return auth.NewContext(h.Context(), who)
}

// root is a context of one request by who may do everything.
func (h *hospital) root() context.Context {
	return h.principal(auth.Principal{Client: "backend", Scopes: scope.Set{{Level: scope.System, Type: "*", Permissions: all}}})
}

// put stores resources as root.
func (h *hospital) put(texts ...string) {
	h.Helper()
	for _, text := range texts {
		doc := h.doc(text)
		key := store.Key{Type: doc.Text(doc.Member(0, "resourceType")), ID: doc.Text(doc.Member(0, "id"))}
		if _, err := h.Update(h.root(), fhir.UpdateRequest{Key: key, Resource: doc}); err != nil {
			h.Fatalf("%s: %v", text, err)
		}
	}
}

func (h *hospital) doc(text string) *resources.Document { return fhirtest.Doc(h, text) }

// found are the ids of the entries of a search, sorted by their places, matches and included.
func (h *hospital) found(ctx context.Context, typ, query string) (string, error) {
	bundle, err := h.Search(ctx, fhir.SearchRequest{Type: typ, Query: query})
	if err != nil {
		return "", err
	}
	var list []string
	for _, e := range bundle.Entries {
		if e.Mode != "outcome" {
			list = append(list, strings.TrimPrefix(e.FullURL, fhirtest.BaseURL+"/"))
		}
	}
	return strings.Join(list, " "), nil
}

func key(text string) store.Key {
	typ, id, _ := strings.Cut(text, "/")
	return store.Key{Type: typ, ID: id}
}

// reads reports whether somebody may read a resource.
func (h *hospital) reads(ctx context.Context, name string) bool {
	h.Helper()
	_, err := h.Read(ctx, key(name))
	return err == nil
}

func deleting(name string) fhir.DeleteRequest { return fhir.DeleteRequest{Key: key(name)} }

// change puts a policy in force in which some text is another.
func (h *hospital) change(old, text string) {
	h.Helper()
	was := string(policy.Default())
	if !strings.Contains(was, old) {
		h.Fatalf("the policy has no %s", old)
	}
	p, err := policy.Load([]byte(strings.Replace(was, old, text, 1)))
	if err != nil {
		h.Fatal(err)
	}
	h.policy.Set(p)
}
