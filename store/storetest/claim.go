package storetest

import "kiln/store"

var claims = []promise{
	{"a claim is held by one resource in the whole store", claimHeldAlone},
	{"a version holds the claims that it repeats and releases the others", claimsRepeated},
	{"a tombstone holds no claim, and takes none", tombstoneHoldsNone},
	{"what a transaction releases is free for its other changes, in any order", claimsMove},
	{"two changes of one transaction cannot take the same claim", claimTakenTwice},
	{"a claim that was released and taken by another is not released again", claimNotReleasedAgain},
	{"a claim given twice by one change is one claim", claimGivenTwice},
	{"claims are any bytes", claimBytes},
}

func held(by, claim, holder string) store.ConflictError {
	return store.ConflictError{Kind: store.KindClaim, Key: Key(by), Claim: claim, Holder: Key(holder)}
}

// holds demands that a resource holds a claim.
func (t *trial) holds(holder, claim string) {
	t.Helper()
	t.refused(store.Transaction{Changes: []store.Change{Claiming(Put("Basic/taker"), claim)}}, held("Basic/taker", claim, holder))
}

// free demands that nobody holds a claim.
func (t *trial) free(claim string) {
	t.Helper()
	t.put(Claiming(Put("Basic/taker"), claim))
	t.put(Delete("Basic/taker"))
}

func claimHeldAlone(t *trial) {
	t.put(Claiming(Put("Patient/a"), "bed 1"))
	for _, other := range []string{"Patient/b", "Observation/a"} {
		t.refused(store.Transaction{Changes: []store.Change{Claiming(Put(other), "bed 2", "bed 1")}}, held(other, "bed 1", "Patient/a"))
	}
	t.put(Claiming(Put("Patient/b"), "bed 2"))
	t.holds("Patient/a", "bed 1")
	t.holds("Patient/b", "bed 2")
}

func claimsRepeated(t *trial) {
	t.put(Claiming(Put("Patient/a"), "1", "2"))
	t.put(Claiming(Put("Patient/a"), "2", "3"))
	t.free("1")
	t.holds("Patient/a", "2")
	t.holds("Patient/a", "3")
	t.put(Claiming(Put("Patient/a"), "3", "2"))
	t.holds("Patient/a", "2")
	t.put(Put("Patient/a"))
	t.free("2")
	t.free("3")
}

func tombstoneHoldsNone(t *trial) {
	t.put(Claiming(Put("Patient/a"), "1"))
	t.put(Claiming(Delete("Patient/a"), "1", "2"))
	t.free("1")
	t.free("2")
	t.put(Put("Patient/a"))
	t.free("1")
	t.put(Claiming(Put("Patient/b"), "1"))
	t.put(Claiming(Delete("Patient/a"), "1"))     // takes nothing, so nothing is in its way
	t.put(Claiming(Delete("Patient/never"), "1")) // nor here
	t.holds("Patient/b", "1")
}

func claimsMove(t *trial) {
	t.put(Claiming(Put("Patient/a"), "1"), Claiming(Put("Patient/b"), "2"))
	t.put(Claiming(Put("Patient/a"), "2"), Claiming(Put("Patient/b"), "1"))
	t.holds("Patient/b", "1")
	t.holds("Patient/a", "2")
	t.put(Claiming(Put("Patient/c"), "1"), Delete("Patient/b"))
	t.holds("Patient/c", "1")
	t.put(Put("Patient/a"), Claiming(Put("Patient/d"), "2"))
	t.holds("Patient/d", "2")
	// What is kept is not free, whichever stands first.
	keep, take := Claiming(Put("Patient/d"), "2", "3"), Claiming(Put("Patient/e"), "2")
	t.refused(store.Transaction{Changes: []store.Change{keep, take}}, held("Patient/e", "2", "Patient/d"))
	t.refused(store.Transaction{Changes: []store.Change{take, keep}}, held("Patient/e", "2", "Patient/d"))
	t.free("3")
}

func claimTakenTwice(t *trial) {
	t.refused(store.Transaction{Changes: []store.Change{Claiming(Put("Patient/a"), "1"), Claiming(Put("Patient/b"), "1")}},
		held("Patient/b", "1", "Patient/a"))
	t.free("1")
	t.put(Claiming(Put("Patient/x"), "1"))
	t.refused(store.Transaction{Changes: []store.Change{
		Claiming(Put("Patient/a"), "1"), Delete("Patient/x"), Claiming(Put("Patient/b"), "1"),
	}}, held("Patient/b", "1", "Patient/a"))
	t.holds("Patient/x", "1")
}

func claimNotReleasedAgain(t *trial) {
	t.put(Claiming(Put("Patient/a"), "1"))
	t.put(Put("Patient/a"), Claiming(Put("Patient/b"), "1"))
	t.put(Put("Patient/a"))
	t.holds("Patient/b", "1")
	t.put(Delete("Patient/a"))
	t.holds("Patient/b", "1")
	t.put(Put("Patient/a"))
	t.put(Put("Patient/a"))
	t.holds("Patient/b", "1")
}

func claimGivenTwice(t *trial) {
	t.put(Claiming(Put("Patient/a"), "1", "1"))
	t.put(Claiming(Put("Patient/a"), "1"))
	t.holds("Patient/a", "1")
	t.put(Put("Patient/a"))
	t.free("1")
}

func claimBytes(t *trial) {
	keys := []string{"", "a", "a\x00", "a\x00b", "ab", "\x00", "\x00\x00", "\xff", "\xff\xff", "é", "a b\n", "%00", "a/b"}
	t.put(Claiming(Put("Patient/a"), keys...))
	for _, key := range keys {
		t.holds("Patient/a", key)
	}
	for _, key := range []string{"A", "b", "a\x00\x00", "\xfe", "e", "a\x01", "\xff\x00"} {
		t.free(key)
	}
	t.put(Claiming(Put("Patient/a"), keys[1:3]...))
	t.holds("Patient/a", "a")
	t.holds("Patient/a", "a\x00")
	t.free("")
	t.free("a\x00b")
}
