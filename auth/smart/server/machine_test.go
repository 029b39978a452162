package server_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kiln/auth/smart"
	"kiln/auth/smart/server"
	"kiln/auth/smart/smarttest"
)

var (
	machineWalks = flag.Int("machine.walks", 12, "random walks through the server")
	machineSteps = flag.Int("machine.steps", 60, "steps of a walk")
	machineSeed  = flag.Uint64("machine.seed", 0, "seed of the walks; 0 draws one, which is told")
)

// machine is a server with a model of what it has promised: of every code and token ever given, whether it counts now, and for
// what. The model is made of the specifications, and shares no code with the server.
type machine struct {
	*flow
	r         *rand.Rand
	trail     []string
	browsers  map[string]*smarttest.Browser
	disabled  map[string]bool
	suspended map[string]bool
	grants    []*promised
	codes     []*promisedCode
	tokens    []*promisedToken
	refreshes []*promisedRefresh
}

// promised is what a person allowed an app.
type promised struct {
	user, client string
	scopes       []string
	ended        bool
	current      string // refresh token; "" where none was asked for
	before       string
	rotated      time.Time
}

type promisedCode struct {
	text  string
	of    *promised
	until time.Time
	used  bool
}

type promisedToken struct {
	text   string
	of     *promised
	scopes []string
	until  time.Time
	ended  bool
}

type promisedRefresh struct {
	text string
	of   *promised
}

var machineRedirects = map[string]string{"app": appURL, "other": "http://127.0.0.1:9/other"}

// machineAsks are what apps ask people for.
var machineAsks = map[string][]string{
	"lind": {"openid launch/patient offline_access patient/*.rs", "launch/patient patient/Observation.rs", "launch/patient offline_access patient/Patient.r patient/Observation.r"},
	"ada":  {"openid offline_access user/*.rs", "user/Patient.rs", "launch/patient offline_access patient/Observation.rs user/Practitioner.r"},
}

// TestRandomWalks: whatever apps, people and thieves do, in whatever order, each step is answered as the model says, and each code
// and token counts just as long as it should, and for no more.
func TestRandomWalks(t *testing.T) {
	seed := *machineSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("run again with -machine.seed=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for walk := range *machineWalks {
		m := newMachine(t, r)
		for range *machineSteps {
			m.step()
			if t.Failed() {
				t.Fatalf("walk %d:\n%s", walk, strings.Join(m.trail, "\n"))
			}
		}
	}
}

func newMachine(t *testing.T, r *rand.Rand) *machine {
	return &machine{flow: newFlow(t), r: r, browsers: map[string]*smarttest.Browser{}, disabled: map[string]bool{}, suspended: map[string]bool{}}
}

// machineActs are the steps, with how often they come.
var machineActs = []struct {
	often int
	act   func(*machine)
}{
	{6, (*machine).authorize},
	{8, (*machine).redeemCode},
	{8, (*machine).refreshToken},
	{3, (*machine).passTime},
	{2, (*machine).revokeToken},
	{1, (*machine).disconnect},
	{1, (*machine).disable},
	{1, (*machine).suspend},
	{1, (*machine).signOut},
	{2, (*machine).guess},
}

func (m *machine) step() {
	total := 0
	for _, a := range machineActs {
		total += a.often
	}
	at := m.r.IntN(total)
	for _, a := range machineActs {
		if at -= a.often; at < 0 {
			a.act(m)
			break
		}
	}
	m.verify()
}

func (m *machine) did(format string, args ...any) {
	m.trail = append(m.trail, fmt.Sprintf(format, args...))
}

func choose[T any](r *rand.Rand, list []T) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	if r.IntN(2) == 0 { // what is young is in use
		return list[len(list)-1-r.IntN(min(3, len(list)))], true
	}
	return list[r.IntN(len(list))], true
}

// near reports whether a moment is so near that either answer is right.
func (m *machine) near(t time.Time) bool { return m.now().Sub(t).Abs() < 5*time.Second }

func (m *machine) authorize() {
	user := []string{"lind", "ada"}[m.r.IntN(2)]
	client := []string{"app", "other"}[m.r.IntN(2)]
	asks, _ := choose(m.r, machineAsks[user])
	if m.disabled[user] {
		return
	}
	b := m.browsers[user]
	if b == nil {
		b = m.browser()
		m.browsers[user] = b
	}
	p := b.Open(m.authorizeURL(map[string]string{"client_id": client, "redirect_uri": machineRedirects[client], "scope": asks}))
	if m.suspended[client] {
		if p.Left != nil || p.Status < 400 {
			m.Errorf("a suspended app is let in: %d", p.Status)
		}
		return
	}
	if p.Left == nil && strings.Contains(p.Body, `name="password"`) {
		p = p.SignIn(user, passphrase)
	}
	if p.Left == nil && strings.Contains(p.Body, `name="patient"`) {
		p = p.Submit(smarttest.Field{Name: "patient", Value: "lind"})
	}
	if p.Left == nil {
		p = p.Submit(smarttest.Field{Name: "decision", Value: "allow"})
	}
	code := m.left(p).Get("code")
	m.did("%s allows %s %q: code %d", user, client, asks, len(m.codes))
	g := &promised{user: user, client: client, scopes: strings.Fields(asks)}
	m.grants = append(m.grants, g)
	m.codes = append(m.codes, &promisedCode{text: code, of: g, until: m.now().Add(time.Minute)})
}

