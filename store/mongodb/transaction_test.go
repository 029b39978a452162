package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"kiln/store"
	"kiln/store/storetest"
)

func (r *replicaSet) open(t testing.TB) *Store {
	s, err := Open(t.Context(), r.url(), Options{Now: storetest.NewClock().Now, Parameters: storetest.Parameters()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// words are the commands of transactions, each with what it says of the transaction.
func words(t *testing.T, list []said) (text []string) {
	t.Helper()
	for _, s := range list {
		if auto, ok := s.body.Lookup("autocommit").BooleanOK(); !ok || auto {
			continue
		}
		word := s.name
		if on, ok := s.body.Lookup(s.name).StringValueOK(); ok {
			word += " " + on
		}
		if begins, ok := s.body.Lookup("startTransaction").BooleanOK(); ok && begins {
			word += ", begins at " + s.body.Lookup("readConcern", "level").StringValue()
		}
		if concern, err := s.body.LookupErr("writeConcern"); err == nil {
			word += fmt.Sprintf(", w %s j %t", concern.Document().Lookup("w").StringValue(), concern.Document().Lookup("j").Boolean())
		}
		text = append(text, word)
	}
	return text
}

// numbers are those of the transactions, in order, each once.
func numbers(list []said) (numbers []string) {
	for _, s := range list {
		if _, err := s.body.LookupErr("autocommit"); err == nil {
			numbers = append(numbers, fmt.Sprint(s.body.Lookup("lsid"), s.body.Lookup("txnNumber")))
		}
	}
	return slices.Compact(numbers)
}

func guarded() store.Transaction {
	return store.Transaction{
		Changes: []store.Change{storetest.Claiming(storetest.Put("Patient/a"), "bed")}, Guards: []store.Guard{{Key: "g"}},
	}
}

// TestNoTransactionMakesACollection: all that a first commit writes to is there before its transaction begins, since one
// over several shards may make none: https://www.mongodb.com/docs/manual/core/transactions-operations/#create-collections-in-a-transaction
func TestNoTransactionMakesACollection(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	tx := guarded()
	tx.Records = []store.RecordChange{{Bucket: "b", Key: "k", Value: []byte{1}}}
	if _, err := s.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/a")}}); err != nil {
		t.Error(err)
	}
	r.open(t) // which finds them there
}

func TestWhatATransactionSays(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	if _, err := s.Commit(t.Context(), store.Transaction{Guards: []store.Guard{{Key: "h"}}}); err != nil {
		t.Fatal(err)
	}
	r.take()
	if _, err := s.Commit(t.Context(), guarded()); err != nil {
		t.Fatal(err)
	}
	list := r.take()
	want := []string{
		"findAndModify kiln, begins at snapshot", "find Patient", "find claims", "find guards",
		"insert feed", "insert Patient", "insert claims", "insert guards", "update kiln", "commitTransaction, w majority j true",
	}
	if got := words(t, list); !slices.Equal(got, want) {
		t.Errorf("a transaction says\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := numbers(list); len(n) != 1 {
		t.Errorf("it is of several transactions: %s", n)
	}
}

// TestPassingFailuresAreTriedAgain: each command of a transaction fails, in each way that passes, and the
// transaction lands once.
func TestPassingFailuresAreTriedAgain(t *testing.T) {
	ways := map[string]failure{
		"write conflict":                    {code: writeConflict, labels: []string{transientLabel}},
		"no such transaction":               {code: noSuchTransaction, labels: []string{transientLabel}},
		"a primary that steps down":         {code: steppedDown, labels: []string{transientLabel}},
		"a connection lost":                 {hangUp: true},
		"a connection lost after the deed":  {hangUp: true, done: true},
		"a step down after the commit":      {code: steppedDown, labels: []string{"RetryableWriteError", "UnknownTransactionCommitResult"}, done: true},
		"three connections lost at the end": {hangUp: true, done: true},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			for _, at := range []string{"findAndModify", "find", "insert", "update", "commitTransaction"} {
				if way.done && way.labels != nil && at != "commitTransaction" {
					continue // only a commit has an unknown result
				}
				times := 1
				if strings.HasPrefix(name, "three") {
					times = 3
				}
				landsDespite(t, at, way, times)
			}
		})
	}
}

// landsDespite lets a command of a transaction fail so many times.
func landsDespite(t *testing.T, at string, way failure, times int) {
	r := startReplicaSet(t)
	s := r.open(t)
	r.failing(func(c said) *failure {
		if _, err := c.body.LookupErr("autocommit"); err == nil && c.name == at && times > 0 {
			times--
			return &way
		}
		return nil
	})
	versions, err := s.Commit(t.Context(), guarded())
	r.failing(nil)
	if err != nil || times != 0 || versions[0].VersionID != 1 {
		t.Fatalf("failing at %s it ended with %v %v", at, versions, err)
	}
	feed, err := s.History(t.Context(), store.HistoryQuery{Count: 10})
	if value, e := s.Guard(t.Context(), "g"); err != nil || e != nil || value != 1 || len(feed.Versions) != 1 {
		t.Errorf("failing at %s the guard is %d, and there are %d versions, %v %v", at, value, len(feed.Versions), err, e)
	}
}

// TestUnknownCommitsAreFoundOut: the answer to a commit is lost, and whatever is answered to the next, it is known in the end
// whether it landed: once.
func TestUnknownCommitsAreFoundOut(t *testing.T) {
	for name, test := range map[string]struct {
		done bool
		next failure
		lost int // more answers than those two that the driver asks for by itself
	}{
		"landed, then refused":         {true, failure{code: 13}, 0},
		"landed, then forgotten":       {true, failure{code: noSuchTransaction, labels: []string{transientLabel}}, 0},
		"landed, then asked again":     {true, failure{hangUp: true}, 0},
		"not landed, then forgotten":   {false, failure{code: noSuchTransaction, labels: []string{transientLabel}}, 0},
		"not landed, then asked again": {false, failure{code: 13}, 0},
		"not landed, forgotten later":  {false, failure{code: noSuchTransaction, labels: []string{transientLabel}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReplicaSet(t)
			s := r.open(t)
			asked := 0
			r.failing(func(c said) *failure {
				if c.name != "commitTransaction" {
					return nil
				}
				switch asked++; {
				case asked <= 2+test.lost:
					return &failure{hangUp: true, done: test.done}
				case asked <= 4+test.lost:
					return &test.next
				}
				return nil
			})
			versions, err := s.Commit(t.Context(), guarded())
			if err != nil || versions[0].VersionID != 1 {
				t.Fatal(versions, err)
			}
			if value, err := s.Guard(t.Context(), "g"); value != 1 || err != nil {
				t.Errorf("the guard is %d, %v", value, err)
			}
		})
	}
}

// TestWhatIsNotReplacedIsAnError: in a snapshot everything is as it was read; were it not, half a landing would be written.
func TestWhatIsNotReplacedIsAnError(t *testing.T) {
	s := startReplicaSet(t).open(t)
	c := s.db.Collection(guardsCollection)
	fresh := mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "_id", Value: "g"}, {Key: "turn", Value: int64(2)}})
	if err := strictly(t.Context(), c, []mongo.WriteModel{fresh}); err != nil {
		t.Fatal(err)
	}
	for turn, wrong := range map[int64]bool{1: true, 2: false} {
		other := mongo.NewReplaceOneModel().SetFilter(append(byID("g"), bson.E{Key: "turn", Value: turn})).SetReplacement(bson.D{{Key: "turn", Value: int64(2)}})
		if err := strictly(t.Context(), c, []mongo.WriteModel{other}); (err != nil) != wrong {
			t.Errorf("replacing what is of turn %d: %v", turn, err)
		}
	}
}

