package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"kiln/store"
)

// ErrFull says that events wait which cannot be written, and that no more are taken.
var ErrFull = errors.New("the audit log cannot be written")

// Store is what the log lies in.
type Store interface {
	Commit(ctx context.Context, tx store.Transaction) ([]store.Version, error)
	Records(bucket string) store.Records
}

// Options configure Open. Store is required.
type Options struct {
	Store Store
	// Flush is how long events of reads wait for company. Default: 50 ms.
	Flush time.Duration
	// Waiting is how many events may wait while the store does not take them. Default: 100,000.
	Waiting int
	// Open takes events, and forgets them, when too many wait. Default: they are refused with ErrFull, and with them what
	// they tell of.
	Open bool
	// Logger hears of trouble. Default: slog.Default().
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Random gives randomness. Default: crypto/rand.
	Random io.Reader
}

// Bucket is where the log lies among the records of a store.
const Bucket = "audit"

// The forms of the keys in it.
const (
	bucket        = Bucket
	chunkPrefix   = "chunk/"
	pendingPrefix = "pending/"
	tailKey       = "tail" // where to begin to look for the end
	chunkEvents   = 2000
	abandoned     = time.Minute
)

// Log is the log of one process; several processes write to one store. It is safe for concurrent use.
type Log struct {
	options Options
	records store.Records
	name    string // of this process, in the keys of what is pending

	mutex   sync.Mutex
	waiting []waiting
	pending uint64
	lost    uint64
	wake    chan struct{}
	stop    chan struct{}
	done    chan struct{}
	writing sync.Mutex // one chunk at a time
	end     place
}

// waiting are events that are not in the log yet: those of one request, a line each.
type waiting struct {
	event   []byte
	pending string // key of the record that holds it; "" where memory alone does
}

// Open opens the log of a store. Events that a process left pending, which ended before it wrote them, are taken over.
func Open(ctx context.Context, options Options) (*Log, error) {
	if options.Flush == 0 {
		options.Flush = 50 * time.Millisecond
	}
	if options.Waiting == 0 {
		options.Waiting = 100_000
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Random == nil {
		options.Random = rand.Reader
	}
	l := &Log{
		options: options, records: options.Store.Records(bucket),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	name := make([]byte, 8)
	if _, err := io.ReadFull(options.Random, name); err != nil {
		return nil, err
	}
	l.name = hex.EncodeToString(name)
	var err error
	if l.end, err = findEnd(ctx, l.records); err != nil {
		return nil, err
	}
	if err := l.adopt(ctx); err != nil {
		return nil, err
	}
	go l.run() //nolint:gosec // it goes on until Close
	return l, nil
}

// Close writes what waits and ends the log. Error: what could not be written.
func (l *Log) Close(ctx context.Context) error {
	close(l.stop)
	<-l.done
	return l.Flush(ctx)
}

// Note takes an event of an act that changes nothing. It lands within Options.Flush and the time of a commit. ErrFull
// when the store has not taken events for so long that no more can wait.
func (l *Log) Note(e *Event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return l.add(waiting{event: text})
}

func (l *Log) add(w waiting) error {
	l.mutex.Lock()
	full := len(l.waiting) >= l.options.Waiting
	switch {
	case !full || w.pending != "":
		l.waiting = append(l.waiting, w)
	case l.options.Open:
		l.lost++
	}
	begin := len(l.waiting) == 1 || len(l.waiting) == chunkEvents
	l.mutex.Unlock()
	if begin {
		l.begin()
	}
	if full && w.pending == "" && !l.options.Open {
		return ErrFull
	}
	return nil
}

// Prepared are the events of a change that has not landed yet.
type Prepared struct {
	Record store.RecordChange // belongs into the transaction of the change
}

// Prepare readies the events of a change. With the transaction they are durable; Landed then moves them into the log. What
// does not land leaves nothing.
func (l *Log) Prepare(events ...*Event) (*Prepared, error) {
	var text []byte
	for i, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, '\n')
		}
		text = append(text, line...)
	}
	l.mutex.Lock()
	l.pending++
	key := pendingKey(l.name, l.pending)
	l.mutex.Unlock()
	return &Prepared{store.RecordChange{Bucket: bucket, Key: key, Value: text, Revision: store.AnyRevision}}, nil
}

// Full reports whether no more can be noted, and what would have to be must be refused.
func (l *Log) Full() bool {
	if l.options.Open {
		return false
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.waiting) >= l.options.Waiting
}

// Landed says that the transaction with prepared events landed.
func (l *Log) Landed(p *Prepared) { _ = l.add(waiting{event: p.Record.Value, pending: p.Record.Key}) }

// Flush writes everything that was noted before the call.
func (l *Log) Flush(ctx context.Context) error {
	l.mutex.Lock()
	left := len(l.waiting)
	l.mutex.Unlock()
	for left > 0 {
		n, err := l.flush(ctx, min(left, chunkEvents))
		if err != nil || n == 0 {
			return err
		}
		left -= n
	}
	return nil
}

// flush writes a chunk of what waits, and tells how much that was.
func (l *Log) flush(ctx context.Context, most int) (n int, err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mutex.Lock()
	batch := l.waiting[:min(len(l.waiting), most)]
	l.mutex.Unlock()
	if len(batch) == 0 {
		return 0, nil
	}
	if err := l.write(ctx, batch); err != nil {
		return 0, err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.waiting = l.waiting[len(batch):]; len(l.waiting) == 0 {
		l.waiting = nil
	} else {
		l.begin() // what came meanwhile waits for company again
	}
	return len(batch), nil
}

// begin lets what waits be written a little later.
func (l *Log) begin() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run writes what waits, a little after the first of it came.
func (l *Log) run() {
	defer close(l.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-l.stop
		cancel()
	}()
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		if !l.pause(l.options.Flush) {
			return
		}
		for wait := l.options.Flush; ; wait = min(2*wait, 5*time.Second) {
			err := l.Flush(ctx)
			if err == nil || ctx.Err() != nil {
				break
			}
			l.options.Logger.Error("the audit log could not be written; it is tried again", "error", err)
			if !l.pause(wait) {
				return
			}
		}
	}
}

// pause reports whether the log is still open after a time.
func (l *Log) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.stop:
		return false
	case <-timer.C:
		return true
	}
}

// adopt takes over what others left pending. A process that lives moves its own much sooner than others take it for left.
func (l *Log) adopt(ctx context.Context) error {
	left, err := l.records.List(ctx, pendingPrefix, "", 0)
	if err != nil {
		return err
	}
	for _, record := range left {
		var e Event
		first, _, _ := bytes.Cut(record.Value, []byte("\n"))
		if err := json.Unmarshal(first, &e); err == nil && l.options.Now().Sub(e.At) < abandoned {
			continue
		}
		if err := l.add(waiting{event: record.Value, pending: record.Key}); err != nil {
			return err
		}
	}
	return nil
}
