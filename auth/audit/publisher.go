package audit

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"kiln/resources"
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
	// Busy reports whether the server has other things to do; then what is not asked for waits. Default: never.
	Busy func() bool
	// Every is how often the publisher looks for new events. Default: 2 s.
	Every time.Duration
}

// Publisher makes AuditEvents of the log. Several processes may do so for one store: each event is published once.
type Publisher struct {
	options PublisherOptions
	mutex   sync.Mutex // one chunk at a time
	stop    context.CancelFunc
	done    sync.WaitGroup
}

const publishedKey = "published" // the number of the next chunk to publish

// NewPublisher begins to publish in the background, until Close.
func NewPublisher(options PublisherOptions) *Publisher {
	if options.Busy == nil {
		options.Busy = func() bool { return false }
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
	ticker := time.NewTicker(p.options.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for more := true; more && !p.options.Busy(); {
			var err error
			if more, err = p.step(ctx); err != nil {
				if ctx.Err() == nil {
					p.options.Log.options.Logger.Error("AuditEvents could not be made; it is tried again", "error", err)
				}
				break
			}
		}
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

// step publishes one chunk, if there is one. Where another process published it meanwhile nothing is stored.
func (p *Publisher) step(ctx context.Context) (more bool, err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	records := p.options.Log.records
	number, revision, err := published(ctx, records)
	if err != nil {
		return false, err
	}
	record, err := records.Get(ctx, chunkKey(number))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := parseChunk(record.Value)
	if err != nil {
		return false, err
	}
	events, err := c.events()
	if err != nil {
		return false, err
	}
	documents := make([]*resources.Document, len(events))
	for i := range events {
		text, err := events[i].AuditEvent(resourceID(number, i), p.options.Site)
		if err == nil {
			documents[i], err = resources.Parse(text)
		}
		if err != nil {
			return false, err
		}
	}
	next := store.RecordChange{Bucket: bucket, Key: publishedKey, Value: strconv.AppendUint(nil, number+1, 10), Revision: revision}
	err = p.options.Load(ctx, documents, []store.RecordChange{next})
	var conflict *store.ConflictError
	if errors.As(err, &conflict) {
		err = nil
	}
	return err == nil, err
}

// published is the number of the next chunk to publish, and the revision of the note.
func published(ctx context.Context, records store.Records) (number, revision uint64, err error) {
	record, err := records.Get(ctx, publishedKey)
	if errors.Is(err, store.ErrNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	number, err = strconv.ParseUint(string(record.Value), 10, 64)
	return number, record.Revision, err
}
