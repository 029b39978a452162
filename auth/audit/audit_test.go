package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiln/auth"
	"kiln/auth/audit"
	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/resources"
	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
)

// desk is a store with a log and a service that judges what is published.
type desk struct {
	*testing.T
	engine  *memory.Store
	service *fhir.Service
	log     *audit.Log
}

func newDesk(t *testing.T, options audit.Options) *desk {
	t.Helper()
	parameters, err := search.NewParameters(search.Options{BaseURL: "http://127.0.0.1:8080/fhir"})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, engine: memory.New(memory.Options{Parameters: parameters})}
	t.Cleanup(func() { _ = d.engine.Close() })
	validator, err := validation.New(validation.Options{})
	d.must(err)
	d.service, err = fhir.New(fhir.Options{Store: d.engine, Parameters: parameters, Validator: validator})
	d.must(err)
	t.Cleanup(d.service.Close)
	d.log = d.open(options)
	return d
}

func (d *desk) open(options audit.Options) *audit.Log {
	d.Helper()
	if options.Store == nil {
		options.Store = d.engine
	}
	log, err := audit.Open(d.Context(), options)
	d.must(err)
	d.Cleanup(func() { _ = log.Close(context.Background()) })
	return log
}

func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) load(ctx context.Context, documents []*resources.Document, records []store.RecordChange) error {
	_, err := d.service.Load(ctx, fhir.LoadRequest{Resources: documents, Records: records})
	return err
}

func (d *desk) publisher(log *audit.Log) *audit.Publisher {
	p := audit.NewPublisher(audit.PublisherOptions{Log: log, Load: d.load, Site: "https://kiln.example.org", Every: time.Hour})
	d.Cleanup(p.Close)
	return p
}

// published counts the AuditEvents there are.
func (d *desk) published(query string) int {
	d.Helper()
	found, err := d.service.Search(d.Context(), fhir.SearchRequest{Type: "AuditEvent", Query: query + "&_summary=count"})
	d.must(err)
	return int(found.Total)
}

func (d *desk) check(problems ...string) audit.Checked {
	d.Helper()
	var found []string
	seen, err := audit.Check(d.Context(), d.engine.Records("audit"), func(p audit.Problem) { found = append(found, p.String()) })
	d.must(err)
	if strings.Join(found, "; ") != strings.Join(problems, "; ") {
		d.Errorf("the check found %q, want %q", found, problems)
	}
	return seen
}

func event(kind audit.Kind) *audit.Event {
	e := &audit.Event{
		At: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Kind: kind, Interaction: "read", Outcome: audit.Done, Request: "r-1",
		Address: "192.0.2.7", Resource: "Observation/pulse/_history/1", Query: "Observation?code=8867-4", Patient: "lind", Purpose: "BTG",
		Reason: "unconscious",
	}
	return e.By(&auth.Principal{User: "ada", FHIRUser: "Practitioner/ada", Rank: "nurse", Client: "growth", TokenID: "t-1"})
}

var kinds = []audit.Kind{
	audit.Create, audit.Read, audit.Update, audit.Delete, audit.Query, audit.Execute, audit.SignIn, audit.SignOut, audit.Token,
	audit.Break, audit.Administer,
}

