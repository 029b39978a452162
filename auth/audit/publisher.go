package audit

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// PublisherOptions configure NewPublisher. Log, Load and Site are required.
type PublisherOptions struct {
	Log *Log
	// Load stores AuditEvents under their ids with records, in one commit, whoever may be asking: fhir.Service.Load for
	// the server itself.
	Load func(ctx context.Context, resources []*resources.Document, records []store.RecordChange) error
	// Site is the public address of the server.
	Site string
	// Requests is how many there have been at the server, for which what nobody waits for gives way. Default: none.
	Requests func() int64
	// Every is how often the publisher looks for new events. Default: 2 s.
	Every time.Duration
}

// Publisher makes AuditEvents of the log. Several processes may do so for one store: each event is published once.
type Publisher struct {
	options PublisherOptions
	mutex   sync.Mutex // one step at a time
	opened  opened
	bare    atomic.Uint64
	stop    context.CancelFunc
	done    sync.WaitGroup
}

const publishedKey = "published" // how far chunks are published

// How the publisher shares the machine. A step makes so many AuditEvents; while there are requests it rests after each for a
// multiple of what it took. Where requests come faster than it could tell of them at that pace, it waits for a lull: unless
// the log is far ahead, which goes before requests, so that AuditEvents are never much further behind.
const (
	stepEvents = 128
	restServed = 19
	restBehind = 3
	farBehind  = 2048 // chunks
	lull       = 250 * time.Millisecond
	most       = 500 // requests a second that are kept up with
)

// NewPublisher begins to publish in the background, until Close.
func NewPublisher(options PublisherOptions) *Publisher {
	if options.Requests == nil {
		options.Requests = func() int64 { return 0 }
	}
	if options.Every == 0 {
		options.Every = 2 * time.Second
	}
	p := &Publisher{options: options}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	p.done.Go(func() { p.run(ctx) })
	return p
}

// Close ends the work in the background. What is not published is, later.
func (p *Publisher) Close() {
	p.stop()
	p.done.Wait()
}

func (p *Publisher) run(ctx context.Context) {
	began, requests := time.Now(), p.options.Requests()
	for pause(ctx, p.options.Every) {
		for more := true; more; {
			now, seen := time.Now(), p.options.Requests()
			rate := float64(seen-requests) / now.Sub(began).Seconds()
			began, requests = now, seen
			if rate > most && !p.farBehind() {
				if !pause(ctx, lull) {
					return
				}
				continue
			}
			var err error
			if more, err = p.step(ctx); err != nil {
				if ctx.Err() == nil {
					p.options.Log.options.Logger.Error("AuditEvents could not be made; it is tried again", "error", withoutContent(err))
				}
				break
			}
			if rate > 0 && !pause(ctx, p.rest(time.Since(now))) {
				return
			}
		}
	}
}

func (p *Publisher) farBehind() bool {
	p.mutex.Lock()
	at := p.opened.number
	p.mutex.Unlock()
	next, _ := p.options.Log.Head()
	return next > at+farBehind
}

// rest is how long to rest after a step while there are requests.
func (p *Publisher) rest(took time.Duration) time.Duration {
	if p.farBehind() {
		return restBehind * took
	}
	return restServed * took
}

// pause reports whether the context is still there after a time.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// CatchUp publishes everything that was noted before the call: whoever looks for AuditEvents then finds it.
func (p *Publisher) CatchUp(ctx context.Context) error {
	if err := p.options.Log.Flush(ctx); err != nil {
		return err
	}
	for {
		if more, err := p.step(ctx); err != nil || !more {
			return err
		}
	}
}

// opened is the chunk that is being published.
type opened struct {
	number uint64
	events []Event
}

