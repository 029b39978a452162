package mongodb

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/resources"
	"kiln/store"
	"kiln/store/mongodb/peer"
)

func emptyStore(t *testing.T, options Options) *Store {
	t.Helper()
	server := peer.Start(t)
	return &Store{client: server.Client(), db: server.Client().Database(server.Database(t)), options: options}
}

func padded(typ string, size int) []byte {
	return []byte(`{"resourceType":"` + typ + `","id":"a","data":"` + strings.Repeat("QUJD", size/4) + `"}`)
}

// TestBody: the text comes back byte by byte, wherever it lies.
func TestBody(t *testing.T) {
	native, raw := emptyStore(t, Options{}), emptyStore(t, Options{RawBytes: true})
	tests := map[string]struct {
		store              *Store
		typ                string
		text               []byte
		document, own, big bool
	}{
		"native":          {native, "Patient", []byte(`{"resourceType":"Patient","id":"a","name":[{"text":"Åsa"}],"n":1.10}`), true, false, false},
		"spelled apart":   {native, "Patient", []byte(`{"resourceType":"Patient","id":"a","n":1e5,"name":"\u00c5sa"}`), true, true, false},
		"no document":     {native, "Patient", []byte(`{"resourceType":"Patient","id":"a","a.b":1}`), false, true, false},
		"text":            {raw, "Patient", []byte(`{"resourceType":"Patient","id":"a","n":1.10}`), false, true, false},
		"Binary":          {native, "Binary", padded("Binary", maxBinary-100), true, false, false},
		"large Binary":    {native, "Binary", padded("Binary", maxBinary), false, false, true},
		"as large":        {native, "DocumentReference", padded("DocumentReference", maxBinary), true, false, false},
		"large text":      {raw, "DocumentReference", padded("DocumentReference", maxDocument), false, false, true},
		"large resource":  {native, "DocumentReference", padded("DocumentReference", maxDocument), false, false, true},
		"large with both": {native, "Patient", append([]byte(" "), padded("Patient", maxDocument/2)...), false, false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &document{typ: test.typ, ID: "a", Version: 1, Large: "old", Raw: []byte("old")}
			if err := test.store.setBody(t.Context(), d, test.text); err != nil {
				t.Fatal(err)
			}
			if d.Resource != nil != test.document || d.Raw != nil != test.own || d.Large != "" != test.big {
				t.Errorf("document %v, text %v, file %v", d.Resource != nil, d.Raw != nil, d.Large != "")
			}
			if got, err := test.store.body(t.Context(), d); err != nil || !bytes.Equal(got, test.text) {
				t.Errorf("%.100s comes back as %.100s, %v", test.text, got, err)
			}
		})
	}
}

// TestCommittedBodies: every version has the text that was committed, wherever it lies, in the feed as well.
func TestCommittedBodies(t *testing.T) {
	server := peer.Start(t)
	s, err := Open(t.Context(), server.URL, Options{
		Parameters: newParameters(t), Database: server.Database(t), WithoutTransactions: server.Limited,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	texts := [][]byte{
		padded("Binary", maxBinary), padded("Binary", 100), []byte(`{"resourceType":"Binary","id":"a","contentType":"\u0061"}`), padded("Binary", 2*maxBinary),
	}
	var versions []store.Version
	for _, text := range texts {
		parsed, err := resources.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		change := store.Change{Key: store.Key{Type: "Binary", ID: "a"}, Method: store.Update, Content: parsed.Stamp("a")}
		made, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{change}})
		if err != nil {
			t.Fatal(err)
		}
		if want := change.Content.Bytes(made[0].VersionID, made[0].LastUpdated); !bytes.Equal(made[0].Body, want) {
			t.Errorf("version %d is told as %.100s", made[0].VersionID, made[0].Body)
		}
		versions = append(versions, made...)
	}
	feed, err := s.Changes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	for i, want := range versions {
		got, err := s.ReadVersion(t.Context(), want.Key, int64(i+1))
		if err != nil || !bytes.Equal(got.Body, want.Body) {
			t.Errorf("version %d is %.100s, %v", i+1, got.Body, err)
		}
		if e, err := feed.Next(t.Context()); err != nil || !bytes.Equal(e.Version.Body, want.Body) {
			t.Errorf("version %d in the feed is %.100s, %v", i+1, e.Version.Body, err)
		}
	}
}

