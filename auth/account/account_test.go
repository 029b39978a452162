package account_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"kiln/auth/account"
	"kiln/store/memory"
)

const passphrase = "seven small boats"

// house is a set of accounts with a clock of its own.
type house struct {
	*account.People
	*testing.T
	engine  *memory.Store
	now     atomic.Int64
	changed atomic.Int64
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t}
	h.now.Store(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).UnixMilli())
	h.engine = memory.New(memory.Options{Now: h.clock})
	t.Cleanup(func() { _ = h.engine.Close() })
	h.People = account.New(account.CheapHashes(account.Options{
		Records: h.engine.Records, Now: h.clock, Changed: func() { h.changed.Add(1) },
	}))
	return h
}

func (h *house) clock() time.Time       { return time.UnixMilli(h.now.Load()).UTC() }
func (h *house) after(d time.Duration)  { h.now.Add(d.Milliseconds()) }
func (h *house) must(err error)         { h.Helper(); h.want(err, nil) }
func (h *house) add(name string)        { h.Helper(); h.must(h.Add(h.Context(), nurse(name), passphrase)) }
func nurse(name string) account.Account { return account.Account{Name: name, Rank: "nurse"} }
func (h *house) ctx() context.Context   { return h.Context() }
func (h *house) fails(password string) {
	h.Helper()
	_, err := h.SignIn(h.ctx(), "ada", password, "")
	h.want(err, account.ErrWrong)
}

func (h *house) signs() *account.SignedIn {
	h.Helper()
	s, err := h.SignIn(h.ctx(), "ada", passphrase, "")
	h.must(err)
	return s
}

func (h *house) want(err, want error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Fatalf("got the error %v, want %v", err, want)
	}
}

func TestSignIn(t *testing.T) {
	h := newHouse(t)
	h.add("Ada")
	s, err := h.SignIn(h.ctx(), " ADA ", passphrase, "")
	h.must(err)
	if s.Account.Name != "ada" || s.Level != account.PasswordOnly || !slices.Equal(s.Methods, []string{"pwd"}) {
		t.Errorf("signed in as %q at level %q by %q", s.Account.Name, s.Level, s.Methods)
	}
	for _, c := range []struct{ name, password string }{
		{"ada", "seven small boat"},
		{"ada", ""},
		{"bob", passphrase},
		{"", passphrase},
		{"ada\x00", passphrase},
		{"ada", strings.Repeat("x", 1<<20)},
	} {
		_, err := h.SignIn(h.ctx(), c.name, c.password, "")
		h.want(err, account.ErrWrong)
	}
	h.must(h.SetDisabled(h.ctx(), "ada", true))
	h.fails(passphrase)
}

func TestPasswordsAreComparedHoweverAccentsAreComposed(t *testing.T) {
	h := newHouse(t)
	h.must(h.Add(h.ctx(), nurse("ada"), "caf\u00e9 am Kanal"))
	_, err := h.SignIn(h.ctx(), "ada", "cafe\u0301 am Kanal", "")
	h.must(err)
}

func TestWhatIsKeptOfPasswords(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	h.add("bob")
	ada, err := h.Get(h.ctx(), "ada")
	h.must(err)
	bob, err := h.Get(h.ctx(), "bob")
	h.must(err)
	if !strings.HasPrefix(ada.Password, "$argon2id$v=19$m=") || ada.Password == bob.Password {
		t.Errorf("two equal passwords are kept as %q and %q", ada.Password, bob.Password)
	}
	for _, bucket := range []string{"accounts", "attempts", "sessions", "invitations", "handles"} {
		all, err := h.engine.Records(bucket).List(h.ctx(), "", "", 0)
		h.must(err)
		for _, r := range all {
			if strings.Contains(string(r.Value), passphrase) {
				t.Errorf("bucket %s holds the password", bucket)
			}
		}
	}
}

func TestAddRefuses(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	h.want(h.Add(h.ctx(), nurse("ADA"), passphrase), account.ErrExists)
	var invalid *account.InvalidError
	err := h.Add(h.ctx(), account.Account{Name: "a b", FHIRUser: "Group/1"}, "short")
	if !errors.As(err, &invalid) || len(invalid.Problems) != 4 {
		t.Errorf("got %v, want four problems at once: name, rank, FHIR user, password", err)
	}
	for _, password := range []string{"bertram-bertram", "aaaaaaaaaaaaaa", strings.Repeat("abcd", 65), "seven\xffsmall boats"} {
		if err := h.Add(h.ctx(), nurse("bertram-bertram"), password); !errors.As(err, &invalid) {
			t.Errorf("password %q: got %v, want a refusal", password, err)
		}
	}
}

