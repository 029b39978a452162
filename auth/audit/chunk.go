package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"kiln/store"
)

// hashSize is that of SHA-256.
const hashSize = sha256.Size

// maxChunk bounds what a chunk may unpack to.
const maxChunk = 64 << 20

// place is the end of the log: the number of the next chunk and the hash of the last one.
type place struct {
	next uint64
	hash [hashSize]byte
}

// chunk is the value of a record: its hash, that of the chunk before, and its events, a line each, compressed.
type chunk struct {
	hash, before [hashSize]byte
	packed       []byte
}

func (c *chunk) bytes() []byte {
	return append(append(append(make([]byte, 0, 2*hashSize+len(c.packed)), c.hash[:]...), c.before[:]...), c.packed...)
}

// sum is the hash that a chunk of a number must have.
func (c *chunk) sum(number uint64) [hashSize]byte {
	h := sha256.New()
	fmt.Fprintf(h, "kiln audit 1\n%d\n", number)
	h.Write(c.before[:])
	h.Write(c.packed)
	return [hashSize]byte(h.Sum(nil))
}

var errChunk = errors.New("it is not a chunk of the audit log")

func parseChunk(value []byte) (*chunk, error) {
	if len(value) < 2*hashSize {
		return nil, errChunk
	}
	return &chunk{[hashSize]byte(value), [hashSize]byte(value[hashSize:]), value[2*hashSize:]}, nil
}

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxChunk))
)

// events are the lines of a chunk.
func (c *chunk) events() ([]Event, error) {
	text, err := unpacker.DecodeAll(c.packed, nil)
	if err != nil {
		return nil, errChunk
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	events := make([]Event, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal(line, &events[i]); err != nil {
			return nil, errChunk
		}
	}
	return events, nil
}

func chunkKey(number uint64) string { return fmt.Sprintf("%s%016x", chunkPrefix, number) }

func pendingKey(process string, n uint64) string {
	return fmt.Sprintf("%s%s/%016x", pendingPrefix, process, n)
}

// write puts events into the next chunk, and what was pending of them away, in one commit. Where another process was
// first it goes on behind it.
func (l *Log) write(ctx context.Context, batch []waiting) error {
	var text []byte
	var gone []store.RecordChange
	for _, w := range batch {
		text = append(append(text, w.event...), '\n')
		if w.pending != "" {
			gone = append(gone, store.RecordChange{Bucket: bucket, Key: w.pending, Revision: store.AnyRevision})
		}
	}
	packed := packer.EncodeAll(text, nil)
	for {
		c := &chunk{before: l.end.hash, packed: packed}
		c.hash = c.sum(l.end.next)
		changes := append([]store.RecordChange{{Bucket: bucket, Key: chunkKey(l.end.next), Value: c.bytes()}}, gone...)
		if l.end.next%tailEach == 0 {
			changes = append(changes, store.RecordChange{
				Bucket: bucket, Key: tailKey, Value: strconv.AppendUint(nil, l.end.next, 10), Revision: store.AnyRevision,
			})
		}
		_, err := l.options.Store.Commit(ctx, store.Transaction{Records: changes})
		var conflict *store.ConflictError
		if errors.As(err, &conflict) {
			if l.end, err = follow(ctx, l.records, l.end); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			l.end = place{l.end.next + 1, c.hash}
		}
		return err
	}
}

// tailEach is after how many chunks it is noted where the end is.
const tailEach = 64

// findEnd finds the end of the log.
func findEnd(ctx context.Context, records store.Records) (place, error) {
	record, err := records.Get(ctx, tailKey)
	if errors.Is(err, store.ErrNotFound) {
		return follow(ctx, records, place{})
	}
	if err != nil {
		return place{}, err
	}
	number, err := strconv.ParseUint(string(record.Value), 10, 64)
	if err != nil {
		return place{}, fmt.Errorf("the note of where the audit log ends cannot be read: %w", err)
	}
	return follow(ctx, records, place{next: number})
}

// follow goes on from a place to the end.
func follow(ctx context.Context, records store.Records, p place) (place, error) {
	after := ""
	if p.next > 0 {
		after = chunkKey(p.next - 1)
	}
	for {
		list, err := records.List(ctx, chunkPrefix, after, 64)
		if err != nil || len(list) == 0 {
			return p, err
		}
		for _, record := range list {
			number, err := chunkNumber(record.Key)
			if err != nil {
				return p, err
			}
			c, err := parseChunk(record.Value)
			if err != nil {
				return p, fmt.Errorf("chunk %d of the audit log: %w", number, err)
			}
			p, after = place{number + 1, c.hash}, record.Key
		}
	}
}

func chunkNumber(key string) (uint64, error) {
	return strconv.ParseUint(strings.TrimPrefix(key, chunkPrefix), 16, 64)
}

// Head is how the log ends, for keeping elsewhere: the number of chunks and the hash of the last one in hexadecimal.
func (l *Log) Head() (chunks uint64, hash string) {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.end.next, fmt.Sprintf("%x", l.end.hash)
}

// Problem is one thing that disagrees in a log.
type Problem struct {
	Chunk  uint64
	Detail string
}

func (p Problem) String() string { return fmt.Sprintf("audit log, chunk %d: %s", p.Chunk, p.Detail) }

// Checked is what Check saw.
type Checked struct {
	Chunks uint64
	Events int
	Hash   string // of the last chunk
	Last   time.Time
}

// Check walks a log and reports each chunk that was changed, taken away or put in later. A problem is not an error.
func Check(ctx context.Context, records store.Records, report func(Problem)) (Checked, error) {
	var seen Checked
	var before [hashSize]byte
	after := ""
	for {
		list, err := records.List(ctx, chunkPrefix, after, 64)
		if err != nil || len(list) == 0 {
			seen.Hash = fmt.Sprintf("%x", before)
			return seen, err
		}
		for _, record := range list {
			after = record.Key
			number, err := chunkNumber(record.Key)
			if err != nil {
				report(Problem{seen.Chunks, "a key is not that of a chunk"})
				continue
			}
			for ; seen.Chunks < number; seen.Chunks++ {
				report(Problem{seen.Chunks, "it is missing"})
			}
			c, err := parseChunk(record.Value)
			if err != nil {
				report(Problem{number, err.Error()})
				seen.Chunks = number + 1
				continue
			}
			if c.sum(number) != c.hash {
				report(Problem{number, "its content was changed"})
			}
			if c.before != before {
				report(Problem{number, "it does not follow the chunk before"})
			}
			events, err := c.events()
			if err != nil {
				report(Problem{number, err.Error()})
			}
			seen.Chunks, seen.Events, before = number+1, seen.Events+len(events), c.hash
			if len(events) > 0 {
				seen.Last = events[len(events)-1].At
			}
		}
	}
}