func (m *machine) redeemCode() {
	code, ok := choose(m.r, m.codes)
	if !ok || m.near(code.until) {
		return
	}
	client, changes := code.of.client, map[string]string{}
	wrong := m.r.IntN(6)
	switch wrong {
	case 0:
		client = map[string]string{"app": "other", "other": "app"}[client]
	case 1:
		changes["code_verifier"] = strings.Repeat("x", 43)
	}
	changes["client_id"], changes["redirect_uri"] = client, machineRedirects[code.of.client]
	if wrong == 2 {
		changes["redirect_uri"] = "http://127.0.0.1:9/elsewhere"
	}
	a := m.redeem(code.text, changes)
	m.did("%s redeems code %d (%d): %d %s", client, slices.Index(m.codes, code), wrong, a.status, a.text("error"))
	if m.suspended[client] {
		m.want("a suspended app redeems", a, http.StatusUnauthorized, "invalid_client")
		return
	}
	good := !code.used && wrong > 2 && m.now().Before(code.until) && !code.of.ended
	if code.used || wrong == 0 { // it came twice, or from somebody else: all that was made of it ends
		code.of.ended = true
	}
	code.used = true
	if !good {
		m.want("a code that is of no use", a, http.StatusBadRequest, "invalid_grant")
		return
	}
	m.want("a good code", a, http.StatusOK, "")
	m.given(a, code.of, code.of.scopes)
}

// given notes the tokens of an answer.
func (m *machine) given(a answer, g *promised, scopes []string) {
	if !slices.Equal(strings.Fields(a.text("scope")), scopes) {
		m.Errorf("%v was granted and %q is said to be", scopes, a.text("scope"))
	}
	m.tokens = append(m.tokens, &promisedToken{text: a.text("access_token"), of: g, scopes: scopes, until: m.now().Add(time.Hour)})
	renewable := slices.Contains(g.scopes, "offline_access")
	if renewable != (a.text("refresh_token") != "") {
		m.Errorf("a grant of %v has the refresh token %q", g.scopes, a.text("refresh_token"))
	}
	if renewable {
		g.before, g.current, g.rotated = g.current, a.text("refresh_token"), m.now()
		m.refreshes = append(m.refreshes, &promisedRefresh{g.current, g})
	}
}

func (m *machine) refreshToken() {
	one, ok := choose(m.r, m.refreshes)
	if !ok {
		return
	}
	g := one.of
	client, changes, scopes := g.client, map[string]string{}, g.scopes
	wrong := m.r.IntN(8)
	switch wrong {
	case 0:
		client = map[string]string{"app": "other", "other": "app"}[client]
		changes["client_id"] = client
	case 1:
		changes["scope"] = "system/*.cruds"
	case 2:
		changes["scope"] = strings.Join(g.scopes, " ") + " patient/*.cruds"
	case 3:
		scopes = g.scopes[len(g.scopes)-1:]
		changes["scope"] = scopes[0]
	case 4:
		changes["client_id"] = client
	}
	lately := one.text == g.before && m.now().Sub(g.rotated) <= 30*time.Second
	if one.text == g.before && m.near(g.rotated.Add(30*time.Second)) {
		return
	}
	a := m.refresh(one.text, changes)
	m.did("%s refreshes token %d (%d): %d %s", client, slices.Index(m.refreshes, one), wrong, a.status, a.text("error"))
	switch {
	case m.suspended[client] && (a.text("error") != "invalid_grant" || !g.ended): // which of the two is told first does not matter
		m.want("a suspended app refreshes", a, http.StatusUnauthorized, "invalid_client")
	case g.ended && (wrong == 1 || wrong == 2) && a.text("error") == "invalid_scope": // its person's account ended it
		m.want("a refresh for more than what has ended", a, http.StatusBadRequest, "invalid_scope")
	case g.ended || wrong == 0:
		m.want("a refresh token that is of no use", a, http.StatusBadRequest, "invalid_grant")
	case one.text != g.current && !lately: // two have it
		m.want("a refresh token that was replaced", a, http.StatusBadRequest, "invalid_grant")
		g.ended = true
	case wrong == 1 || wrong == 2:
		m.want("a refresh for more", a, http.StatusBadRequest, "invalid_scope")
	default:
		m.want("a refresh", a, http.StatusOK, "")
		m.given(a, g, scopes)
	}
}

func (m *machine) passTime() {
	by := []time.Duration{8 * time.Second, 23 * time.Second, 41 * time.Second, 127 * time.Second, 1201 * time.Second}[m.r.IntN(5)]
	m.after(by)
	m.did("%s pass", by)
}

