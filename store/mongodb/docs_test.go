package mongodb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/resources"
	"kiln/store"
	"kiln/store/mongodb/peer"
	"kiln/store/storetest"
)

// documented finds the queries of the guide, each with what it gives: a document a line.
var documented = regexp.MustCompile("(?s)```js\n(db\\..*?)\n```\n\n```json\n(.*?)\n```")

// shellCall is a query as it is written in mongosh.
var shellCall = regexp.MustCompile(`(?s)^db\.(\w+)\.(\w+)\((.*?)\)(?:\.sort\((.*?)\))?(?:\.limit\((\d+)\))?$`)

var isoDate = regexp.MustCompile(`ISODate\(("[^"]*")\)`)

// TestDocumentedQueries asks what the guide asks, and expects what it shows.
func TestDocumentedQueries(t *testing.T) {
	guide, err := os.ReadFile("../../docs/mongodb.md")
	if err != nil {
		t.Fatal(err)
	}
	s := ward(t)
	found := documented.FindAllStringSubmatch(string(guide), -1)
	if len(found) < 6 {
		t.Fatalf("the guide has %d queries", len(found))
	}
	for _, query := range found {
		got, err := s.shell(t, query[1])
		if err != nil {
			t.Errorf("%s: %v", query[1], err)
		} else if diff := cmp.Diff(strings.Split(query[2], "\n"), got); diff != "" {
			t.Errorf("%s:\n%s", query[1], diff)
		}
	}
}

// TestDocumentedDocument compares the document that the guide shows with what lies in the database.
func TestDocumentedDocument(t *testing.T) {
	guide, err := os.ReadFile("../../docs/mongodb.md")
	if err != nil {
		t.Fatal(err)
	}
	shownFirst := regexp.MustCompile("(?s)```json\n(.*?)\n```").FindSubmatch(guide)
	if shownFirst == nil {
		t.Fatal("the guide shows no document")
	}
	var want bytes.Buffer
	if err := json.Compact(&want, shownFirst[1]); err != nil {
		t.Fatal(err)
	}
	found, err := ward(t).shell(t, `db.Patient.find({ "_id": "lind" })`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{want.String()}, found); diff != "" {
		t.Errorf("another document is shown than stored:\n%s", diff)
	}
}

// shell does what mongosh does with a query.
func (s *Store) shell(t *testing.T, text string) ([]string, error) {
	t.Helper()
	parts := shellCall.FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("%q is not read by this test", text)
	}
	collection := s.db.Collection(parts[1])
	arguments := shellValue(t, "["+parts[3]+"]").(bson.A)
	switch parts[2] {
	case "find":
		return s.shellFind(t, collection, arguments, parts[4], parts[5])
	case "countDocuments":
		n, err := collection.CountDocuments(t.Context(), arguments[0])
		return []string{fmt.Sprint(n)}, err
	case "aggregate":
		found, err := collection.Aggregate(t.Context(), arguments[0])
		if err != nil {
			return nil, err
		}
		return shown(t, found)
	}
	return nil, fmt.Errorf("%s is not read by this test", parts[2])
}

func (s *Store) shellFind(t *testing.T, collection *mongo.Collection, arguments bson.A, sort, limit string) ([]string, error) {
	t.Helper()
	how := options.Find()
	if len(arguments) > 1 {
		how.SetProjection(arguments[1])
	}
	if sort != "" {
		how.SetSort(shellValue(t, sort))
	}
	if limit != "" {
		var n int64
		if _, err := fmt.Sscan(limit, &n); err != nil {
			return nil, err
		}
		how.SetLimit(n)
	}
	found, err := collection.Find(t.Context(), arguments[0], how)
	if err != nil {
		return nil, err
	}
	return shown(t, found)
}

func shellValue(t *testing.T, text string) any {
	t.Helper()
	var holder bson.D
	text = isoDate.ReplaceAllString(text, `{"$$date":$1}`)
	if err := bson.UnmarshalExtJSON([]byte(`{"value":`+text+`}`), false, &holder); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return holder[0].Value
}

// shown are documents as the guide shows them.
func shown(t *testing.T, found *mongo.Cursor) (lines []string, err error) {
	t.Helper()
	for found.Next(t.Context()) {
		text, err := bson.MarshalExtJSON(found.Current, false, false)
		if err != nil {
			return nil, err
		}
		lines = append(lines, string(bytes.TrimSpace(text)))
	}
	return lines, found.Err()
}

// ward is a store with the resources of the guide.
func ward(t *testing.T) *Store {
	t.Helper()
	text, err := os.ReadFile("testdata/ward.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	clock := storetest.NewClock()
	clock.Set(time.Date(2024, 3, 1, 7, 0, 0, 0, time.UTC))
	server := peer.Start(t)
	s, err := Open(t.Context(), server.URL, Options{
		Parameters: newParameters(t), Now: clock.Now, Database: server.Database(t), WithoutTransactions: server.Limited,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		clock.Advance(time.Hour)
		s.admit(t, line)
	}
	return s
}

// admit commits a resource.
func (s *Store) admit(t *testing.T, line []byte) {
	t.Helper()
	parsed, err := resources.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	resource, err := parsed.Resource()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.options.Parameters.Extract(t.Context(), resource)
	if err != nil {
		t.Fatal(err)
	}
	key := store.Key{Type: resource.Type().Name, ID: resource.First("id").Text()}
	change := store.Change{Key: key, Method: store.Update, Content: parsed.Stamp(key.ID), Entries: entries}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{change}}); err != nil {
		t.Fatal(err)
	}
}
