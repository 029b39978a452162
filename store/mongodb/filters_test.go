package mongodb

import (
	"context"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	events "go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
	"kiln/store/mongodb/peer"
)

// allowedOperators are what every server understands that speaks the protocol.
var allowedOperators = map[string]bool{
	"$and": true, "$or": true, "$in": true, "$gt": true, "$gte": true, "$lt": true, "$lte": true,
}

// overheard are the finds that were sent to a server.
type overheard struct {
	mu    sync.Mutex
	finds []bson.Raw
}

func (o *overheard) monitor() *events.CommandMonitor {
	return &events.CommandMonitor{Started: func(_ context.Context, e *events.CommandStartedEvent) {
		if e.CommandName == "find" && e.Command.Lookup("find").StringValue() != kilnCollection {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.finds = append(o.finds, append(bson.Raw{}, e.Command...))
		}
	}}
}

func (o *overheard) take() []bson.Raw {
	o.mu.Lock()
	defer o.mu.Unlock()
	finds := o.finds
	o.finds = nil
	return finds
}

// TestFindsAreServedByIndexes listens to what kinds of search send: operators that all servers know, and, where
// the server explains itself, nothing that is not served by an index.
func TestFindsAreServedByIndexes(t *testing.T) {
	server := peer.Start(t)
	s, err := Open(t.Context(), server.URL, Options{
		Parameters: searchParameters(), Database: server.Database(t), WithoutTransactions: server.Limited, RawBytes: server.Limited,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	heard := &overheard{}
	client, err := mongo.Connect(options.Client().ApplyURI(server.URL).SetMonitor(heard.monitor()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) }()
	r := seeded(t, 3)
	for _, typ := range crowdedTypes {
		for _, id := range []string{"r1", "r2"} {
			if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{updateOf(t, searchtest.RandomResource(r, typ, id), id)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.db = client.Database(s.db.Name())
	for _, address := range kindsOfSearch {
		query := queryOf(t, address)
		query.Count = 5
		if _, err := s.Search(t.Context(), query, nil); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		finds := heard.take()
		if len(finds) == 0 {
			t.Errorf("%s: nothing was asked", address)
		}
		for _, find := range finds {
			onlyAllowed(t, address, find.Lookup("filter"))
			if !server.Limited {
				indexed := explained(t, s.db, find)
				if strings.Contains(indexed, "COLLSCAN") || !strings.Contains(indexed, "IXSCAN") && !strings.Contains(indexed, "IDHACK") && !strings.Contains(indexed, "EOF") {
					t.Errorf("%s: %s is not served by an index: %s", address, find.Lookup("filter"), indexed)
				}
			}
		}
	}
}

func queryOf(t *testing.T, address string) *search.Query {
	t.Helper()
	typ, text, _ := strings.Cut(address, "?")
	pairs, err := search.ReadQueryString(text)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	query, _, err := searchParameters().Parse([]string{typ}, pairs, search.ParseOptions{})
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return query
}

// onlyAllowed looks at the operators of a filter; others but a pattern are written with a dollar.
func onlyAllowed(t *testing.T, address string, v bson.RawValue) {
	t.Helper()
	switch v.Type {
	case bson.TypeRegex:
		if pattern, flags := v.Regex(); !strings.HasPrefix(pattern, "^") || flags != "" {
			t.Errorf("%s: the pattern %q is not one that an index serves", address, pattern)
		}
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		elements, err := bson.Raw(v.Value).Elements()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range elements {
			if strings.HasPrefix(e.Key(), "$") && !allowedOperators[e.Key()] {
				t.Errorf("%s: the operator %s is not one that all servers know", address, e.Key())
			}
			onlyAllowed(t, address, e.Value())
		}
	}
}

func explained(t *testing.T, db *mongo.Database, find bson.Raw) string {
	t.Helper()
	asked := bson.D{}
	for _, name := range []string{"find", "filter", "sort", "limit"} {
		if v, err := find.LookupErr(name); err == nil {
			asked = append(asked, bson.E{Key: name, Value: v})
		}
	}
	raw, err := db.RunCommand(t.Context(), bson.D{{Key: "explain", Value: asked}, {Key: "verbosity", Value: "queryPlanner"}}).Raw()
	if err != nil {
		t.Fatal(err)
	}
	return raw.Lookup("queryPlanner", "winningPlan").String()
}

// kindsOfSearch has each kind of condition.
var kindsOfSearch = []string{
	"Patient?", "Patient?_id=r1", "Patient?_lastUpdated=gt2020", "Patient?family=li", "Patient?family:exact=Lind", "Patient?family:contains=in",
	"Patient?gender=male", "Patient?identifier=urn:oid:1|2", "Patient?identifier=urn:oid:1|", "Patient?birthdate=ge1970",
	"Patient?birthdate=1970-05", "Patient?birthdate:missing=true", "Patient?gender:not=male", "Patient?_content=lind",
	"Patient?general-practitioner.name=x", "Patient?_has:Observation:subject:code=1234-5", "Patient?_sort=birthdate",
	"Patient?_contained=true&family=li", "Observation?code:text=blo", "Observation?subject=Patient/r1", "Observation?subject:Patient.family=li",
	"Observation?value-quantity=gt5|http://unitsofmeasure.org|mg", "Observation?code-value-quantity=1234-5$gt5",
	"ValueSet?url:below=http://example.org/", "Location?near=52|4|10|km", "Location?partof:below=r1", "RiskAssessment?probability=gt0.5",
}

// TestSelectiveSearchesAreLowered holds kinds of search to what the database is asked for.
func TestSelectiveSearchesAreLowered(t *testing.T) {
	for address, want := range map[string]string{
		"Patient?":                                                   `{}`,
		"Patient?_id=a":                                              `{"_id": "a"}`,
		"Patient?_id=a,b":                                            `{"_id": {"$in": ["a","b"]}}`,
		"Patient?family=Li":                                          `{"ix.k": /^family=li/}`,
		"Patient?family:exact=Lind":                                  `{"ix.k": "family=lind"}`,
		"Patient?family:contains=ind":                                `{"ix.k": "family"}`,
		"Patient?gender=male":                                        `{"ix.k": "gender=male"}`,
		"Patient?gender=male,female":                                 `{"ix.k": {"$in": ["gender=male","gender=female"]}}`,
		"Patient?gender:not=male":                                    `{}`,
		"Patient?gender:missing=false":                               `{"ix.k": "gender"}`,
		"Patient?identifier=urn:x|7":                                 `{"ix.k": "identifier=urn:x|7"}`,
		"Patient?identifier=urn:x|":                                  `{"ix.k": "identifier=urn:x|"}`,
		"Patient?identifier=|7":                                      `{"ix.k": "identifier=7"}`,
		"Patient?birthdate=1970-05-03":                               `{"ix.k": /^birthdate>=1970-05-03T/}`,
		"Patient?birthdate=1970":                                     `{"ix.k": /^birthdate>=1970-/}`,
		"Patient?_content=fever":                                     `{"ix.k": {"$in": ["_content=fever","_content=*"]}}`,
		"Observation?subject=Patient/a":                              `{"ix.k": "subject=Patient/a"}`,
		"Observation?subject=a":                                      `{"ix.k": "subject=a"}`,
		"Observation?code:text=Blood":                                `{"ix.k": /^code:text=blood/}`,
		"Observation?code-value-quantity=8480-6$gt5":                 `{"ix.k": "code-value-quantity$=8480-6"}`,
		"ValueSet?url=http://example.org/a":                          `{"ix.k": "url=http://example.org/a"}`,
		"ValueSet?url:below=http://example.org/a":                    `{"ix.k": /^url=http:\/\/example\.org\/a/}`,
		"Patient?_contained=true&_containedType=contained&family=li": `{"ix.k": /^#Patient\?family=li/}`,
	} {
		typ, _, _ := strings.Cut(address, "?")
		c, err := lowerQuery(queryOf(t, address), typ, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := shellOf(t, c.filter("_id")); got != want {
			t.Errorf("%s is lowered to\n%s, want\n%s", address, got, want)
		}
	}
}

// shellOf is a filter as one would write it.
func shellOf(t *testing.T, filter bson.D) string {
	t.Helper()
	raw, err := bson.Marshal(filter)
	if err != nil {
		t.Fatal(err)
	}
	return written(bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: raw})
}

func written(v bson.RawValue) string {
	switch v.Type {
	case bson.TypeRegex:
		pattern, _ := v.Regex()
		return "/" + strings.ReplaceAll(pattern, "/", `\/`) + "/"
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		elements, _ := bson.Raw(v.Value).Elements()
		var list []string
		for _, e := range elements {
			if v.Type == bson.TypeArray {
				list = append(list, written(e.Value()))
			} else {
				list = append(list, `"`+e.Key()+`": `+written(e.Value()))
			}
		}
		if v.Type == bson.TypeArray {
			return "[" + strings.Join(list, ",") + "]"
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	return v.String()
}
