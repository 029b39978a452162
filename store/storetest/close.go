package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"kiln/store"
)

var closings = []promise{
	{"a closed store refuses everything with ErrClosed", closedRefuses},
	{"closing ends open snapshots and previews, and closing again does nothing", closingEndsSnapshots},
	{"closing amid running calls is orderly", closingAmidCalls},
}

// uses are all calls of a Reader.
func uses(ctx context.Context, r store.Reader) map[string]error {
	used := map[string]error{}
	_, used["Read"] = r.Read(ctx, Key("Patient/a"))
	_, used["ReadVersion"] = r.ReadVersion(ctx, Key("Patient/a"), 1)
	_, used["History"] = r.History(ctx, store.HistoryQuery{Count: 1})
	_, used["Search"] = r.Search(ctx, Query("Patient?active=true"), nil)
	_, used["Count"] = r.Count(ctx, Query("Patient?active=true"))
	_, used["Guard"] = r.Guard(ctx, "g")
	return used
}

func (t *trial) allClosed(used map[string]error) {
	t.Helper()
	for call, err := range used {
		t.is(call, err, store.ErrClosed)
	}
}

func closedRefuses(t *trial) {
	t.put(Put("Patient/a"))
	t.putRecord("b", "k", "v", time.Time{}, 0)
	b := t.Records("b")
	t.must(t.Store.Close())
	used := uses(t.ctx, t)
	_, used["Commit"] = t.Commit(t.ctx, store.Transaction{Changes: []store.Change{Put("Patient/a")}})
	_, used["Preview"] = t.Preview(t.ctx, store.Transaction{})
	_, used["Snapshot"] = t.Snapshot(t.ctx)
	_, used["Changes"] = t.Changes(t.ctx, 0)
	_, used["Records.Get"] = b.Get(t.ctx, "k")
	_, used["Records.Put"] = b.Put(t.ctx, "k", nil, time.Time{}, store.AnyRevision)
	_, used["Records.List"] = t.Records("c").List(t.ctx, "", "", 0)
	used["Records.Delete"] = b.Delete(t.ctx, "k", store.AnyRevision)
	_, used["Claims"] = t.Claims(t.ctx, Key("Patient/a"))
	_, used["Buckets"] = t.Buckets(t.ctx)
	t.allClosed(used)
}

func closingEndsSnapshots(t *trial) {
	t.put(Put("Patient/a"))
	snap, err := t.Snapshot(t.ctx)
	t.must(err)
	preview := t.preview(store.Transaction{Changes: []store.Change{Put("Patient/b")}})
	t.must(t.Store.Close())
	t.must(t.Store.Close())
	t.allClosed(uses(t.ctx, snap))
	t.allClosed(uses(t.ctx, preview))
	t.must(snap.Close())
	t.must(preview.Close())
}

// closingAmidCalls closes while others write and read: each call ends well or with ErrClosed.
func closingAmidCalls(t *trial) {
	t.put(Put("Patient/a"))
	var calls sync.WaitGroup
	failures := make(chan error, 10)
	var closed atomic.Bool
	for n := range 10 {
		calls.Go(func() {
			for i := 0; ; i++ {
				late := closed.Load()
				err := t.call(n, i)
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err == nil && late {
					err = errors.New("a call after closing went well")
				}
				if err != nil {
					failures <- err
					return
				}
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	t.must(t.Store.Close())
	closed.Store(true)
	calls.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}

func (t *trial) call(n, i int) error {
	switch n % 5 {
	case 0:
		_, err := t.Commit(t.ctx, store.Transaction{Changes: []store.Change{Put(fmt.Sprintf("Patient/p%d-%d", n, i))}})
		return err
	case 1:
		snap, err := t.Snapshot(t.ctx)
		if err != nil {
			return err
		}
		defer snap.Close()
		_, err = snap.Read(t.ctx, Key("Patient/a"))
		return err
	case 2:
		_, err := t.History(t.ctx, store.HistoryQuery{Count: 20})
		return err
	case 3:
		_, err := t.Search(t.ctx, Query("Patient?_count=20"), nil)
		return err
	}
	_, err := t.Records("b").Put(t.ctx, fmt.Sprint(i), nil, time.Time{}, store.AnyRevision)
	return err
}