func TestAttemptsAreCountedPerAccount(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	h.add("bob")
	for range 5 {
		h.fails("wrong wrong wrong")
	}
	var locked *account.LockedError
	_, err := h.SignIn(h.ctx(), "ada", passphrase, "")
	if !errors.As(err, &locked) || locked.Until.Sub(h.clock()) != 30*time.Second {
		t.Fatalf("after five failures: %v, want a wait of 30 s", err)
	}
	_, err = h.SignIn(h.ctx(), "bob", passphrase, "")
	h.must(err)
	h.after(30 * time.Second)
	h.fails("wrong wrong wrong")
	if _, err = h.SignIn(h.ctx(), "ada", passphrase, ""); !errors.As(err, &locked) || locked.Until.Sub(h.clock()) != time.Minute {
		t.Fatalf("after the sixth: %v, want a wait of a minute", err)
	}
	h.after(time.Minute)
	h.signs()
	for range 4 {
		h.fails("wrong wrong wrong")
	}
	h.signs()
}

func TestALockedNameThatNobodyHasLooksTheSame(t *testing.T) {
	h := newHouse(t)
	for range 5 {
		_, err := h.SignIn(h.ctx(), "nobody", passphrase, "")
		h.want(err, account.ErrWrong)
	}
	var locked *account.LockedError
	if _, err := h.SignIn(h.ctx(), "nobody", passphrase, ""); !errors.As(err, &locked) {
		t.Errorf("got %v, want the wait that an account would get", err)
	}
}

func TestManyAttemptsAtOnceGetNoMoreThanTheirNumber(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	var tried atomic.Int64
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if _, err := h.SignIn(h.ctx(), "ada", "wrong wrong wrong", ""); errors.Is(err, account.ErrWrong) {
				tried.Add(1)
			}
		})
	}
	all.Wait()
	if tried.Load() != 5 {
		t.Errorf("%d passwords were tried, want 5", tried.Load())
	}
}

func TestANewPasswordForgivesAndEndsSessions(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	token, _, err := h.Begin(h.ctx(), h.signs())
	h.must(err)
	for range 5 {
		h.fails("wrong wrong wrong")
	}
	h.must(h.SetPassword(h.ctx(), "ada", "eight small boats"))
	_, err = h.SignIn(h.ctx(), "ada", "eight small boats", "")
	h.must(err)
	_, _, err = h.Session(h.ctx(), token)
	h.want(err, account.ErrNoSession)
	if h.changed.Load() != 1 {
		t.Errorf("%d changes were told, want 1", h.changed.Load())
	}
}

func TestSessionsEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *house, s *account.Session)
		ends bool
	}{
		{"not while they are used", func(h *house, _ *account.Session) { h.after(29 * time.Minute) }, false},
		{"when nobody uses them", func(h *house, _ *account.Session) { h.after(30 * time.Minute) }, true},
		{"when they are ended", func(h *house, s *account.Session) { h.must(h.End(h.ctx(), s.ID)) }, true},
		{"when the account is disabled", func(h *house, _ *account.Session) { h.must(h.SetDisabled(h.ctx(), "ada", true)) }, true},
		{"when the account was disabled meanwhile", func(h *house, _ *account.Session) {
			h.must(h.SetDisabled(h.ctx(), "ada", true))
			h.must(h.SetDisabled(h.ctx(), "ada", false))
		}, true},
		{"when the rank changes", func(h *house, _ *account.Session) { h.must(h.SetRank(h.ctx(), "ada", "clerk")) }, true},
		{"not when the rank stays", func(h *house, _ *account.Session) { h.must(h.SetRank(h.ctx(), "ada", "nurse")) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.add("ada")
			token, s, err := h.Begin(h.ctx(), h.signs())
			h.must(err)
			c.do(h, s)
			_, _, err = h.Session(h.ctx(), token)
			if ended := errors.Is(err, account.ErrNoSession); ended != c.ends {
				t.Errorf("got %v; want an end: %t", err, c.ends)
			}
		})
	}
}