// TestFailuresThatStay: nothing has landed, and it is told.
func TestFailuresThatStay(t *testing.T) {
	const unauthorized = 13
	r := startReplicaSet(t)
	s := r.open(t)
	r.failing(func(c said) *failure {
		if c.name == "insert" {
			return &failure{code: unauthorized}
		}
		return nil
	})
	if _, err := s.Commit(t.Context(), guarded()); err == nil {
		t.Error("it landed without the right to write")
	}
	r.failing(nil)
	if value, err := s.Guard(t.Context(), "g"); value != 0 || err != nil {
		t.Errorf("the guard is %d, %v", value, err)
	}
	if open := len(r.transactions); open != 0 {
		t.Errorf("%d transactions are left open", open)
	}
}

// TestRequestEndsWhileItIsTriedAgain: who does not wait any more is told so, and nothing lands.
func TestRequestEndsWhileItIsTriedAgain(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	times := 0
	r.failing(func(c said) *failure {
		if c.name != "findAndModify" {
			return nil
		}
		if times++; times == 3 {
			cancel()
		}
		return &failure{code: writeConflict, labels: []string{transientLabel}}
	})
	if _, err := s.Commit(ctx, guarded()); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	r.failing(nil)
	if value, err := s.Guard(t.Context(), "g"); value != 0 || err != nil {
		t.Errorf("the guard is %d, %v", value, err)
	}
}

