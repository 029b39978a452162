package account_test

import (
	"testing"

	"kiln/auth/account"
)

// TestSubject: a person at an identity provider is found by what names them for good, and is linked to one account.
func TestSubject(t *testing.T) {
	h := newHouse(t)
	eva, rui := account.SubjectOf("https://id.example", "1"), account.SubjectOf("https://id.example", "2")
	_, err := h.Vouched(h.ctx(), eva)
	h.want(err, account.ErrUnknown)

	h.must(h.Add(h.ctx(), account.Account{Name: "eva", Rank: "nurse", Subject: eva, Provided: true}, ""))
	if a, err := h.Vouched(h.ctx(), eva); err != nil || a.Name != "eva" || a.Local() {
		t.Fatalf("%+v, %v", a, err)
	}
	h.want(h.Add(h.ctx(), account.Account{Name: "eva2", Rank: "nurse", Subject: eva}, ""), account.ErrLinked)
	_, err = h.Get(h.ctx(), "eva2")
	h.want(err, account.ErrUnknown)

	h.add("ada")
	before, err := h.Get(h.ctx(), "ada")
	h.must(err)
	h.want(h.Link(h.ctx(), "ada", eva), account.ErrLinked)
	h.want(h.Link(h.ctx(), "nobody", rui), account.ErrUnknown)
	h.must(h.Link(h.ctx(), " ADA ", rui))
	ada, err := h.Vouched(h.ctx(), rui)
	h.must(err)
	if ada.Name != "ada" || ada.Epoch == before.Epoch || !ada.Local() {
		t.Errorf("%+v", ada)
	}
	h.must(h.Link(h.ctx(), "ada", rui)) // again: nothing ends
	if again, err := h.Get(h.ctx(), "ada"); err != nil || again.Epoch != ada.Epoch {
		t.Errorf("%+v, %v", again, err)
	}

	h.must(h.Link(h.ctx(), "ada", ""))
	_, err = h.Vouched(h.ctx(), rui)
	h.want(err, account.ErrUnknown)
	h.must(h.Link(h.ctx(), "eva", rui)) // free now
	a, err := h.Vouched(h.ctx(), rui)
	h.must(err)
	if a.Name != "eva" || a.Provided {
		t.Errorf("%+v", a)
	}
	_, err = h.Vouched(h.ctx(), eva)
	h.want(err, account.ErrUnknown)

	// A name that failed to be made leaves nothing in the way.
	h.want(h.Add(h.ctx(), account.Account{Name: "eva", Rank: "nurse", Subject: eva}, ""), account.ErrExists)
	h.must(h.Link(h.ctx(), "ada", eva))
}