func TestEventsArePublishedOnceAndValid(t *testing.T) {
	d := newDesk(t, audit.Options{})
	for _, kind := range kinds {
		d.must(d.log.Note(event(kind)))
		d.must(d.log.Note(&audit.Event{At: time.Now(), Kind: kind, Outcome: audit.Refused}))
	}
	first, second := d.publisher(d.log), d.publisher(d.log)
	var all sync.WaitGroup
	for _, p := range []*audit.Publisher{first, second} {
		all.Go(func() { d.must(p.CatchUp(d.Context())) })
	}
	all.Wait()
	d.must(first.CatchUp(d.Context()))
	if n := d.published(""); n != 2*len(kinds) {
		t.Errorf("%d AuditEvents were published of %d events", n, 2*len(kinds))
	}
	for query, want := range map[string]int{
		"entity=Patient/lind": len(kinds), "patient=Patient/lind": len(kinds), "agent=Practitioner/ada": len(kinds), "action=C": 2, "outcome=4": len(kinds),
		"subtype=110127": 2, "entity=Observation/pulse/_history/1": len(kinds),
	} {
		if got := d.published(query); got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
}

func TestOneAgentAsked(t *testing.T) {
	for _, e := range []*audit.Event{event(audit.Read), {At: time.Now(), Kind: audit.Read, Client: "lab"}} {
		text, err := e.AuditEvent("1-0", "https://kiln.example.org")
		if err != nil || bytes.Count(text, []byte(`"requestor":true`)) != 1 {
			t.Errorf("%s %v", text, err)
		}
	}
}

func TestNotesLandByThemselves(t *testing.T) {
	d := newDesk(t, audit.Options{Flush: time.Millisecond})
	d.must(d.log.Note(event(audit.Read)))
	for deadline := time.Now().Add(10 * time.Second); ; {
		if seen := d.check(); seen.Events == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the event did not land")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAChangeLandsWithItsEventOrNot(t *testing.T) {
	d := newDesk(t, audit.Options{Flush: time.Hour})
	landed, err := d.log.Prepare(event(audit.Update))
	d.must(err)
	_, err = d.engine.Commit(t.Context(), store.Transaction{Records: []store.RecordChange{landed.Record}})
	d.must(err)
	_, err = d.log.Prepare(event(audit.Update)) // its transaction was refused
	d.must(err)

	// The process ends here, before it moved the event. Another takes it over, but not before it can be sure.
	hasty := d.open(audit.Options{Now: func() time.Time { return event(audit.Read).At.Add(30 * time.Second) }})
	d.must(hasty.Flush(t.Context()))
	if seen := d.check(); seen.Events != 0 {
		t.Errorf("%d events were taken over from a process that may live", seen.Events)
	}
	later := d.open(audit.Options{Now: func() time.Time { return event(audit.Read).At.Add(2 * time.Minute) }})
	d.must(later.Flush(t.Context()))
	if seen := d.check(); seen.Events != 1 {
		t.Errorf("the log has %d events, want the one that landed", seen.Events)
	}
	d.log.Landed(landed)
	d.must(d.log.Flush(t.Context()))
	left, err := d.engine.Records("audit").List(t.Context(), "pending/", "", 0)
	d.must(err)
	if len(left) != 0 {
		t.Errorf("%d events are still pending", len(left))
	}
}

func TestSeveralProcessesMakeOneChain(t *testing.T) {
	d := newDesk(t, audit.Options{})
	const each, processes = 300, 4
	var all sync.WaitGroup
	for range processes {
		log := d.open(audit.Options{Flush: time.Microsecond})
		all.Go(func() {
			for range each {
				d.must(log.Note(event(audit.Read)))
				d.must(log.Flush(d.Context()))
			}
		})
	}
	all.Wait()
	if seen := d.check(); seen.Events != each*processes {
		t.Errorf("the log has %d events, want %d", seen.Events, each*processes)
	}
	again := d.open(audit.Options{})
	if chunks, hash := again.Head(); chunks == 0 || hash != d.check().Hash {
		t.Errorf("a process that starts later finds the end at %d, %s; it is %s", chunks, hash, d.check().Hash)
	}
}

func TestCheckFindsWhatWasDone(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *desk, records store.Records)
		want []string
	}{
		{"nothing", func(*desk, store.Records) {}, nil},
		{"a changed chunk", func(d *desk, records store.Records) {
			r, err := records.Get(d.Context(), "chunk/0000000000000001")
			d.must(err)
			value := bytes.Clone(r.Value)
			value[len(value)-1] ^= 1
			_, err = records.Put(d.Context(), r.Key, value, time.Time{}, store.AnyRevision)
			d.must(err)
		}, []string{"audit log, chunk 1: its content was changed", "audit log, chunk 1: it is not a chunk of the audit log"}},
		{"a removed chunk", func(d *desk, records store.Records) {
			d.must(records.Delete(d.Context(), "chunk/0000000000000001", store.AnyRevision))
		}, []string{"audit log, chunk 1: it is missing", "audit log, chunk 2: it does not follow the chunk before"}},
		{"a chunk in another's place", func(d *desk, records store.Records) {
			r, err := records.Get(d.Context(), "chunk/0000000000000001")
			d.must(err)
			_, err = records.Put(d.Context(), "chunk/0000000000000002", r.Value, time.Time{}, store.AnyRevision)
			d.must(err)
		}, []string{"audit log, chunk 2: its content was changed", "audit log, chunk 2: it does not follow the chunk before"}},
		{"what is no chunk", func(d *desk, records store.Records) {
			_, err := records.Put(d.Context(), "chunk/0000000000000002", []byte("x"), time.Time{}, store.AnyRevision)
			d.must(err)
		}, []string{"audit log, chunk 2: it is not a chunk of the audit log"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, audit.Options{})
			d.T = t
			for range 3 {
				d.must(d.log.Note(event(audit.Read)))
				d.must(d.log.Flush(t.Context()))
			}
			c.do(d, d.engine.Records("audit"))
			d.check(c.want...)
		})
	}
}

// broken is a store that takes nothing.
type broken struct{ *memory.Store }

func (broken) Commit(context.Context, store.Transaction) ([]store.Version, error) {
	return nil, errors.New("the disk is full")
}

