package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kiln/auth/account"
	"kiln/auth/smart/smarttest"
)

// TestAnInvitationEndsWithWhatItWasFor: one for a clerk opens no director.
func TestAnInvitationEndsWithWhatItWasFor(t *testing.T) {
	f := newFlow(t)
	f.must(f.people.Add(t.Context(), account.Account{Name: "eve", Rank: "clerk"}, passphrase))
	p := press(t, f.browser().Open(f.issuer+"/auth/people").SignIn("koch", passphrase), "eve", "invite", nil)
	_, link, _ := strings.Cut(p.Body, "<code>"+f.issuer)
	link, _, _ = strings.Cut(link, "</code>")
	if p := f.browser().Open(f.issuer + link); p.Status != http.StatusOK {
		t.Fatalf("the invitation %q: %d", link, p.Status)
	}
	for _, name := range []string{"boss", "chief"} {
		press(t, f.browser().Open(f.issuer+"/auth/people").SignIn(name, passphrase), "eve", "rank", url.Values{"rank": {"director"}})
	}
	if a, err := f.people.Get(t.Context(), "eve"); err != nil || a.Rank != "director" {
		t.Fatalf("eve is %v, %v", a, err)
	}
	if err := f.people.Accept(t.Context(), strings.TrimPrefix(link, "/auth/invitation/"), "", "nine small boats"); err == nil {
		t.Error("the invitation of the clerk sets the password of the director")
	}
}

// TestTheFirstOfTwoMustStillBeWhoTheyWere.
func TestTheFirstOfTwoMustStillBeWhoTheyWere(t *testing.T) {
	f := newFlow(t)
	f.must(f.people.Add(t.Context(), account.Account{Name: "eve", Rank: "clerk"}, passphrase))
	rise := func(by string) {
		press(t, f.browser().Open(f.issuer+"/auth/people").SignIn(by, passphrase), "eve", "rank", url.Values{"rank": {"director"}})
	}
	rise("chief")
	f.must(f.people.SetRank(t.Context(), "chief", "clerk"))
	rise("boss")
	if a, err := f.people.Get(t.Context(), "eve"); err != nil || a.Rank != "clerk" {
		t.Errorf("eve is %s by one who is no director any more: %v", a.Rank, err)
	}
}

// TestWhatIsForTheSessionEndsWithIt: also the access token that is there.
func TestWhatIsForTheSessionEndsWithIt(t *testing.T) {
	f := newFlow(t)
	b := f.browser()
	p := b.Open(f.authorizeURL(map[string]string{"scope": "openid launch/patient online_access patient/*.rs"})).SignIn("lind", passphrase)
	p = p.Submit(smarttest.Field{Name: "decision", Value: "allow"})
	token := f.redeem(f.left(p).Get("code"), nil).text("access_token")
	if got := f.read("Observation/o1", token); got != http.StatusOK {
		t.Fatalf("before: %d", got)
	}
	out := b.Open(f.issuer + "/auth/logout")
	for i := range out.Forms {
		if out.Forms[i].Action == "/auth/logout" {
			out.Send(&out.Forms[i], url.Values{})
		}
	}
	if got := f.read("Observation/o1", token); got != http.StatusUnauthorized {
		t.Errorf("after the sign-out: %d", got)
	}
}

// TestWhatAnybodySendsIsNotKept: neither what is typed as a name, which may be a password, nor ids of clients of any length.
func TestWhatAnybodySendsIsNotKept(t *testing.T) {
	f := newFlow(t)
	f.browser().Open(f.issuer+"/auth/signin").SignIn("my password in the wrong field", "x")
	long := strings.Repeat("a", 100_000)
	if a := f.post("/auth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {long}, "client_secret": {"x"}}); a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest {
		t.Errorf("a long client_id: %d %v", a.status, a.body)
	}
	for _, who := range f.heard() {
		if len(who) > 100 || strings.Contains(who, "wrong field") {
			t.Errorf("told of %.60q", who)
		}
	}
	if len(f.heard()) < 2 {
		t.Errorf("heard %q", f.heard())
	}
}

// TestWhoReachesNoPatientsIsToldSo: an app that asks for a patient gets no answer from the server's failing.
func TestWhoReachesNoPatientsIsToldSo(t *testing.T) {
	f := newFlow(t)
	for _, name := range []string{"koch", "boss"} {
		p := f.browser().Open(f.authorizeURL(nil)).SignIn(name, passphrase)
		if p.Left == nil || p.Left.Query().Get("error") != "access_denied" {
			t.Errorf("%s ends at %v with %d %s", name, p.Left, p.Status, p.Body)
		}
	}
}