// step publishes the next events, if there are some. Where another process published them meanwhile nothing is stored.
func (p *Publisher) step(ctx context.Context) (more bool, err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	at, revision, err := readProgress(ctx, p.options.Log.records)
	if err != nil {
		return false, err
	}
	if p.opened.events == nil || p.opened.number != at.chunk {
		if p.opened, err = p.open(ctx, at.chunk); err != nil || p.opened.events == nil {
			return false, err
		}
	}
	from := min(at.done, len(p.opened.events))
	to := min(from+stepEvents, len(p.opened.events))
	err = p.publish(ctx, from, to, revision, func(e *Event) *Event { return e })
	if refused(err) && to > from+1 {
		to = from + 1 // those after it are not held up by one that cannot be told
		err = p.publish(ctx, from, to, revision, func(e *Event) *Event { return e })
	}
	if refused(err) {
		p.bare.Add(1)
		p.options.Log.options.Logger.Error("an AuditEvent was made without what it tells of, which cannot be told; the log has it", "id", resourceID(at.chunk, from))
		err = p.publish(ctx, from, to, revision, (*Event).bare)
	}
	var conflict *store.ConflictError
	if errors.As(err, &conflict) {
		err = nil
	}
	return err == nil, err
}

// publish stores the AuditEvents of some events of the chunk that is opened, with how far it is published then.
func (p *Publisher) publish(ctx context.Context, from, to int, revision uint64, as func(*Event) *Event) error {
	documents := make([]*resources.Document, to-from)
	for i := range documents {
		text, err := as(&p.opened.events[from+i]).AuditEvent(resourceID(p.opened.number, from+i), p.options.Site)
		if err == nil {
			documents[i], err = resources.Parse(text)
		}
		if err != nil {
			return err
		}
	}
	next := progress{p.opened.number, to}
	if to == len(p.opened.events) {
		next = progress{p.opened.number + 1, 0}
	}
	record := store.RecordChange{Bucket: bucket, Key: publishedKey, Value: next.text(), Revision: revision}
	return p.options.Load(ctx, documents, []store.RecordChange{record})
}

// refused reports whether what was sent was refused for what it says.
func refused(err error) bool {
	var e *outcome.Error
	return errors.As(err, &e) && (e.Stage == outcome.StageContent || e.Stage == outcome.StageSyntax)
}

// withoutContent is an error for the log: one that quotes what was sent says nothing but its code.
func withoutContent(err error) error {
	if refused(err) {
		return errors.New(string(outcome.As(err).Code()))
	}
	return err
}

// Bare is how many AuditEvents were made without what they tell of.
func (p *Publisher) Bare() uint64 { return p.bare.Load() }

// open reads a chunk; one without events where there is none yet.
func (p *Publisher) open(ctx context.Context, number uint64) (opened, error) {
	record, err := p.options.Log.records.Get(ctx, chunkKey(number))
	if errors.Is(err, store.ErrNotFound) {
		return opened{number: number}, nil
	}
	if err != nil {
		return opened{}, err
	}
	c, err := parseChunk(record.Value)
	if err != nil {
		return opened{}, err
	}
	events, err := c.events()
	return opened{number, events}, err
}

// progress is how far the log is published: chunks, and events of the next one.
type progress struct {
	chunk uint64
	done  int
}

func (p progress) text() []byte {
	text := strconv.AppendUint(nil, p.chunk, 10)
	if p.done > 0 {
		text = strconv.AppendInt(append(text, ' '), int64(p.done), 10)
	}
	return text
}

// readProgress reads it, with the revision of its record.
func readProgress(ctx context.Context, records store.Records) (p progress, revision uint64, err error) {
	record, err := records.Get(ctx, publishedKey)
	if errors.Is(err, store.ErrNotFound) {
		return progress{}, 0, nil
	}
	if err != nil {
		return progress{}, 0, err
	}
	chunk, done, _ := strings.Cut(string(record.Value), " ")
	if p.chunk, err = strconv.ParseUint(chunk, 10, 64); err == nil && done != "" {
		p.done, err = strconv.Atoi(done)
	}
	return p, record.Revision, err
}