func TestAFullLogRefuses(t *testing.T) {
	d := newDesk(t, audit.Options{})
	for _, open := range []bool{false, true} {
		log := d.open(audit.Options{Store: broken{d.engine}, Waiting: 3, Open: open, Flush: time.Hour})
		var got []string
		for range 4 {
			got = append(got, fmt.Sprint(log.Note(event(audit.Read))))
		}
		want := []string{"<nil>", "<nil>", "<nil>", fmt.Sprint(audit.ErrFull)}
		if open {
			want[3] = "<nil>"
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("open %t: got %q, want %q", open, got, want)
		}
	}
}

func BenchmarkNote(b *testing.B) {
	engine := memory.New(memory.Options{})
	log, err := audit.Open(b.Context(), audit.Options{Store: engine, Waiting: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	e := event(audit.Read)
	for b.Loop() {
		if err := log.Note(e); err != nil {
			b.Fatal(err)
		}
	}
	if err := log.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// TestPublishingGivesWay: while more requests come than could be told of nothing is published, unless somebody looks for it;
// in a lull it is.
func TestPublishingGivesWay(t *testing.T) {
	d := newDesk(t, audit.Options{})
	for range 300 {
		d.must(d.log.Note(&audit.Event{At: time.Now(), Kind: audit.Read, Outcome: audit.Done, Resource: "Patient/p", Patient: "p"}))
	}
	d.must(d.log.Flush(t.Context()))
	var busy atomic.Bool
	var requests, looks atomic.Int64
	busy.Store(true)
	p := audit.NewPublisher(audit.PublisherOptions{Log: d.log, Load: d.load, Site: "https://kiln.example.org", Every: time.Millisecond, Requests: func() int64 {
		looks.Add(1)
		if busy.Load() {
			return requests.Add(1_000_000)
		}
		return requests.Load()
	}})
	defer p.Close()
	for looks.Load() < 4 {
		time.Sleep(time.Millisecond)
	}
	if n := d.published(""); n != 0 {
		t.Errorf("%d were published while requests came", n)
	}
	busy.Store(false)
	for deadline := time.Now().Add(time.Minute); d.published("") < 300 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := d.published(""); n != 300 {
		t.Errorf("%d of 300 are published in a lull", n)
	}
	busy.Store(true)
	d.must(d.log.Note(&audit.Event{At: time.Now(), Kind: audit.Read, Outcome: audit.Done, Resource: "Patient/p", Patient: "p"}))
	d.must(p.CatchUp(t.Context()))
	if n := d.published(""); n != 301 {
		t.Errorf("%d of 301 are published for somebody who looks", n)
	}
}

// TestExport: what is exported is what is published, in order; of one patient, or of some time, no more.
func TestExport(t *testing.T) {
	d := newDesk(t, audit.Options{})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 50 {
		patient := []string{"p", "q", ""}[i%3]
		d.must(d.log.Note(&audit.Event{At: at.Add(time.Duration(i) * time.Hour), Kind: audit.Read, Outcome: audit.Done, User: "u", Patient: patient, Resource: fmt.Sprint("Basic/b", i)}))
		if i%20 == 0 {
			d.must(d.log.Flush(t.Context()))
		}
	}
	d.must(d.log.Flush(t.Context()))
	d.must(d.publisher(d.log).CatchUp(t.Context()))
	for name, c := range map[string]struct {
		selected audit.Selection
		want     int
	}{
		"all":             {audit.Selection{}, 50},
		"a patient":       {audit.Selection{Patient: "p"}, 17},
		"from":            {audit.Selection{From: at.Add(40 * time.Hour)}, 10},
		"before":          {audit.Selection{To: at.Add(10 * time.Hour)}, 10},
		"both, a patient": {audit.Selection{From: at.Add(3 * time.Hour), To: at.Add(7 * time.Hour), Patient: "q"}, 1},
		"nobody":          {audit.Selection{Patient: "nobody"}, 0},
	} {
		var out bytes.Buffer
		n, err := audit.Export(t.Context(), d.engine.Records(audit.Bucket), "https://kiln.example.org", c.selected, &out)
		if err != nil || n != c.want || bytes.Count(out.Bytes(), []byte("\n")) != c.want {
			t.Errorf("%s: %d, %v; want %d", name, n, err, c.want)
		}
		for line := range strings.Lines(out.String()) {
			doc, err := resources.Parse([]byte(line))
			d.must(err)
			key := store.Key{Type: "AuditEvent", ID: doc.Text(doc.Member(0, "id"))}
			v, err := d.service.Read(t.Context(), key)
			if err != nil || !strings.Contains(string(v.Body), doc.Text(doc.Member(0, "recorded"))) {
				t.Errorf("%s: %s is exported, and not published: %v", name, key, err)
			}
		}
	}
}
