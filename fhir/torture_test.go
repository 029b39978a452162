package fhir_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

var tortureTime = flag.Duration("paging.time", 2*time.Second, "how long readers turn pages while others write, on each engine")

const (
	tortureWriters = 16
	tortureReaders = 4
)

// The kinds of resources under torture are told by the first letter of their ids.
const (
	stayers   = "s" // there and matching all the time; what they are sorted by changes
	togglers  = "t" // there all the time, matching now and then
	dying     = "d" // deleted and created again
	newcomers = "n" // new ones, deleted in the end
	strangers = "x" // never matching
)

// tortureCounts are how many there are of each kind.
var tortureCounts = map[string]int{stayers: 60, togglers: 40, dying: 40, newcomers: 400, strangers: 20}

// tortureQueries all find the stayers and none of the strangers.
var tortureQueries = []string{
	"status=final",
	"status=final&_sort=date",
	"status=final&_sort=-date&_total=accurate",
	"subject=Patient/p&status=final&_sort=-date",
	"subject=Patient/p&status=final&date=ge2000&date=lt2100&_sort=date",
	"status=final&_sort=-_lastUpdated",
	"status:not=cancelled&code=a&_sort=_lastUpdated&_total=accurate",
	"status=final&_sort=value-quantity,-date",
	"value-quantity=ge0&status=final&_sort=-value-quantity&_total=none",
	"_lastUpdated=ge2000&status=final&_sort=-_id&_total=accurate",
	"status=final&value-quantity=lt0,ge0&_total=accurate",
	"_filter=status+eq+final+and+date+ge+2000&_sort=status,date",
}

// TestPagingUnderTorture turns pages in both directions while others insert, update and delete: each page
// shows the state of the first. https://hl7.org/fhir/R4/http.html#paging leaves that to the server; store.Reader
// promises it.
func TestPagingUnderTorture(t *testing.T) {
	s := &torture{TB: t}
	if engine == "mongodb" && *tortureTime < 20*time.Second {
		t.Skip("in two seconds FerretDB turns few pages; name -paging.time=20s")
	}
	shared := newEngine(t, time.Now, fhirtest.Parameters(t))
	for range 2 { // two services, as two processes have them
		s.services = append(s.services, fhirtest.NewService(t, shared, fhir.Options{Now: time.Now, Integrity: fhir.IntegrityOff}))
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for kind, count := range tortureCounts {
		for i := 0; i < count && kind != newcomers; i++ {
			s.must(s.put(t.Context(), r, fmt.Sprintf("%s%d", kind, i), kind != strangers))
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), *tortureTime)
	defer stop()
	var all sync.WaitGroup
	for i := range tortureWriters {
		all.Go(func() { s.write(ctx, rand.New(rand.NewPCG(uint64(i), 2))) })
	}
	for i := range tortureReaders {
		all.Go(func() { s.read(ctx, rand.New(rand.NewPCG(uint64(i), 3))) })
	}
	all.Wait()
	t.Logf("%s, %v: %d writes; %d pages in %d walks there and back", engine, *tortureTime, s.writes.Load(), s.pages.Load(), s.walks.Load())
	if s.writes.Load() == 0 || s.walks.Load() == 0 {
		t.Error("nothing was written, or nothing was read to the end")
	}
}

type torture struct {
	testing.TB
	services             []*fhir.Service
	writes, pages, walks atomic.Int64
}

func (s *torture) must(err error) {
	if err != nil {
		s.Helper()
		s.Fatal(err)
	}
}

// failed reports an error that is not the end of the test, and whether there is any.
func (s *torture) failed(ctx context.Context, what string, err error) bool {
	if err != nil && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("%s: %v", what, err)
	}
	return err != nil
}

// put writes an Observation with new values to be sorted by.
func (s *torture) put(ctx context.Context, r *rand.Rand, id string, matching bool) error {
	status := "final"
	if !matching {
		status = "cancelled"
	}
	doc, err := resources.Parse(fmt.Appendf(nil, `{"resourceType":"Observation","id":%q,"status":%q,"code":{"coding":[{"code":"a"}]},`+
		`"subject":{"reference":"Patient/p"},"effectiveDateTime":"20%02d-01-%02d","valueQuantity":{"value":%d}}`,
		id, status, 10+r.IntN(10), 1+r.IntN(28), r.IntN(9)))
	if err != nil {
		return err
	}
	_, err = s.services[0].Update(ctx, fhir.UpdateRequest{Key: store.Key{Type: "Observation", ID: id}, Resource: doc})
	return err
}

// write changes resources of all kinds until the context ends.
func (s *torture) write(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil && !s.Failed() {
		var err error
		some := func(kind string) string { return fmt.Sprintf("%s%d", kind, r.IntN(tortureCounts[kind])) }
		switch n := r.IntN(10); {
		case n < 4:
			err = s.put(ctx, r, some(stayers), true)
		case n < 6:
			err = s.put(ctx, r, some(togglers), r.IntN(2) == 0)
		case n < 9:
			err = s.putOrDelete(ctx, r, some([]string{dying, newcomers}[r.IntN(2)]))
		default:
			err = s.put(ctx, r, some(strangers), false)
		}
		if s.failed(ctx, "a write", err) {
			return
		}
		s.writes.Add(1)
	}
}

