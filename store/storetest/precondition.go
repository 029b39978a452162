package storetest

import (
	"fmt"

	"kiln/store"
)

var preconditions = []promise{
	{"IfVersion asks for the current version, tombstones included, and 0 for none", func(t *trial) { t.preconditions(store.IfVersion) }},
	{"IfAbsent asks that there never was such a resource", func(t *trial) { t.preconditions(store.IfAbsent) }},
	{"a precondition is judged for every change of a transaction", preconditionOfEach},
}

// preconditions tries a kind with every version on every state a resource can be in.
func (t *trial) preconditions(kind store.PreconditionKind) {
	states := [][]store.Change{
		{},
		{Put("Patient/x")},
		{Put("Patient/x"), Put("Patient/x")},
		{Put("Patient/x"), Delete("Patient/x")},
		{Put("Patient/x"), Delete("Patient/x"), Put("Patient/x")},
	}
	n := 0
	for _, state := range states {
		for asked := int64(0); asked < 5; asked++ {
			for _, change := range []store.Change{Put("Patient/x"), Delete("Patient/x")} {
				n++
				key := fmt.Sprintf("Patient/x%d", n)
				for _, c := range state {
					c.Key = Key(key)
					t.put(c)
				}
				change.Key, change.If = Key(key), store.Precondition{Kind: kind, Version: asked}
				t.judge(change, int64(len(state)))
			}
		}
	}
}

// judge commits a change of a resource that is at a version, and expects what its precondition says.
func (t *trial) judge(change store.Change, current int64) {
	t.Helper()
	want := store.ConflictError{Key: change.Key, Current: current}
	switch {
	case change.If.Kind == store.IfVersion && change.If.Version != current:
		want.Kind = store.KindVersion
	case change.If.Kind == store.IfAbsent && current != 0:
		want.Kind = store.KindExists
	default:
		t.put(change)
		return
	}
	t.refused(store.Transaction{Changes: []store.Change{change}}, want)
}

func preconditionOfEach(t *trial) {
	t.put(Put("Patient/a"), Put("Patient/b"))
	t.refused(store.Transaction{Changes: []store.Change{IfVersion(1, Put("Patient/a")), IfVersion(2, Put("Patient/b"))}},
		store.ConflictError{Kind: store.KindVersion, Key: Key("Patient/b"), Current: 1})
	t.put(IfVersion(1, Put("Patient/a")), IfVersion(1, Delete("Patient/b")), IfAbsent(Put("Patient/c")))
}
