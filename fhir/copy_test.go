package fhir_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
	"kiln/store/pebble"
	"kiln/store/storetest"
)

// copies makes copies from one store to another.
type copies struct {
	*testing.T
	from, to store.Store
	clock    *fhir.CopyClock
}

func (c *copies) run() (fhir.Copied, error) {
	copier := fhir.Copy{From: c.from, To: c.to, Clock: c.clock, Parameters: fhirtest.Parameters(c), Logger: slog.New(slog.DiscardHandler)}
	return copier.Run(c.Context())
}

// story writes a history of creates, updates, deletions, revivals and transactions at several moments.
func story(t *testing.T, s store.Store, clock *storetest.Clock) {
	t.Helper()
	land := func(changes ...store.Change) {
		t.Helper()
		for i, c := range changes {
			if c.Content != nil {
				changes[i].Entries = valuesOf(t, string(c.Content.Bytes(1, clock.Now())))
			}
		}
		if _, err := s.Commit(t.Context(), store.Transaction{Changes: changes}); err != nil {
			t.Fatal(err)
		}
	}
	land(storetest.As(store.Create, storetest.Put("Patient/a", `"birthDate":"1970-01-02"`)), storetest.Claiming(storetest.Put("Location/bed"), "bed"))
	clock.Advance(time.Minute)
	land(storetest.Put("Patient/a", `"birthDate":"1970-01-03"`, `"multipleBirthInteger":1`))
	land(storetest.Delete("Patient/a"), storetest.Put("Observation/o", `"valueQuantity":{"value":1.500}`))
	clock.Advance(time.Hour)
	land(storetest.As(store.Patch, storetest.Put("Patient/a")), storetest.Claiming(storetest.Put("Location/bed"), "other bed"), storetest.Claiming(storetest.Put("Location/corridor"), "bed"))
	for i := range 30 {
		land(storetest.Put(fmt.Sprintf("Patient/p%d", i%7), fmt.Sprintf(`"multipleBirthInteger":%d`, i)))
	}
}

func valuesOf(t *testing.T, text string) []search.Entry {
	t.Helper()
	element, err := fhirtest.Doc(t, text).Resource()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fhirtest.Parameters(t).Extract(t.Context(), element)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func newCopies(t *testing.T) (*copies, *storetest.Clock) {
	clock := storetest.NewClock()
	c := &copies{T: t, from: newEngine(t, clock.Now, fhirtest.Parameters(t)), clock: &fhir.CopyClock{}}
	to, err := openEngine[engine](t, c.clock.Now, fhirtest.Parameters(t))
	if err != nil {
		t.Fatal(err)
	}
	c.to = to
	t.Cleanup(func() { _ = c.to.Close() })
	return c, clock
}

func all(t *testing.T, s store.Store) []store.Version {
	t.Helper()
	page, err := s.History(t.Context(), store.HistoryQuery{Count: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return page.Versions
}

func TestACopyHasTheSameHistoryClaimsAndRecords(t *testing.T) {
	c, clock := newCopies(t)
	story(t, c.from, clock)
	if _, err := c.from.Records("b").Put(t.Context(), "k", []byte("v"), time.Now().Add(time.Hour), 0); err != nil {
		t.Fatal(err)
	}
	copied, err := c.run()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "versions", copied.Versions, int64(38))
	equal(t, "resources", copied.Resources, int64(11))
	equal(t, "records", copied.Records, int64(1))
	equal(t, "history", fmt.Sprintf("%+v", all(t, c.to)), fmt.Sprintf("%+v", all(t, c.from)))
	for _, key := range []store.Key{{Type: "Location", ID: "bed"}, {Type: "Location", ID: "corridor"}} {
		want, _ := c.from.Claims(t.Context(), key)
		got, err := c.to.Claims(t.Context(), key)
		equal(t, "claims", fmt.Sprint(got, err), fmt.Sprint(want, nil))
	}
	record, err := c.to.Records("b").Get(t.Context(), "k")
	equal(t, "record", fmt.Sprint(string(record.Value), " ", err), "v <nil>")

	story2 := storetest.Put("Patient/later")
	if _, err := c.from.Commit(t.Context(), store.Transaction{Changes: []store.Change{story2}}); err != nil {
		t.Fatal(err)
	}
	copied, err = c.run()
	equal(t, "versions of a second copy", fmt.Sprint(copied.Versions, err), "39 <nil>")
	equal(t, "history of a second copy", fmt.Sprintf("%+v", all(t, c.to)), fmt.Sprintf("%+v", all(t, c.from)))
}

// broken fails after some commits.
type broken struct {
	store.Store
	left *int
}

var errBroken = errors.New("the line is cut")

func (b broken) Commit(ctx context.Context, tx store.Transaction) ([]store.Version, error) {
	if *b.left--; *b.left < 0 {
		return nil, errBroken
	}
	return b.Store.Commit(ctx, tx)
}

func TestACopyGoesOnWhereItBrokeOff(t *testing.T) {
	c, clock := newCopies(t)
	story(t, c.from, clock)
	whole := c.to
	for n := 0; ; n++ {
		left := 1
		c.to = broken{whole, &left}
		_, err := c.run()
		if err == nil {
			if n < 5 {
				t.Errorf("it broke off %d times only", n)
			}
			break
		}
		if !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
	}
	equal(t, "history", fmt.Sprintf("%+v", all(t, whole)), fmt.Sprintf("%+v", all(t, c.from)))
}

// narrow takes no transaction of several resources with more than so many bytes.
type narrow struct {
	store.Store
	most int
}

func (n narrow) Commit(ctx context.Context, tx store.Transaction) ([]store.Version, error) {
	bytes := 0
	for _, c := range tx.Changes {
		if c.Content != nil {
			bytes += len(c.Content.Bytes(1, time.Time{}))
		}
	}
	if len(tx.Changes) > 1 && bytes > n.most {
		return nil, store.ErrTooLarge
	}
	return n.Store.Commit(ctx, tx)
}

// TestACopyOfLargeResources: what one engine took in one moment is more than another takes together.
func TestACopyOfLargeResources(t *testing.T) {
	c, _ := newCopies(t)
	text := `"implicitRules":"http://example.org/` + strings.Repeat("x", 1<<20) + `"`
	for i := range 8 {
		if _, err := c.from.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put(fmt.Sprintf("Basic/l%d", i), text)}}); err != nil {
			t.Fatal(err)
		}
	}
	c.to = narrow{c.to, 3 << 20}
	if done, err := c.run(); err != nil || done.Versions != 8 {
		t.Errorf("copied %+v, %v", done, err)
	}
}