func (s *torture) putOrDelete(ctx context.Context, r *rand.Rand, id string) error {
	if r.IntN(2) == 0 {
		return s.put(ctx, r, id, r.IntN(4) > 0)
	}
	_, err := s.services[0].Delete(ctx, fhir.DeleteRequest{Key: store.Key{Type: "Observation", ID: id}})
	if outcome.As(err) != nil && outcome.As(err).Code() == outcome.NotFound {
		return nil // it never was there
	}
	return err
}

// read walks through queries there and back until the context ends.
func (s *torture) read(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil && !s.Failed() {
		query := tortureQueries[r.IntN(len(tortureQueries))]
		count := 2 + r.IntN(40)
		if err := s.walk(ctx, r, query, count); s.failed(ctx, fmt.Sprintf("%s&_count=%d", query, count), err) {
			return
		}
		s.walks.Add(1)
	}
}

func (s *torture) walk(ctx context.Context, r *rand.Rand, query string, count int) error {
	there, err := s.turn(ctx, r, fmt.Sprintf("%s&_count=%d", query, count), "next")
	if err != nil {
		return err
	}
	last := there[len(there)-1]
	if err := whole(there, count); err != nil {
		return fmt.Errorf("forwards: %w", err)
	}
	if len(there) == 1 {
		return nil
	}
	back := []*fhir.Bundle{last}
	before, err := s.turn(ctx, r, address(last, "previous"), "previous")
	if err != nil {
		return err
	}
	back = append(back, before...)
	slices.Reverse(back)
	if err := errors.Join(whole(back, count), samePages(there, back)); err != nil {
		return fmt.Errorf("backwards: %w", err)
	}
	if there[0].Link("last") == "" {
		return nil
	}
	end, err := s.turn(ctx, r, address(there[0], "last"), "next")
	if err != nil {
		return err
	}
	return samePages([]*fhir.Bundle{last}, end)
}

// turn reads pages as long as the relation leads on, each from any of the services.
func (s *torture) turn(ctx context.Context, r *rand.Rand, query, relation string) ([]*fhir.Bundle, error) {
	var pages []*fhir.Bundle
	for {
		b, err := s.services[r.IntN(len(s.services))].Search(ctx, fhir.SearchRequest{Type: "Observation", Query: query})
		if err != nil {
			return nil, err
		}
		s.pages.Add(1)
		if pages = append(pages, b); b.Link(relation) == "" {
			return pages, nil
		}
		if len(pages) > 1000 {
			return nil, fmt.Errorf("the pages come to no end by %s", relation)
		}
		query = address(b, relation)
	}
}

func address(b *fhir.Bundle, relation string) string {
	_, query, _ := strings.Cut(b.Link(relation), "?")
	return query
}

// whole checks all pages of a walk: everything that was there and matched once, nothing twice, nothing
// that never matched, and no more than the total.
func whole(pages []*fhir.Bundle, count int) error {
	seen := map[string]bool{}
	for i, page := range pages {
		if len(page.Entries) > count {
			return fmt.Errorf("page %d has %d entries", i, len(page.Entries))
		}
		if page.HasTotal != pages[0].HasTotal && pages[0].HasTotal || page.HasTotal && pages[0].HasTotal && page.Total != pages[0].Total {
			return fmt.Errorf("the total of page %d is %d; that of the first %d", i, page.Total, pages[0].Total)
		}
		for _, e := range page.Entries {
			id := e.FullURL[strings.LastIndexByte(e.FullURL, '/')+1:]
			if seen[id] || id[:1] == strangers || !bytes.Contains(e.Resource, []byte(`"final"`)) {
				return fmt.Errorf("page %d shows %s wrongly (before: %v): %s", i, id, seen[id], e.Resource)
			}
			seen[id] = true
		}
	}
	for i := range tortureCounts[stayers] {
		if id := fmt.Sprintf("%s%d", stayers, i); !seen[id] {
			return fmt.Errorf("%s is missed, on %d pages with %d matches", id, len(pages), len(seen))
		}
	}
	if first := pages[0]; first.HasTotal && (len(seen) > int(first.Total) || len(pages) != (int(first.Total)+count-1)/count) {
		return fmt.Errorf("%d matches on %d pages of %d; the total is %d", len(seen), len(pages), count, first.Total)
	}
	return nil
}

// samePages compares pages of the same state. What may have been deleted between may be left out.
func samePages(one, other []*fhir.Bundle) error {
	if len(one) != len(other) {
		return fmt.Errorf("there are %d pages; there were %d", len(other), len(one))
	}
	for i := range one {
		if a, b := lasting(one[i]), lasting(other[i]); !slices.Equal(a, b) {
			return fmt.Errorf("page %d has\n%q; it had\n%q", i, b, a)
		}
	}
	return nil
}

// lasting are the entries that are never deleted, in the versions shown.
func lasting(b *fhir.Bundle) []string {
	var list []string
	for _, e := range b.Entries {
		if id := e.FullURL[strings.LastIndexByte(e.FullURL, '/')+1:]; id[:1] == stayers || id[:1] == togglers {
			list = append(list, string(e.Resource))
		}
	}
	return list
}