// TestPreviewWritesNothing: a large body is shown, and no file is made of it.
func TestPreviewWritesNothing(t *testing.T) {
	server := peer.Start(t)
	s, err := Open(t.Context(), server.URL, Options{
		Parameters: newParameters(t), Database: server.Database(t), WithoutTransactions: server.Limited,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	parsed, err := resources.Parse(padded("Binary", 2*maxBinary))
	if err != nil {
		t.Fatal(err)
	}
	key := store.Key{Type: "Binary", ID: "a"}
	change := store.Change{Key: key, Method: store.Update, Content: parsed.Stamp("a")}
	shown, err := s.Preview(t.Context(), store.Transaction{Changes: []store.Change{change}})
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Close()
	got, err := shown.Read(t.Context(), key)
	if err != nil || !bytes.Equal(got.Body, change.Content.Bytes(1, got.LastUpdated)) {
		t.Errorf("the preview shows %.100s, %v", got.Body, err)
	}
	if n, err := s.db.Collection(notesCollection).CountDocuments(t.Context(), bson.D{}); n != 0 || err != nil {
		t.Errorf("there are %d notes of files, %v", n, err)
	}
}

func TestNoBody(t *testing.T) {
	s := &Store{}
	if body, err := s.body(t.Context(), &document{Deleted: true}); body != nil || err != nil {
		t.Errorf("a tombstone has the body %s, %v", body, err)
	}
	for _, d := range []*document{{}, {Resource: bson.Raw("damaged")}} {
		if body, err := s.body(t.Context(), d); !errors.Is(err, errBody) {
			t.Errorf("the body is %s, %v", body, err)
		}
	}
}

// TestBesideCounts: what a version is found by has its room in the document.
func TestBesideCounts(t *testing.T) {
	s := emptyStore(t, Options{})
	text := padded("Patient", maxDocument/2)
	d := &document{typ: "Patient", ID: "a", Index: &index{Values: make([]byte, maxDocument/2)}}
	if err := s.setBody(t.Context(), d, text); err != nil || d.Large == "" || d.Resource != nil {
		t.Errorf("the body stays, %v", err)
	}
	d.Index.Keys = []string{strings.Repeat("k", maxBeside)}
	if err := s.setBody(t.Context(), d, text); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("the error is %v", err)
	}
	for name, d := range map[string]*document{
		"many keys": {Index: &index{Keys: make([]string, 100_000)}, Claims: []bson.Binary{{Data: make([]byte, 1000)}}},
		"values":    {Index: &index{Keys: []string{"a"}, Values: make([]byte, 1<<20)}},
	} {
		without, err := bson.Marshal(d)
		if err != nil || len(without) > d.beside() {
			t.Errorf("%s take %d bytes, not %d, %v", name, len(without), d.beside(), err)
		}
	}
}

func TestDamagedFileIsNotGiven(t *testing.T) {
	s := emptyStore(t, Options{})
	key := store.Key{Type: "Binary", ID: "a"}
	file, err := s.upload(t.Context(), key, []byte("what was written"))
	if err != nil {
		t.Fatal(err)
	}
	chunks := s.bucket().GetChunksCollection()
	changed := bson.D{{Key: "$set", Value: bson.D{{Key: "data", Value: []byte("what was changed")}}}}
	if _, err := chunks.UpdateOne(t.Context(), bson.D{{Key: "files_id", Value: file}}, changed); err != nil {
		t.Fatal(err)
	}
	if text, err := s.download(t.Context(), file); !errors.Is(err, errBody) {
		t.Errorf("a changed file gives %q, %v", text, err)
	}
	if _, err := s.download(t.Context(), "none"); err == nil {
		t.Error("a file that is not there is read")
	}
}

// TestSweep: files that nothing refers to are removed a day later, not before, and no others.
func TestSweep(t *testing.T) {
	s := emptyStore(t, Options{})
	text := []byte("large")
	upload := func(age time.Duration) string {
		t.Helper()
		file, err := s.upload(t.Context(), store.Key{Type: "Binary", ID: "a"}, text)
		if err != nil {
			t.Fatal(err)
		}
		now, err := s.serverTime(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if age > 0 {
			older := bson.D{{Key: "$set", Value: bson.D{{Key: "since", Value: dateTime(now.Add(-age))}}}}
			if _, err := s.db.Collection(notesCollection).UpdateByID(t.Context(), file, older); err != nil {
				t.Fatal(err)
			}
		}
		return file
	}
	const old = lostAfter + time.Minute
	newest, earlier, lost, fresh := upload(old), upload(old), upload(old), upload(0)
	put := func(collection string, d any) {
		t.Helper()
		if _, err := s.db.Collection(collection).InsertOne(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	put("Binary", document{Name: "a", ID: "a", Version: 2, Large: newest})
	put("Binary_history", document{Name: "a/1", ID: "a", Version: 1, Large: earlier})
	put(intentsCollection, byID(int64(1)))
	sweep := func(want int) {
		t.Helper()
		if removed, err := s.sweepLarge(t.Context()); removed != want || err != nil {
			t.Fatalf("%d files are removed, not %d, %v", removed, want, err)
		}
	}
	sweep(0) // the intent may refer to one
	if _, err := s.db.Collection(intentsCollection).DeleteOne(t.Context(), byID(int64(1))); err != nil {
		t.Fatal(err)
	}
	sweep(1)
	sweep(0)
	for file, there := range map[string]bool{newest: true, earlier: true, fresh: true, lost: false} {
		if got, err := s.download(t.Context(), file); (err == nil) != there || there && !bytes.Equal(got, text) {
			t.Errorf("%s gives %q, %v", file, got, err)
		}
	}
	if n, err := s.bucket().GetChunksCollection().CountDocuments(t.Context(), bson.D{}); n != 3 || err != nil {
		t.Errorf("%d chunks are left, %v", n, err)
	}
	if n, err := s.db.Collection(notesCollection).CountDocuments(t.Context(), bson.D{}); n != 1 || err != nil {
		t.Errorf("%d notes are left, %v", n, err)
	}
}