func TestSessionsEndHoweverTheyAreUsed(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	token, _, err := h.Begin(h.ctx(), h.signs())
	h.must(err)
	for range 12*6 - 1 {
		h.after(10 * time.Minute)
		_, _, err := h.Session(h.ctx(), token)
		h.must(err)
	}
	h.after(10 * time.Minute)
	_, _, err = h.Session(h.ctx(), token)
	h.want(err, account.ErrNoSession)
}

func TestOneTimeCodes(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	url, secret, err := h.OfferCode(h.ctx(), "ada")
	h.must(err)
	if !strings.HasPrefix(url, "otpauth://totp/Kiln:ada?") {
		t.Errorf("the URL is %q", url)
	}
	h.signs() // nothing changed yet
	_, err = h.ConfirmCode(h.ctx(), "ada", "000000")
	h.want(err, account.ErrWrong)
	code, err := totp.GenerateCode(secret, h.clock())
	h.must(err)
	recovery, err := h.ConfirmCode(h.ctx(), "ada", code)
	h.must(err)

	in := func(code string) error {
		s, err := h.SignIn(h.ctx(), "ada", passphrase, code)
		if err == nil && s.Level != account.TwoFactors {
			t.Errorf("the level is %q", s.Level)
		}
		return err
	}
	h.want(in(""), account.ErrCodeNeeded)
	h.want(in(code), account.ErrWrong) // used to confirm
	h.after(30 * time.Second)
	code, err = totp.GenerateCode(secret, h.clock())
	h.must(err)
	h.must(in(code))
	h.want(in(code), account.ErrWrong)
	h.must(in(strings.ToUpper(recovery[0])))
	h.want(in(recovery[0]), account.ErrWrong)
	h.must(in(recovery[1]))
	h.must(h.RemoveCode(h.ctx(), "ada"))
	h.signs()
}

func TestTheRightPasswordDoesNotForgiveWrongCodes(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	_, secret, err := h.OfferCode(h.ctx(), "ada")
	h.must(err)
	code, err := totp.GenerateCode(secret, h.clock())
	h.must(err)
	_, err = h.ConfirmCode(h.ctx(), "ada", code)
	h.must(err)
	tries := 0
	for range 20 {
		_, err := h.SignIn(h.ctx(), "ada", passphrase, "")
		var locked *account.LockedError
		if errors.As(err, &locked) {
			break
		}
		h.want(err, account.ErrCodeNeeded)
		if _, err = h.SignIn(h.ctx(), "ada", passphrase, "123456"); errors.Is(err, account.ErrWrong) {
			tries++
		}
	}
	if tries != 5 {
		t.Errorf("%d codes were tried, want 5", tries)
	}
}

func TestInvitations(t *testing.T) {
	h := newHouse(t)
	first, err := h.Invite(h.ctx(), account.Invitation{Rank: "director", First: true}, time.Hour)
	h.must(err)
	var invalid *account.InvalidError
	if err := h.Accept(h.ctx(), first, "root", "short"); !errors.As(err, &invalid) {
		t.Errorf("got %v, want a refusal of the password", err)
	}
	h.want(h.Accept(h.ctx(), "x"+first, "root", passphrase), account.ErrNoSession)
	h.must(h.Accept(h.ctx(), first, "root", passphrase))
	h.want(h.Accept(h.ctx(), first, "another", passphrase), account.ErrNoSession)
	root, err := h.Get(h.ctx(), "root")
	h.must(err)
	if root.Rank != "director" {
		t.Errorf("the rank is %q", root.Rank)
	}

	second, err := h.Invite(h.ctx(), account.Invitation{Rank: "director", First: true}, time.Hour)
	h.must(err)
	h.want(h.Accept(h.ctx(), second, "thief", passphrase), account.ErrNoSession) // there is an account now

	reset, err := h.Invite(h.ctx(), account.Invitation{Name: "root"}, time.Hour)
	h.must(err)
	h.must(h.Accept(h.ctx(), reset, "ignored", "eight small boats"))
	_, err = h.SignIn(h.ctx(), "root", "eight small boats", "")
	h.must(err)

	late, err := h.Invite(h.ctx(), account.Invitation{Rank: "nurse"}, time.Hour)
	h.must(err)
	h.after(time.Hour)
	h.want(h.Accept(h.ctx(), late, "ada", passphrase), account.ErrNoSession)
}

