package account

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"kiln/store"
)

// Failed attempts are counted for each account, never by address alone
// (https://pages.nist.gov/800-63-4/sp800-63b.html#throttle). After free ones each further failure makes the next
// attempt wait, twice as long each time up to longestWait; a success or a new password forgives all.
const (
	freeAttempts = 5
	firstWait    = 30 * time.Second
	longestWait  = 15 * time.Minute
	forgotten    = 24 * time.Hour
)

// failures is what is kept of the attempts of an account.
type failures struct {
	Count int       `json:"count"`
	Until time.Time `json:"until"`
}

func (p *People) failures(ctx context.Context, name string) (f failures, revision uint64, err error) {
	record, err := p.attempts.Get(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return f, 0, nil
	}
	if err != nil {
		return f, 0, err
	}
	return f, record.Revision, json.Unmarshal(record.Value, &f)
}

// reserve counts an attempt as failed before it is tried, so that many at once cannot get more than their number.
func (p *People) reserve(ctx context.Context, name string) error {
	now := p.options.Now()
	return p.count(ctx, name, func(f *failures) error {
		if now.Before(f.Until) {
			return &LockedError{Until: f.Until}
		}
		f.Count++
		if f.Count >= freeAttempts {
			f.Until = now.Add(wait(f.Count - freeAttempts))
		}
		return nil
	})
}

// release takes one attempt back, which was neither a failure nor a success: no earlier failure is forgiven by it.
func (p *People) release(ctx context.Context, name string) error {
	return p.count(ctx, name, func(f *failures) error {
		if f.Count--; f.Count < freeAttempts {
			f.Until = time.Time{}
		}
		return nil
	})
}

func (p *People) count(ctx context.Context, name string, change func(*failures) error) error {
	for {
		f, revision, err := p.failures(ctx, name)
		if err != nil {
			return err
		}
		if err := change(&f); err != nil {
			return err
		}
		value, err := json.Marshal(f)
		if err != nil {
			return err
		}
		_, err = p.attempts.Put(ctx, name, value, p.options.Now().Add(forgotten), revision)
		var conflict *store.ConflictError
		if errors.As(err, &conflict) && ctx.Err() == nil {
			continue
		}
		return err
	}
}

func wait(beyond int) time.Duration {
	return min(firstWait<<min(beyond, 10), longestWait)
}

func (p *People) forgive(ctx context.Context, name string) error {
	return p.attempts.Delete(ctx, name, store.AnyRevision)
}
