package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/search"
	"kiln/store"
	"kiln/store/mongodb"
)

// batch is how many resources a transaction of a stream updates, and how many it creates.
const batch = 60

// stream is a row of large transactions. The n-th sets the same batch of resources to n, and makes a batch
// of new ones.
type stream struct {
	name     string
	answered atomic.Int64
}

func (s *stream) transaction(n int64) string {
	entries := make([]string, 0, 2*batch)
	for i := range batch {
		for _, id := range []string{fmt.Sprintf("%s-same-%d", s.name, i), fmt.Sprintf("%s-new%d-%d", s.name, n, i)} {
			entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":%q,"multipleBirthInteger":%d},"request":{"method":"PUT","url":"Patient/%s"}}`, id, n, id))
		}
	}
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
}

// run sends one transaction after the other until the server is gone.
func (s *stream) run(t *testing.T, server child) {
	for {
		status, text, err := send(http.MethodPost, server.base, s.transaction(s.answered.Load()+1))
		if err != nil {
			return
		}
		if status != http.StatusOK {
			t.Errorf("%d %s", status, text)
			return
		}
		s.answered.Add(1)
	}
}

// check finds how many transactions of the stream there are, each of them whole.
func (s *stream) check(t *testing.T, there map[string]int) (n int) {
	t.Helper()
	n = there[s.name+"-same-0"]
	if answered := int(s.answered.Load()); n != answered && n != answered+1 {
		t.Errorf("%s: %d transactions are there; %d were answered, and one more was sent", s.name, n, answered)
	}
	for i := range batch {
		if id := fmt.Sprintf("%s-same-%d", s.name, i); there[id] != n {
			t.Errorf("%s is of transaction %d; another of its batch is of %d", id, there[id], n)
		}
		for k := 1; k <= n; k++ {
			if id := fmt.Sprintf("%s-new%d-%d", s.name, k, i); there[id] != k {
				t.Errorf("%s of transaction %d of %d is missing", id, k, n)
			}
		}
	}
	news := 0
	for id := range there {
		if strings.HasPrefix(id, s.name+"-new") {
			news++
		}
	}
	if news != n*batch {
		t.Errorf("%s: %d resources were created; expected %d of %d transactions", s.name, news, n*batch, n)
	}
	return n
}

// patients reads the numbers of all patients, page by page.
func (c child) patients(t *testing.T) map[string]int {
	t.Helper()
	there := map[string]int{}
	for path := "/Patient?_count=1000"; path != ""; {
		var page searched
		if status := c.get(t, path, &page); status != http.StatusOK {
			t.Fatal(status, page.Issue)
		}
		for _, entry := range page.Entry {
			there[entry.Resource.ID] = entry.Resource.MultipleBirthInteger
		}
		path = strings.TrimPrefix(page.next(), c.base)
	}
	return there
}

// landing reports whether something that was intended on a server without transactions has not landed yet.
func (x database) landing(t *testing.T) bool {
	t.Helper()
	var head struct{ Turn int64 }
	if err := x.client.Database(x.name).Collection("kiln").FindOne(t.Context(), bson.D{{Key: "_id", Value: "head"}}).Decode(&head); err != nil {
		t.Fatal(err)
	}
	after := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: head.Turn}}}}
	n, err := x.client.Database(x.name).Collection("intents").CountDocuments(t.Context(), after)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// TestKilledAmidALanding kills a server while it writes a large transaction, again and again: the other one shows
