package mongodb

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"kiln/store"
	"kiln/store/mongodb/peer"
	"kiln/store/storetest"
)

// checked is a store whose database a test damages.
type checked struct {
	*testing.T
	*Store
}

// newChecked has resources with histories, claims, a tombstone and a body that is too large for a document.
func newChecked(t *testing.T) checked {
	t.Helper()
	server := peer.Start(t)
	s, err := Open(t.Context(), server.URL, Options{
		Database: server.Database(t), Now: storetest.NewClock().Now, Parameters: storetest.Parameters(),
		WithoutTransactions: server.Limited, RawBytes: server.Limited,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := checked{t, s}
	c.commit(storetest.Claiming(storetest.Put("Patient/a", `"active":true`), "bed 1", "bed 2"), storetest.Put("Patient/b"), storetest.Put("Observation/x"))
	c.commit(storetest.Claiming(storetest.Put("Patient/a", `"active":false`), "bed 1"), storetest.Put("Patient/b", `"gender":"other"`))
	c.commit(storetest.Delete("Observation/x"), storetest.Put("Binary/large", `"contentType":"text/plain"`, `"data":"`+strings.Repeat("eHh4", 80<<10)+`"`))
	return c
}

func (c checked) commit(changes ...store.Change) {
	c.Helper()
	if _, err := c.Commit(c.Context(), store.Transaction{Changes: changes}); err != nil {
		c.Fatal(err)
	}
}

func (c checked) in(collection string) *mongo.Collection { return c.db.Collection(collection) }

func (c checked) change(collection, name string, member string, value any) {
	c.Helper()
	result, err := c.in(collection).UpdateOne(c.Context(), byID(name), bson.D{{Key: "$set", Value: bson.D{{Key: member, Value: value}}}})
	if err != nil || result.MatchedCount != 1 {
		c.Fatalf("changing %s of %s in %s: %+v %v", member, name, collection, result, err)
	}
}

func (c checked) remove(collection string, name any) {
	c.Helper()
	result, err := c.in(collection).DeleteOne(c.Context(), byID(name))
	if err != nil || result.DeletedCount != 1 {
		c.Fatalf("removing %v from %s: %+v %v", name, collection, result, err)
	}
}

func (c checked) problems(what string, want ...string) {
	c.Helper()
	var got []string
	if err := c.Check(c.Context(), func(p Problem) { got = append(got, p.String()) }); err != nil {
		c.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.Errorf("%s, the check finds\n%s\nand not\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// damages are what may happen to a database, what the check says of it, and what is left of that after a repair.
var damages = []struct {
	name        string
	do          func(c checked)
	want, stays []string
}{
	{name: "nothing", do: func(checked) {}},
	{
		name: "index keys are gone", do: func(c checked) { c.change("Patient", "a", "ix.k", bson.A{}) },
		want: []string{"index of Patient/a, version 2: what it is found by is not what it gives"},
	},
	{
		name: "index values are others", do: func(c checked) { c.change("Patient", "b", "ix.v", []byte("\x01")) },
		want: []string{"index of Patient/b, version 2: what it is found by is not what it gives"},
	},
	{
		name: "a version is lost", do: func(c checked) { c.remove("Patient_history", "a/1") },
		want:  []string{"feed of Patient/a, version 1: position 1 tells of it, and it is not there", "history of Patient/a, version 2: the version before is missing"},
		stays: []string{"feed of Patient/a, version 1: position 1 tells of it, and it is not there", "history of Patient/a, version 2: the version before is missing"},
	},
	{
		name: "a line of the feed is lost", do: func(c checked) { c.remove(feedCollection, int64(2)) },
		want:  []string{"feed: position 2 is missing", "history of Patient/b, version 1: the feed does not tell of it"},
		stays: []string{"feed: position 2 is missing", "history of Patient/b, version 1: the feed does not tell of it"},
	},
	{
		name: "a body is another's", do: func(c checked) { c.change("Patient", "b", "raw", []byte(`{"resourceType":"Patient","id":"a"}`)) },
		want: []string{
			"index of Patient/b, version 2: what it is found by is not what it gives", "resource of Patient/b, version 2: its body is that of another resource",
		},
		stays: []string{"resource of Patient/b, version 2: its body is that of another resource"},
	},
	{
		name: "a body is no JSON", do: func(c checked) { c.change("Patient", "b", "raw", []byte(`{`)) },
		want:  []string{"resource of Patient/b, version 2: its body is not the JSON of a resource"},
		stays: []string{"resource of Patient/b, version 2: its body is not the JSON of a resource"},
	},
	{
		name: "a body says another version", do: func(c checked) {
			var d document
			if err := c.in("Patient").FindOne(c.Context(), byID("b")).Decode(&d); err != nil {
				c.Fatal(err)
			}
			body, err := c.body(c.Context(), &d)
			if err != nil {
				c.Fatal(err)
			}
			c.change("Patient", "b", "raw", bytes.Replace(body, []byte(`"versionId":"2"`), []byte(`"versionId":"3"`), 1))
		},
		want:  []string{"resource of Patient/b, version 2: its body says another version or time"},
		stays: []string{"resource of Patient/b, version 2: its body says another version or time"},
	},
	{
		name: "a large body is lost", do: func(c checked) {
			var d document
			if err := c.in("Binary").FindOne(c.Context(), byID("large")).Decode(&d); err != nil || d.Large == "" {
				c.Fatal("the body is not in GridFS", err)
			}
			c.remove("large.files", d.Large)
		},
		want:  []string{"resource of Binary/large, version 1: its body cannot be read"},
		stays: []string{"resource of Binary/large, version 1: its body cannot be read"},
	},
	{
		name: "a claim is not noted", do: func(c checked) { c.remove(claimsCollection, "bed 1") },
		want: []string{"claim of Patient/a, version 2: it holds a claim that is not noted as its own"},
	},
	{
		name: "a claim is noted as another's", do: func(c checked) { c.change(claimsCollection, "bed 1", "id", "b") },
		want: []string{"claim of Patient/a, version 2: it holds a claim that is not noted as its own"},
	},
	{
		name: "a claim that nobody holds is noted", do: func(c checked) {
			if _, err := c.in(claimsCollection).InsertOne(c.Context(), claim{Name: "bed 9", Type: "Patient", ID: "b", Turn: 1}); err != nil {
				c.Fatal(err)
			}
		},
		want: []string{"claim of Patient/b: it is noted to hold a claim that it does not hold"},
	},
	{
		name: "an index of the database is dropped", do: func(c checked) {
			if err := c.in("Patient").Indexes().DropOne(c.Context(), "pos_1"); err != nil {
				c.Fatal(err)
			}
		},
		want: []string{"database: the collection Patient has no index on pos"},
	},
}

func TestCheckFindsWhatWasDamaged(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			c := newChecked(t)
			d.do(c)
			c.problems("damaged", d.want...)
			err := c.Repair(t.Context())
			if (err != nil) != (len(d.stays) > 0) {
				t.Errorf("the repair says %v; %d problems are beyond it", err, len(d.stays))
			}
			c.problems("repaired", d.stays...)
		})
	}
}

func TestCheckWhileOthersWrite(t *testing.T) {
	c := newChecked(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			c.commit(storetest.Claiming(storetest.Put("Patient/a"), "bed 1"), storetest.Put("Patient/new"))
		}
	}()
	for range 5 {
		c.problems("while others write")
	}
	<-done
	c.problems("afterwards")
}