func (m *machine) revokeToken() {
	one, ok := choose(m.r, m.tokens)
	if !ok {
		return
	}
	client := []string{"app", "other"}[m.r.IntN(2)]
	text := one.text
	ends := func() { one.ended = true }
	if refresh, ok := choose(m.r, m.refreshes); ok && m.r.IntN(2) == 0 {
		one, text = &promisedToken{of: refresh.of}, refresh.text
		ends = func() { refresh.of.ended = true }
	}
	a := m.post("/auth/revoke", url.Values{"token": {text}, "client_id": {client}})
	m.did("%s revokes a token of %s: %d", client, one.of.client, a.status)
	if m.suspended[client] {
		m.want("a suspended app revokes", a, http.StatusUnauthorized, "invalid_client")
		return
	}
	m.want("revoking", a, http.StatusOK, "")
	if client == one.of.client {
		ends()
	}
}

func (m *machine) disconnect() {
	user := []string{"lind", "ada"}[m.r.IntN(2)]
	if m.browsers[user] == nil || m.disabled[user] {
		return
	}
	p := m.browsers[user].Open(m.issuer + "/auth/manage")
	if strings.Contains(p.Body, `name="password"`) {
		p = p.SignIn(user, passphrase)
	}
	client := []string{"app", "other"}[m.r.IntN(2)]
	if !strings.Contains(p.Body, `name="revoke" value="`+client+`"`) {
		return
	}
	p.Submit(smarttest.Field{Name: "revoke", Value: client})
	m.did("%s disconnects %s", user, client)
	for _, g := range m.grants {
		g.ended = g.ended || g.user == user && g.client == client
	}
}

func (m *machine) disable() {
	user := []string{"lind", "ada"}[m.r.IntN(2)]
	m.disabled[user] = !m.disabled[user]
	m.must(m.people.SetDisabled(m.Context(), user, m.disabled[user]))
	m.did("%s is disabled: %t", user, m.disabled[user])
	delete(m.browsers, user)
	for _, g := range m.grants {
		g.ended = g.ended || g.user == user
	}
}

func (m *machine) suspend() {
	client := []string{"app", "other"}[m.r.IntN(2)]
	m.suspended[client] = !m.suspended[client]
	state := smart.Active
	if m.suspended[client] {
		state = smart.Suspended
	}
	_, err := server.SetClientState(m.Context(), m.engine.Records, client, state)
	m.must(err)
	m.server.Changed()
	m.did("%s is %s", client, state)
}

func (m *machine) signOut() {
	user := []string{"lind", "ada"}[m.r.IntN(2)]
	if b := m.browsers[user]; b != nil && !m.disabled[user] {
		if p := b.Open(m.issuer + "/auth/person"); !strings.Contains(p.Body, `name="new-password"`) {
			return // the session has ended
		}
		m.did("%s signs out", user)
		delete(m.browsers, user)
	}
}

// guess is somebody who knows how codes and tokens look, and one of another kind.
func (m *machine) guess() {
	text := "made-up"
	if one, ok := choose(m.r, m.tokens); ok && m.r.IntN(2) == 0 {
		text = one.text // an access token is neither a code nor a refresh token
	}
	for _, client := range []string{"app", "other"} {
		if m.suspended[client] {
			return
		}
		m.want("a guessed code", m.redeem(text, map[string]string{"client_id": client, "redirect_uri": machineRedirects[client]}), http.StatusBadRequest, "invalid_grant")
	}
	m.want("a guessed refresh token", m.refresh(text, nil), http.StatusBadRequest, "invalid_grant")
	if refresh, ok := choose(m.r, m.refreshes); ok && m.read("Patient/lind", refresh.text) != http.StatusUnauthorized {
		m.Error("a refresh token reads records")
	}
}

// verify looks what some tokens are good for.
func (m *machine) verify() {
	for range min(4, len(m.tokens)) {
		one, _ := choose(m.r, m.tokens)
		if m.near(one.until) {
			continue
		}
		counts := !one.ended && !one.of.ended && m.now().Before(one.until) && !m.suspended[one.of.client]
		for path, typ := range map[string]string{"Observation/o1": "Observation", "Patient/lind": "Patient", "Observation/o2": ""} {
			want := http.StatusUnauthorized
			switch {
			case !counts:
			case typ == "": // of a patient whom neither reaches
				want = http.StatusNotFound
				if !covers(one.scopes, "Observation") {
					want = http.StatusForbidden
				}
			case covers(one.scopes, typ):
				want = http.StatusOK
			default:
				want = http.StatusForbidden
			}
			if got := m.read(path, one.text); got != want {
				m.Errorf("%s with a token of %s for %s (%v), which counts: %t: %d, want %d", path, one.of.user, one.of.client, one.scopes, counts, got, want)
			}
		}
	}
}

// covers reports whether some scope lets a type be read.
func covers(scopes []string, typ string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool {
		_, what, _ := strings.Cut(s, "/")
		on, may, _ := strings.Cut(what, ".")
		return (on == "*" || on == typ) && strings.Contains(may, "r")
	})
}