// each transaction whole or not at all, at once and after it has written itself, and all that were answered.
func TestKilledAmidALanding(t *testing.T) {
	t.Parallel()
	x := newDatabase(t)
	left := x.serve()
	streams := []*stream{{name: "s"}, {name: "t"}}
	amid := 0
	for round := 0; amid < 2 && round < 10; round++ {
		killed := x.serve()
		var work sync.WaitGroup
		for _, s := range streams {
			work.Go(func() { s.run(t, killed) })
		}
		before := streams[0].answered.Load() + streams[1].answered.Load()
		for end := time.Now().Add(time.Minute); streams[0].answered.Load()+streams[1].answered.Load() == before; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("nothing is answered")
			}
		}
		for end := time.Now().Add(time.Minute); x.limited && !x.landing(t); {
			if time.Now().After(end) {
				t.Fatal("nothing lands")
			}
		}
		time.Sleep(time.Duration(10*round) * time.Millisecond)
		killed.kill(t)
		work.Wait()
		if !x.limited || x.landing(t) {
			amid++
		}
		there := left.patients(t)
		for _, s := range streams {
			s.check(t, there)
		}
		if status, text, err := send(http.MethodPost, left.base, ward(fmt.Sprintf("left%d", round))); status != http.StatusOK {
			t.Fatalf("the other server does not go on: %d %s %v", status, text, err)
		}
		there = left.patients(t)
		versions := 2 * (round + 1)
		for _, s := range streams {
			n := s.check(t, there)
			s.answered.Store(int64(n))
			versions += 2 * batch * n
		}
		var history searched
		if left.get(t, "/_history?_count=1", &history); history.Total != versions {
			t.Errorf("the history has %d versions; expected %d", history.Total, versions)
		}
		if t.Failed() {
			return
		}
	}
	if amid < 2 {
		t.Error("no landing was under way when the servers were killed")
	}
	t.Logf("%d and %d transactions", streams[0].answered.Load(), streams[1].answered.Load())
}

// TestLeaseOfAKilledServer kills the server that has the lease of indexing, amid the work: the other one takes the
// lease over and ends the work.
func TestLeaseOfAKilledServer(t *testing.T) {
	t.Parallel()
	x := newDatabase(t)
	s, err := mongodb.Open(t.Context(), x.url, mongodb.Options{Parameters: &search.Parameters{}, WithoutTransactions: x.limited, RawBytes: x.limited})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	holder := func() string {
		record, err := s.Records("leases").Get(t.Context(), "indexer")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return string(record.Value)
	}
	killed, left := x.serve(), child{}
	patients := 100 // which the peer takes seconds to index
	if !x.limited {
		patients = 20_000
	}
	for from := 0; from < patients; from += 100 {
		entries := make([]string, 100)
		for i := range entries {
			entries[i] = fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":"p%d","extension":[{"url":"http://example.org/ward","valueCode":"w%d"}]},"request":{"method":"PUT","url":"Patient/p%d"}}`, from+i, i%4, from+i)
		}
		bundle := `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
		if status, text, err := send(http.MethodPost, killed.base, bundle); status != http.StatusOK {
			t.Fatal(status, text, err)
		}
	}
	if status, text, err := send(http.MethodPut, killed.base+"/SearchParameter/ward", wardDefinition); status != http.StatusCreated {
		t.Fatal(status, text, err)
	}
	for end := time.Now().Add(time.Minute); holder() == ""; {
		if time.Now().After(end) {
			t.Fatal("nobody takes the lease")
		}
	}
	first := holder()
	left = x.serve()
	killed.kill(t)
	since := time.Now()
	if now := holder(); first == "" || now != first {
		t.Fatalf("the server had ended its work before it was killed: the lease is of %q, and was of %q", now, first)
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) { // seldom: indexing rests while requests come
		if _, complete := left.progress(t); complete {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the index does not become complete")
		}
	}
	t.Logf("complete %v after the holder was killed", time.Since(since).Round(100*time.Millisecond))
	if taken, err := s.Guard(t.Context(), "lease/indexer"); err != nil || taken != 2 {
		t.Errorf("the lease was taken %d times (%v); expected 2", taken, err)
	}
	var answer searched
	if status := left.get(t, "/Patient?ward=w3&_summary=count", &answer); status != http.StatusOK || answer.Total != patients/4 {
		t.Errorf("%d with %d matches; expected %d", status, answer.Total, patients/4)
	}
}