func TestPasskeys(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	keys, err := h.Passkeys("https://ward.example.org")
	h.must(err)
	site := virtualwebauthn.RelyingParty{Name: "Kiln", ID: "ward.example.org", Origin: "https://ward.example.org"}
	device := virtualwebauthn.NewAuthenticator()
	credential := ellipticCredential(t)

	offer, err := keys.Offer(h.ctx(), "ada")
	h.must(err)
	offered, err := virtualwebauthn.ParseAttestationOptions(string(offer))
	h.must(err)
	answer := virtualwebauthn.CreateAttestationResponse(site, device, credential, *offered)
	h.must(keys.Confirm(h.ctx(), "ada", post(h, answer)))
	h.want(keys.Confirm(h.ctx(), "ada", post(h, answer)), account.ErrWrong) // once
	if ada, err := h.Get(h.ctx(), "ada"); err != nil || ada.Reach() != account.PhishingResistant || len(ada.Passkeys) != 1 {
		t.Fatalf("the account has %d passkeys, %v", len(ada.Passkeys), err)
	}
	device.Options.UserHandle = func() []byte { a, _ := h.Get(h.ctx(), "ada"); return a.Handle }()

	sign := func(browser string, site virtualwebauthn.RelyingParty) (*account.SignedIn, error) {
		ask, err := keys.Ask(h.ctx(), "browser-1")
		h.must(err)
		asked, err := virtualwebauthn.ParseAssertionOptions(string(ask))
		h.must(err)
		credential.Counter++
		return keys.SignIn(h.ctx(), browser, post(h, virtualwebauthn.CreateAssertionResponse(site, device, credential, *asked)))
	}
	for range 5 {
		h.fails("wrong wrong wrong")
	}
	s, err := sign("browser-1", site) // though passwords are locked
	h.must(err)
	if s.Account.Name != "ada" || s.Level != account.PhishingResistant {
		t.Errorf("signed in %q at %q", s.Account.Name, s.Level)
	}
	_, err = sign("browser-2", site)
	h.want(err, account.ErrWrong)
	_, err = sign("browser-1", virtualwebauthn.RelyingParty{Name: "Kiln", ID: "ward.example.org", Origin: "https://evil.example.org"})
	h.want(err, account.ErrWrong)
	h.must(h.SetDisabled(h.ctx(), "ada", true))
	_, err = sign("browser-1", site)
	h.want(err, account.ErrWrong)
}

// ellipticCredential is a credential whose coordinates begin with no zero byte. Those are 32 bytes long in a COSE key
// (https://www.rfc-editor.org/rfc/rfc9053#section-7.1.1), but virtualwebauthn drops leading zeros, so that the server
// rightly refuses one key of 128.
func ellipticCredential(t *testing.T) virtualwebauthn.Credential {
	t.Helper()
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.PublicKey.Bytes() // 4, x, y
		if err != nil {
			t.Fatal(err)
		}
		if point[1] == 0 || point[33] == 0 {
			continue
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, der)
	}
}

func post(h *house, body string) *http.Request {
	r, err := http.NewRequestWithContext(h.ctx(), http.MethodPost, "https://ward.example.org/auth/passkey", strings.NewReader(body))
	h.must(err)
	return r
}

func TestRaise(t *testing.T) {
	h := newHouse(t)
	h.add("ada")
	h.add("bob")
	token, _, err := h.Begin(h.ctx(), h.signs())
	h.must(err)
	h.after(20 * time.Minute)
	raised, err := h.Raise(h.ctx(), token, h.signs())
	h.must(err)
	if raised.At != h.clock() || raised.Began == raised.At {
		t.Errorf("the session began at %s and was raised at %s", raised.Began, raised.At)
	}
	other, err := h.SignIn(h.ctx(), "bob", passphrase, "")
	h.must(err)
	_, err = h.Raise(h.ctx(), token, other)
	h.want(err, account.ErrNoSession)
}

func TestLevels(t *testing.T) {
	for _, c := range []struct {
		have, want account.Level
		reaches    bool
	}{
		{account.PasswordOnly, account.PasswordOnly, true},
		{account.PasswordOnly, account.TwoFactors, false},
		{account.PhishingResistant, account.TwoFactors, true},
		{account.PhishingResistant, "gold", false},
		{"gold", account.PasswordOnly, false},
	} {
		if got := c.have.Reaches(c.want); got != c.reaches {
			t.Errorf("%q reaches %q: %t", c.have, c.want, got)
		}
	}
}