// TestTransactionsOfTwoProcesses: of two that overlap one begins again, so that no update is lost.
func TestTransactionsOfTwoProcesses(t *testing.T) {
	r := startReplicaSet(t)
	stores := []*Store{r.open(t), r.open(t)}
	if _, err := stores[0].Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/counter")}}); err != nil {
		t.Fatal(err)
	}
	const writers, each = 16, 5
	var all sync.WaitGroup
	taken := make(chan int, writers*each)
	for w := range writers {
		all.Go(func() {
			s := stores[w%2]
			for round := range each {
				_, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{
					storetest.Claiming(storetest.Put(fmt.Sprintf("Patient/w%d-%d", w, round)), fmt.Sprint("identifier ", round)),
				}})
				conflict := new(store.ConflictError)
				switch {
				case err == nil:
					taken <- round
				case !errors.As(err, &conflict) || conflict.Kind != store.KindClaim:
					t.Error(err)
				}
				if err := increment(t.Context(), s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	counter, err := stores[1].Read(t.Context(), storetest.Key("Patient/counter"))
	if err != nil || counter.VersionID != 1+writers*each || len(taken) != each {
		t.Errorf("%d claims were taken of %d, and the counter is at version %d, %v", len(taken), each, counter.VersionID, err)
	}
}

// TestTooLargeForATransaction: the limit is looked at before anything is written.
func TestTooLargeForATransaction(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	var tx store.Transaction
	for i := range maxTransaction>>20 + 1 {
		tx.Records = append(tx.Records, store.RecordChange{Bucket: "b", Key: fmt.Sprint(i), Value: make([]byte, 1<<20)})
	}
	r.take()
	if _, err := s.Commit(t.Context(), tx); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("it ended with %v", err)
	}
	for _, c := range r.take() {
		if c.name == "insert" || c.name == "update" || c.name == "commitTransaction" {
			t.Errorf("it said %s", c.name)
		}
	}
}

// TestStoreInTransactions checks the promises that have to do with writing on a server with transactions.
func TestStoreInTransactions(t *testing.T) {
	sets := map[string]*replicaSet{}
	storetest.Run(t, func(t testing.TB, dir string, options storetest.Options) store.Store {
		group := strings.Split(t.Name(), "/")[1]
		if !slices.Contains([]string{"Commit", "Key", "Precondition", "Guard", "Claim", "Record", "Close", "Concurrency", "Reopen", "Feed", "History", "Snapshot", "Preview", "Search"}, group) {
			t.Skip("on the peer")
		}
		if sets[dir] == nil {
			sets[dir] = startReplicaSet(t)
		}
		s, err := Open(t.Context(), sets[dir].url(), Options{Now: options.Now, Parameters: options.Parameters})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, storetest.Durable)
}
