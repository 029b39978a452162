package storetest

import (
	"time"

	"kiln/store"
)

var inventories = []promise{
	{"the claims of a resource are those of its current version, each once, in order", claimsListed},
	{"buckets are listed while they have a record that has not expired", bucketsListed},
}

func (t *trial) claims(key string, want ...string) {
	t.Helper()
	got, err := t.Claims(t.ctx, Key(key))
	t.must(err)
	t.equal("the claims of "+key, append([]string{}, got...), append([]string{}, want...))
}

func claimsListed(t *trial) {
	t.claims("Patient/a")
	t.put(Put("Patient/a"), Claiming(Put("Patient/b"), "z", "y", "z", "\xff\x00"))
	t.claims("Patient/a")
	t.claims("Patient/b", "y", "z", "\xff\x00")
	t.put(Claiming(Put("Patient/b"), "x", "y"))
	t.claims("Patient/b", "x", "y")
	t.put(Delete("Patient/b"))
	t.claims("Patient/b")
	t.put(Claiming(Put("Patient/b"), "x"))
	t.claims("Patient/b", "x")
	t.claims("Observation/b")
}

func (t *trial) buckets(want ...string) {
	t.Helper()
	got, err := t.Buckets(t.ctx)
	t.must(err)
	t.equal("the buckets", append([]string{}, got...), append([]string{}, want...))
}

func bucketsListed(t *trial) {
	t.buckets()
	t.putRecord("long name", "a", "1", time.Time{}, 0)
	t.putRecord("b", "a", "1", t.clock.Now().Add(time.Minute), 0)
	t.putRecord("b", "b", "1", t.clock.Now().Add(time.Hour), 0)
	t.putRecord("\xff", "", "1", t.clock.Now().Add(time.Minute), 0)
	t.putRecord("", "a", "", time.Time{}, 0)
	t.buckets("", "b", "long name", "\xff")
	t.clock.Advance(time.Minute)
	t.buckets("", "b", "long name")
	t.must(t.Records("").Delete(t.ctx, "a", store.AnyRevision))
	t.clock.Advance(time.Hour)
	t.buckets("long name")
}
