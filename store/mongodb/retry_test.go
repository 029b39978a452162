package mongodb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"kiln/search"
	"kiln/store"
	"kiln/store/storetest"
)

func TestWhatIsTriedAgain(t *testing.T) {
	conflict := mongo.CommandError{Code: writeConflict, Labels: []string{transientLabel}}
	for _, test := range []struct {
		err                         error
		transient, unknown, passing bool
	}{
		{err: conflict, transient: true, passing: true},
		{err: fmt.Errorf("writing: %w", conflict), transient: true, passing: true},
		{err: mongo.CommandError{Code: steppedDown, Labels: []string{"UnknownTransactionCommitResult"}}, unknown: true, passing: true},
		{err: mongo.CommandError{Labels: []string{"NetworkError"}}, passing: true},
		{err: errors.Join(errMoved, errors.New("more")), transient: true},
		{err: errors.Join(store.ErrUnknown, conflict)},
		{err: &store.ConflictError{}},
		{err: store.ErrTooLarge},
		{err: errKilled},
		{},
	} {
		if transient(test.err) != test.transient || unknownResult(test.err) != test.unknown || passing(test.err) != test.passing {
			t.Errorf("%v: transient %t, unknown %t, passing %t", test.err, transient(test.err), unknownResult(test.err), passing(test.err))
		}
	}
}

// TestWhoLosesComesBackSoon: a failover takes its time, another landing does not.
func TestWhoLosesComesBackSoon(t *testing.T) {
	for err, most := range map[error]time.Duration{
		errMoved: waitConflict,
		&mongo.BulkWriteException{WriteErrors: []mongo.BulkWriteError{{WriteError: mongo.WriteError{Code: writeConflict}}}}: waitConflict,
		errKilled: waitMost,
	} {
		wait := waitFirst
		for range 20 {
			wait = longer(wait, err)
		}
		if wait != most || longer(waitFirst, err) != 2*waitFirst {
			t.Errorf("%v: it waits %s at most; expected %s", err, wait, most)
		}
	}
}

func TestAgainEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	times := 0
	err := again(ctx, func(context.Context) error {
		if times++; times == 3 {
			cancel()
		}
		return errMoved
	})
	if !errors.Is(err, errMoved) || times != 3 {
		t.Errorf("tried %d times, %v", times, err)
	}
}

// TestStepsThatFail: each single command of a landing in ordered steps fails, before or after it is done. It
// lands once, or is told to have failed and has not landed, whatever others find.
func TestStepsThatFail(t *testing.T) {
	for name, way := range map[string]failure{"connection lost": {hangUp: true}, "connection lost after the deed": {hangUp: true, done: true}, "step down": {code: steppedDown}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			landed, at := 0, 0
			for ; ; at++ {
				reached, err := failsAt(t, at, way)
				if err == nil {
					landed++
				}
				if !reached {
					break
				}
			}
			if landed < 5 {
				t.Errorf("of %d times it landed %d times, though most failures are none of those that stay", at, landed)
			}
		})
	}
}

// failsAt lets one command of a landing fail, and compares how it ends with what others find. It is not reached where
// the landing takes fewer commands.
func failsAt(t *testing.T, at int, way failure) (reached bool, ended error) {
	r := startReplicaSet(t)
	s, other := r.ordered(t), r.ordered(t)
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/b")}}); err != nil {
		t.Fatal(err)
	}
	n := 0
	r.failing(func(said) *failure {
		if n++; n == at+1 {
			return &way
		}
		return nil
	})
	_, ended = s.Commit(t.Context(), guarded())
	r.failing(nil)
	want := uint64(0)
	if ended == nil {
		want = 1
	}
	if _, err := other.Commit(t.Context(), store.Transaction{Guards: []store.Guard{{Key: "next"}}}); err != nil {
		t.Fatal(err)
	}
	value, err := other.Guard(t.Context(), "g")
	page, err2 := other.History(t.Context(), store.HistoryQuery{Type: "Patient", ID: "a", Count: 10})
	if value != want || len(page.Versions) != int(want) || err != nil || err2 != nil {
		t.Errorf("failing at command %d it ended with %v, and the guard is %d with %d versions, %v %v", at, ended, value, len(page.Versions), err, err2)
	}
	return n > at, ended
}

// TestOutOfReachAfterThePlanIsIntended: the server goes away when it is decided that a transaction lands, and connections
// are refused for a while. Who has it written is told the truth.
func TestOutOfReachAfterThePlanIsIntended(t *testing.T) {
	r := startReplicaSet(t)
	s, gone := r.ordered(t), false
	r.failing(func(c said) *failure {
		if !gone && c.name == "insert" && c.body.Lookup("insert").StringValue() == intentsCollection {
			r.down, gone = 4, true
			return &failure{hangUp: true, done: true}
		}
		return nil
	})
	_, err := s.Commit(t.Context(), guarded())
	r.failing(nil)
	value, e := s.Guard(t.Context(), "g")
	if err != nil || value != 1 || e != nil {
		t.Errorf("it ended with %v, and the guard is %d, %v", err, value, e)
	}
}

// TestErrorsOfConnections: none of them tells what was done.
func TestErrorsOfConnections(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for _, err := range []error{
		refused,
		topology.ConnectionError{Wrapped: io.EOF},
		topology.ServerSelectionError{Wrapped: errKilled},
		topology.WaitQueueTimeoutError{},
		fmt.Errorf("writing: %w", topology.ConnectionError{Wrapped: refused}),
	} {
		if !passing(err) {
			t.Errorf("%v is taken for one that stays", err)
		}
	}
}

// ordered opens a store that writes without transactions, and leaves it to Kiln to try again.
func (r *replicaSet) ordered(t testing.TB) *Store {
	s, err := Open(t.Context(), r.url()+"&retryWrites=false&retryReads=false", Options{
		Now: storetest.NewClock().Now, Parameters: storetest.Parameters(), WithoutTransactions: true, Term: shortTerm,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestReadsOfAServerThatIsGone say that it does not answer.
func TestReadsOfAServerThatIsGone(t *testing.T) {
	r := startReplicaSet(t)
	s, err := Open(t.Context(), r.url()+"&serverSelectionTimeoutMS=300&retryReads=false", Options{
		Now: storetest.NewClock().Now, Parameters: storetest.Parameters(), WithoutTransactions: true, Term: shortTerm,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Read(t.Context(), store.Key{Type: "Patient", ID: "p"}); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("before: %v", err)
	}
	r.failing(func(said) *failure { return &failure{hangUp: true} })
	defer r.failing(nil)
	if _, err := s.Read(t.Context(), store.Key{Type: "Patient", ID: "p"}); !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("a read: %v", err)
	}
	if _, err := s.Search(t.Context(), &search.Query{Count: 1, Branches: []search.Branch{{Type: "Patient"}}}, nil); !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("a search: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Read(ended, store.Key{Type: "Patient", ID: "p"}); errors.Is(err, store.ErrUnreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("a read whose context has ended: %v", err)
	}
}