// forged changes a version that is read.
type forged struct{ store.Store }

func (f forged) Changes(ctx context.Context, after store.Position) (store.Feed, error) {
	feed, err := f.Store.Changes(ctx, after)
	return forgedFeed{feed}, err
}

type forgedFeed struct{ store.Feed }

func (f forgedFeed) Next(ctx context.Context) (store.Event, error) {
	event, err := f.Feed.Next(ctx)
	if event.Position == 5 {
		event.Version.Body = []byte(strings.Replace(string(event.Version.Body), "1.500", "1.5", 1))
	}
	return event, err
}

func TestACopyThatDiffersIsRefused(t *testing.T) {
	c, clock := newCopies(t)
	story(t, c.from, clock)
	c.to = forged{c.to}
	if _, err := c.run(); err == nil || !strings.Contains(err.Error(), "sum") {
		t.Errorf("a copy with another digit: %v; expected a sum that differs", err)
	}
}

func TestACopyIsNotMadeIntoWhatOthersWrote(t *testing.T) {
	c, clock := newCopies(t)
	story(t, c.from, clock)
	write := func(key string) {
		t.Helper()
		if _, err := c.to.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put(key)}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.run(); err != nil {
		t.Fatal(err)
	}
	write("Patient/other")
	if _, err := c.run(); err == nil || !strings.Contains(err.Error(), "written to since") {
		t.Errorf("a copy that was changed: %v", err)
	}
	c, clock = newCopies(t)
	story(t, c.from, clock)
	write("Patient/other")
	if _, err := c.run(); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a store with something in it: %v", err)
	}
}

func TestACopyBetweenEngines(t *testing.T) {
	clock := storetest.NewClock()
	parameters := fhirtest.Parameters(t)
	from := memory.New(memory.Options{Now: clock.Now, Parameters: parameters})
	story(t, from, clock)
	first, second := &fhir.CopyClock{}, &fhir.CopyClock{}
	middle, err := pebble.Open(t.TempDir(), pebble.Options{Now: first.Now, Parameters: parameters})
	if err != nil {
		t.Fatal(err)
	}
	defer middle.Close()
	to := memory.New(memory.Options{Now: second.Now, Parameters: parameters})
	for _, c := range []*copies{{t, from, middle, first}, {t, middle, to, second}} {
		if _, err := c.run(); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "history", fmt.Sprintf("%+v", all(t, to)), fmt.Sprintf("%+v", all(t, from)))
}
