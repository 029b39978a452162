package storetest

import "kiln/store"

var guards = []promise{
	{"a guard is 0 until it is bumped, and grows by one with each commit that lists it", guardGrows},
	{"a guard that has moved refuses the transaction", guardMoved},
	{"a guard given twice is bumped once, and must be right both times", guardTwice},
	{"a guard that is expected must be right, and is not bumped", guardExpected},
	{"guards, claims and records with the same key have nothing to do with one another", sameKeys},
}

func guardGrows(t *trial) {
	for n := range uint64(4) {
		t.equal("the guard", t.guard(t, "g"), n)
		tx := store.Transaction{Guards: []store.Guard{{Key: "g", Seen: n}}}
		if n%2 == 0 {
			tx.Changes = []store.Change{Put("Patient/a")}
		}
		t.land(tx)
	}
	t.equal("a guard of another key", t.guard(t, "g2"), uint64(0))
	t.equal("a guard of another key", t.guard(t, ""), uint64(0))
}

func guardMoved(t *trial) {
	bump := store.Transaction{Guards: []store.Guard{{Key: "other"}, {Key: "g"}}}
	t.land(bump)
	bump.Guards[0].Seen = 1
	for _, seen := range []uint64{0, 2, ^uint64(0)} {
		bump.Guards[1].Seen = seen
		t.refused(bump, store.ConflictError{Kind: store.KindGuard, Claim: "g"})
	}
	t.equal("the other guard", t.guard(t, "other"), uint64(1))
}

func guardTwice(t *trial) {
	t.land(store.Transaction{Guards: []store.Guard{{Key: "g"}, {Key: "g"}}})
	t.equal("the guard", t.guard(t, "g"), uint64(1))
	t.refused(store.Transaction{Guards: []store.Guard{{Key: "g", Seen: 1}, {Key: "g", Seen: 2}}},
		store.ConflictError{Kind: store.KindGuard, Claim: "g"})
}

func sameKeys(t *trial) {
	t.land(store.Transaction{
		Changes: []store.Change{Claiming(Put("Patient/a"), "k", "Patient/b")},
		Guards:  []store.Guard{{Key: "k"}, {Key: "Patient/a"}},
		Records: []store.RecordChange{{Bucket: "k", Key: "k", Value: []byte("v")}},
	})
	t.equal("the guard", t.guard(t, "k"), uint64(1))
	t.put(Put("Patient/a"), Put("Patient/b"))
	t.equal("the guard", t.guard(t, "k"), uint64(1))
	t.must(t.Records("k").Delete(t.ctx, "k", store.AnyRevision))
	t.equal("the guard", t.guard(t, "k"), uint64(1))
	t.put(Claiming(Put("Patient/c"), "k"))
}

func guardExpected(t *trial) {
	relying := store.Transaction{Expects: []store.Guard{{Key: "g"}}}
	t.land(relying)
	relying.Changes = []store.Change{Put("Patient/a")}
	t.land(relying)
	t.equal("the guard", t.guard(t, "g"), uint64(0))
	t.land(store.Transaction{Guards: []store.Guard{{Key: "g"}}, Expects: []store.Guard{{Key: "g"}, {Key: "h"}}})
	t.equal("the guard", t.guard(t, "g"), uint64(1))
	t.refused(relying, store.ConflictError{Kind: store.KindGuard, Claim: "g"})
	t.equal("the version", t.read(t, "Patient/a").VersionID, int64(1))
	relying.Expects[0].Seen = 1
	t.land(relying)
	t.refused(store.Transaction{Guards: []store.Guard{{Key: "h", Seen: 1}}, Expects: []store.Guard{{Key: "g"}}},
		store.ConflictError{Kind: store.KindGuard, Claim: "h"})
}
