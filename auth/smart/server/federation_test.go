package server_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kiln/auth/account"
	"kiln/auth/federation"
	"kiln/auth/smart"
	"kiln/auth/smart/smarttest"
)

const hospitalSecret = "a long secret of the hospital"

// press presses the button of the provider called hospital.
func (f *flow) press(p *smarttest.Page) *smarttest.Page {
	f.Helper()
	for i := range p.Forms {
		if p.Forms[i].Action == "/auth/federation/hospital" {
			fields := url.Values{}
			for _, button := range p.Forms[i].Buttons {
				if button.Name != "" {
					fields.Set(button.Name, button.Value)
				}
			}
			return p.Send(&p.Forms[i], fields)
		}
	}
	f.Fatalf("%s has no button of the provider: %s", p.URL, p.Body)
	return nil
}

// does presses a button of the page of the person.
func (f *flow) does(p *smarttest.Page, what string) *smarttest.Page {
	f.Helper()
	for i := range p.Forms {
		if slices.Contains(p.Forms[i].Buttons, smarttest.Field{Name: "do", Value: what}) {
			return p.Send(&p.Forms[i], url.Values{"do": {what}})
		}
	}
	f.Fatalf("%s (%d) has no button %s: %s", p.URL, p.Status, what, p.Body)
	return nil
}

// TestFederation: a person signs in at one server by way of another, which vouches for them.
func TestFederation(t *testing.T) {
	provider := newFlow(t)
	for _, name := range []string{"eva", "mallory", "rui", "gone"} {
		provider.must(provider.people.Add(t.Context(), account.Account{Name: name, Rank: "nurse", FHIRUser: "Practitioner/" + name}, passphrase))
	}
	f := newFlowWith(t, federation.Provider{
		Name: "hospital", Title: "the hospital", Issuer: provider.issuer, ClientID: "kiln", ClientSecret: hospitalSecret,
		Scopes: []string{"fhirUser"}, RankClaim: "sub", Ranks: []federation.Ranking{{Value: "eva", Rank: "nurse"}},
		FHIRUserClaim: "fhirUser", FHIRUserBase: provider.base + "/", LinkByName: true,
	})
	provider.client(&smart.Client{
		ID: "kiln", Means: smart.Secret, Secret: account.HashSecret(hospitalSecret), State: smart.Active, Scopes: "openid profile fhirUser",
		Redirects: []string{f.issuer + "/auth/federation/hospital/callback"},
	})
	f.must(f.people.Add(t.Context(), account.Account{Name: "rui", Rank: "nurse", FHIRUser: "Practitioner/ada"}, ""))
	f.must(f.people.Add(t.Context(), account.Account{Name: "mallory", Rank: "director"}, passphrase))
	f.must(f.people.Add(t.Context(), account.Account{Name: "gone", Rank: "nurse", Disabled: true}, ""))

	walk := func(name string) *smarttest.Page {
		p := f.press(f.browser().Open(f.authorizeURL(map[string]string{"scope": "openid fhirUser user/Patient.rs"})))
		return p.SignIn(name, passphrase).Submit(smarttest.Field{Name: "decision", Value: "allow"}) // at the provider
	}
	for name, fhirUser := range map[string]string{"eva": "Practitioner/eva", "rui": "Practitioner/ada"} {
		a := f.redeem(f.left(walk(name).Submit(smarttest.Field{Name: "decision", Value: "allow"})).Get("code"), nil)
		f.want(name, a, http.StatusOK, "")
		person, err := f.people.Get(t.Context(), name)
		f.must(err)
		if person.Rank != "nurse" || person.FHIRUser != fhirUser || person.Subject != provider.issuer+" "+name {
			t.Errorf("%s is %+v", name, person)
		}
	}
	for name, why := range map[string]string{
		"mallory": "there is an account of that name that signs in by a password", "gone": "the account is disabled", "ada": "the account is somebody else's",
	} {
		if p := walk(name); p.Left != nil || p.Status != http.StatusForbidden {
			t.Errorf("%s (%s): %d, left for %v", name, why, p.Status, p.Left)
		}
	}
	if p := f.browser().Open(f.issuer + "/auth/signin"); !strings.Contains(p.Body, "Sign in with the hospital") {
		t.Errorf("the sign-in does not offer the provider: %s", p.Body)
	}
}

// federated is a server with a provider of a test's own.
func federated(t *testing.T, change func(*federation.Provider)) (*flow, *smarttest.Provider) {
	t.Helper()
	hospital := smarttest.NewProvider(t, "kiln", hospitalSecret)
	p := federation.Provider{
		Name: "hospital", Title: "the hospital", Issuer: hospital.Issuer, ClientID: "kiln", ClientSecret: hospitalSecret,
		AccountClaim: "preferred_username", RankClaim: "groups", FHIRUserClaim: "fhirUser",
		Ranks: []federation.Ranking{{Value: "physicians", Rank: "clinician"}, {Value: "wards", Rank: "nurse"}},
	}
	if change != nil {
		change(&p)
	}
	return newFlowWith(t, p), hospital
}

// comes is a sign-in at the provider with claims, in a browser of its own, that ends on the page of the person.
func (f *flow) comes(hospital *smarttest.Provider, claims map[string]any) *smarttest.Page {
	f.Helper()
	hospital.Says(claims)
	return f.press(f.browser().Open(f.issuer + "/auth/signin?next=/auth/person"))
}

func (f *flow) account(name string) account.Account {
	f.Helper()
	a, err := f.people.Get(f.Context(), name)
	f.must(err)
	return *a
}

// TestFederatedRankFollows: the rank of an account that a provider made is that of the moment, and never above the file.
func TestFederatedRankFollows(t *testing.T) {
	f, hospital := federated(t, nil)
	eva := map[string]any{"sub": "1", "preferred_username": "Eva", "groups": []string{"wards", "everybody"}, "fhirUser": "Practitioner/eva"}
	with := func(changes map[string]any) map[string]any {
		claims := maps.Clone(eva)
		maps.Copy(claims, changes)
		return claims
	}
	p := f.comes(hospital, eva)
	if p.Status != http.StatusOK || !strings.Contains(p.Body, "<strong>eva</strong> (nurse)") {
		t.Fatalf("the first sign-in: %d %s", p.Status, p.Body)
	}
	first := f.account("eva")
	if p = f.comes(hospital, with(map[string]any{"preferred_username": "eva.new"})); p.Status != http.StatusOK || !strings.Contains(p.Body, "<strong>eva</strong> (nurse)") {
		t.Errorf("the second, under another name: %d %s", p.Status, p.Body)
	}
	if again := f.account("eva"); again.Epoch != first.Epoch {
		t.Error("a sign-in ended the sessions of before")
	}

	stays := f.browser()
	hospital.Says(eva)
	f.press(stays.Open(f.issuer + "/auth/signin"))
	// Both groups: the file's order decides.
	if p = f.comes(hospital, with(map[string]any{"groups": []string{"wards", "physicians"}, "fhirUser": "Practitioner/eva2"})); !strings.Contains(p.Body, "(clinician)") {
		t.Errorf("with another rank: %d %s", p.Status, p.Body)
	}
	if a := f.account("eva"); a.Rank != "clinician" || a.FHIRUser != "Practitioner/eva2" {
		t.Errorf("%+v", a)
	}
	if p = stays.Open(f.issuer + "/auth/person"); !strings.Contains(p.Body, `name="username"`) || strings.Contains(p.Body, "(clinician)") {
		t.Errorf("a session of the rank before lasts: %s", p.Body)
	}

	lost := f.press(stays.Open(f.issuer + "/auth/signin?next=/auth/person"))
	if lost.Status != http.StatusOK {
		t.Fatalf("%d", lost.Status)
	}
	if p = f.comes(hospital, with(map[string]any{"groups": "director"})); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "no longer gives you a role") {
		t.Errorf("without a rank of the file: %d %s", p.Status, p.Body)
	}
	if p = stays.Open(f.issuer + "/auth/person"); !strings.Contains(p.Body, `name="username"`) {
		t.Errorf("the session of one without a rank lasts: %s", p.Body)
	}
	if p = f.comes(hospital, eva); !strings.Contains(p.Body, "(nurse)") {
		t.Errorf("with the rank again: %d %s", p.Status, p.Body)
	}
	f.must(f.people.SetDisabled(t.Context(), "eva", true))
	if p = f.comes(hospital, eva); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "disabled") {
		t.Errorf("disabled: %d %s", p.Status, p.Body)
	}
}

// TestFederatedRefusals: whom the file does not let in stays out, and no account is made or taken over.
func TestFederatedRefusals(t *testing.T) {
	f, hospital := federated(t, func(p *federation.Provider) {
		p.EmailDomains, p.Require = []string{"hospital.example"}, map[string][]string{"tid": {"t-1"}}
	})
	good := map[string]any{
		"sub": "1", "preferred_username": "eva", "groups": "wards", "email": "eva@Hospital.example", "email_verified": true, "tid": "t-1",
	}
	for what, c := range map[string]struct {
		changes map[string]any
		says    string
	}{
		"another domain":             {map[string]any{"email": "eva@hospital.example.org"}, "e-mail address"},
		"an address not verified":    {map[string]any{"email_verified": false}, "e-mail address"},
		"another tenant":             {map[string]any{"tid": "t-2"}, "among those who may sign in"},
		"no tenant":                  {map[string]any{"tid": nil}, "among those who may sign in"},
		"no group of the file":       {map[string]any{"groups": []string{"directors", "director"}}, "No account here is linked"},
		"no name":                    {map[string]any{"preferred_username": nil}, "what you are called"},
		"a name that cannot be":      {map[string]any{"preferred_username": "../eva"}, "makes no account"},
		"a local account's name":     {map[string]any{"preferred_username": "boss"}, "No account here is linked"},
		"another server's record":    {map[string]any{"fhirUser": "https://elsewhere.example/fhir/Practitioner/1"}, "another server"},
		"a record that cannot be":    {map[string]any{"fhirUser": "Organization/1"}, "makes no account"},
		"a group that is no text":    {map[string]any{"groups": map[string]any{"wards": true}}, "No account here is linked"},
		"a subject beyond all bound": {map[string]any{"sub": strings.Repeat("x", 2000)}, "makes no account"},
	} {
		claims := maps.Clone(good)
		maps.Copy(claims, c.changes)
		maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
		if p := f.comes(hospital, claims); p.Status != http.StatusForbidden || !strings.Contains(p.Body, c.says) || strings.Contains(p.Body, "inner") {
			t.Errorf("%s: %d %s", what, p.Status, p.Body)
		}
	}
	people, err := f.people.List(t.Context())
	f.must(err)
	if len(people) != 5 || f.account("boss").Subject != "" {
		t.Errorf("there are %d accounts", len(people))
	}
	if p := f.comes(hospital, good); p.Status != http.StatusOK {
		t.Errorf("one whom the file lets in: %d %s", p.Status, p.Body)
	}
	if logged := f.logged.String(); strings.Contains(logged, "eva@") || strings.Contains(logged, "../eva") || strings.Contains(logged, hospitalSecret) {
		t.Errorf("the log tells of people or secrets: %s", logged)
	}
}

// TestFederatedAnswers: what does not belong to the sign-in, or is not the provider's, signs nobody in.
func TestFederatedAnswers(t *testing.T) {
	f, hospital := federated(t, nil)
	eva := map[string]any{"sub": "1", "preferred_username": "eva", "groups": "wards"}
	for what, c := range map[string]struct {
		spoiled smarttest.Spoiled
		status  int
	}{
		"another state":            {smarttest.Spoiled{State: "made-up"}, http.StatusBadRequest},
		"another nonce":            {smarttest.Spoiled{Claims: map[string]any{"nonce": "made-up"}}, http.StatusForbidden},
		"no nonce":                 {smarttest.Spoiled{Claims: map[string]any{"nonce": nil}}, http.StatusForbidden},
		"another issuer's answer":  {smarttest.Spoiled{Iss: "https://elsewhere.example"}, http.StatusForbidden},
		"another issuer's token":   {smarttest.Spoiled{Claims: map[string]any{"iss": "https://elsewhere.example"}}, http.StatusForbidden},
		"another client's token":   {smarttest.Spoiled{Claims: map[string]any{"aud": "other"}}, http.StatusForbidden},
		"a token for two":          {smarttest.Spoiled{Claims: map[string]any{"aud": []string{"kiln", "other"}}}, http.StatusForbidden},
		"another party's token":    {smarttest.Spoiled{Claims: map[string]any{"azp": "other"}}, http.StatusForbidden},
		"a token that expired":     {smarttest.Spoiled{Claims: map[string]any{"exp": 1}}, http.StatusForbidden},
		"a token of another key":   {smarttest.Spoiled{OtherKey: true}, http.StatusForbidden},
		"a code that was not made": {smarttest.Spoiled{Code: "made-up"}, http.StatusForbidden},
		"a refusal":                {smarttest.Spoiled{Deny: true}, http.StatusForbidden},
	} {
		hospital.Spoil(c.spoiled)
		if p := f.comes(hospital, eva); p.Status != c.status || strings.Contains(p.Body, "inner words") || strings.Contains(p.Body, "oidc") {
			t.Errorf("%s: %d %s", what, p.Status, p.Body)
		}
	}
	hospital.Spoil(smarttest.Spoiled{})
	if _, err := f.people.Get(t.Context(), "eva"); err == nil {
		t.Fatal("there is an account")
	}

	hospital.Spoil(smarttest.Spoiled{Documents: map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}}})
	time.Sleep(2 * time.Millisecond) // LookAgain
	if p := f.comes(hospital, map[string]any{"sub": "2", "preferred_username": "ida", "groups": "wards"}); p.Status != http.StatusOK {
		t.Errorf("with the secret in the form: %d %s", p.Status, p.Body)
	}

	// Another browser, and the same answer twice.
	mine, other := f.browser(), f.browser()
	hospital.Says(eva)
	p := f.press(mine.Open(f.issuer + "/auth/signin?next=/auth/person"))
	if p.Status != http.StatusOK {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	again := f.issuer + "/auth/federation/hospital/callback?" + url.Values{"state": {hospital.Asked().Get("state")}, "code": {"c"}}.Encode()
	for _, b := range []*smarttest.Browser{mine, other} {
		if p := b.Open(again); p.Status != http.StatusBadRequest {
			t.Errorf("an answer once more: %d %s", p.Status, p.Body)
		}
	}
	if p := f.browser().Post(f.issuer+"/auth/federation/hospital", url.Values{}); p.Status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", p.Status)
	}
}

// TestFederatedStepUp: who needs a fresh or strong sign-in gets one at the provider, and one of before does not count.
func TestFederatedStepUp(t *testing.T) {
	f, hospital := federated(t, func(p *federation.Provider) {
		p.ACR = map[string]account.Level{"urn:gold": account.TwoFactors, "urn:platinum": account.PhishingResistant, "urn:tin": account.PasswordOnly}
	})
	hospital.Says(map[string]any{"sub": "1", "preferred_username": "eva", "groups": "wards", "auth_time": time.Now().Add(-time.Hour).Unix()})
	b := f.browser()
	p := f.press(b.Open(f.issuer + "/auth/signin?next=/auth/person"))
	if asked := hospital.Asked(); p.Status != http.StatusOK || asked.Get("prompt") != "" || asked.Get("max_age") != "43200" || asked.Get("acr_values") != "" || asked.Get("code_challenge_method") != "S256" {
		t.Fatalf("%d; asked %v", p.Status, asked)
	}
	// A change of means needs a fresh sign-in; that of an hour ago is not.
	p = f.does(p, "code-offer")
	if !strings.Contains(p.Body, "needs a fresh sign-in") {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	p = f.press(p)
	if asked := hospital.Asked(); asked.Get("prompt") != "login" || asked.Get("max_age") != "0" {
		t.Errorf("asked %v", asked)
	}
	if p.Status != http.StatusForbidden || !strings.Contains(p.Body, "did not ask you to sign in anew") {
		t.Errorf("a provider that asked nobody: %d %s", p.Status, p.Body)
	}
	hospital.Says(map[string]any{"sub": "1", "preferred_username": "eva", "groups": "wards", "auth_time": nil})
	if p = f.press(b.Open(f.issuer + "/auth/signin?next=/auth/person")); p.Status != http.StatusForbidden {
		t.Errorf("a provider that does not tell: %d %s", p.Status, p.Body)
	}
	hospital.Says(map[string]any{"sub": "1", "preferred_username": "eva", "groups": "wards"})
	p = f.press(b.Open(f.issuer + "/auth/signin?next=/auth/person"))
	if p = f.does(p, "code-offer"); p.Status != http.StatusOK || !strings.Contains(p.Body, "authenticator app") {
		t.Errorf("after a fresh sign-in: %d %s", p.Status, p.Body)
	}

	// An app asks for two factors.
	p = b.Open(f.authorizeURL(map[string]string{"scope": "openid user/Patient.rs", "acr_values": "mfa"}))
	hospital.Says(map[string]any{"sub": "1", "preferred_username": "eva", "groups": "wards", "acr": "urn:tin"})
	p = f.press(p)
	if asked := hospital.Asked(); asked.Get("acr_values") != "urn:gold urn:platinum" {
		t.Errorf("asked %v", asked)
	}
	if !strings.Contains(p.Body, "needs a fresh sign-in") {
		t.Errorf("one factor: %d %s", p.Status, p.Body)
	}
	hospital.Says(map[string]any{"sub": "1", "preferred_username": "eva", "groups": "wards", "acr": "urn:gold", "amr": []string{"pwd", "hwk"}})
	a := f.redeem(f.left(f.press(p).Submit(smarttest.Field{Name: "decision", Value: "allow"})).Get("code"), nil)
	f.want("two factors", a, http.StatusOK, "")
	if said := f.post("/auth/introspect", url.Values{"token": {a.text("access_token")}}, "Authorization: Bearer "+a.text("access_token")); said.body["acr"] != "mfa" {
		t.Errorf("%v", said.body)
	}
}

// TestFederatedSignOut: who came from a provider whose file says so signs out there too, and comes back.
func TestFederatedSignOut(t *testing.T) {
	for _, signsOut := range []bool{true, false} {
		f, hospital := federated(t, func(p *federation.Provider) { p.SignsOut = signsOut })
		p := f.comes(hospital, map[string]any{"sub": "1", "preferred_username": "eva", "groups": "wards"})
		for i := range p.Forms {
			if p.Forms[i].Action == "/auth/logout" {
				p = p.Send(&p.Forms[i], url.Values{})
				break
			}
		}
		back := hospital.Asked().Get("post_logout_redirect_uri")
		if p.Status != http.StatusOK || !strings.Contains(p.Body, "You are signed out") || (back == f.issuer+"/auth/signedout") != signsOut {
			t.Errorf("%d %q %s", p.Status, back, p.Body)
		}
	}
}

// TestFederatedLink: an account with means of its own is linked by its person alone, who proves both.
func TestFederatedLink(t *testing.T) {
	f, hospital := federated(t, nil)
	claims := map[string]any{"sub": "ada's", "preferred_username": "somebody", "groups": "physicians"}
	hospital.Says(claims)
	b := f.browser()
	p := b.Open(f.issuer+"/auth/signin?next=/auth/person").SignIn("ada", passphrase)
	p = f.press(p)
	if p.Status != http.StatusOK || !strings.Contains(p.Body, "is linked to your identity provider") {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	if asked := hospital.Asked(); asked.Get("prompt") != "login" {
		t.Errorf("asked %v", asked)
	}
	if p = f.comes(hospital, claims); !strings.Contains(p.Body, "<strong>ada</strong> (nurse)") { // the rank stays her own
		t.Errorf("%d %s", p.Status, p.Body)
	}
	p = f.browser().Open(f.issuer+"/auth/signin?next=/auth/person").SignIn("boss", passphrase)
	if p = f.press(p); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "Another account here is linked") {
		t.Errorf("a second account: %d %s", p.Status, p.Body)
	}
	p = f.does(b.Open(f.issuer+"/auth/person"), "unlink")
	if p.Status != http.StatusOK || !strings.Contains(p.Body, "not linked to an identity provider any more") || f.account("ada").Subject != "" {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	p = f.comes(hospital, map[string]any{"sub": "eva's", "preferred_username": "eva", "groups": "wards"})
	if p = f.does(p, "unlink"); p.Status != http.StatusUnprocessableEntity || f.account("eva").Subject == "" {
		t.Errorf("the only means: %d %s", p.Status, p.Body)
	}
	// Not where the file does not say so: an account without means of its own is not everybody's who has its name.
	f.must(f.people.Add(t.Context(), account.Account{Name: "rui", Rank: "director"}, ""))
	if p = f.comes(hospital, map[string]any{"sub": "2", "preferred_username": "rui", "groups": "wards"}); p.Status != http.StatusForbidden || f.account("rui").Subject != "" {
		t.Errorf("an account without means: %d %s", p.Status, p.Body)
	}
}

// TestFederationDown: a provider that does not answer is said to be so, and is there again when it answers.
func TestFederationDown(t *testing.T) {
	f, hospital := federated(t, nil)
	eva := map[string]any{"sub": "1", "preferred_username": "eva", "groups": "wards"}
	hospital.Spoil(smarttest.Spoiled{Down: true})
	if p := f.comes(hospital, eva); p.Status != http.StatusBadGateway || !strings.Contains(p.Body, "The provider does not answer") {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	p := f.browser().Open(f.issuer + "/auth/signin?next=/auth/person")
	if !strings.Contains(p.Body, "is not reachable just now") {
		t.Errorf("the button does not say so: %s", p.Body)
	}
	if p = p.SignIn("ada", passphrase); p.Status != http.StatusOK {
		t.Errorf("another way: %d %s", p.Status, p.Body)
	}
	hospital.Spoil(smarttest.Spoiled{})
	time.Sleep(2 * time.Millisecond) // LookAgain
	if p := f.comes(hospital, eva); p.Status != http.StatusOK {
		t.Errorf("it answers again: %d %s", p.Status, p.Body)
	}
	if p := f.browser().Open(f.issuer + "/auth/signin"); strings.Contains(p.Body, "not reachable") {
		t.Errorf("the button still says so: %s", p.Body)
	}
	if p := f.browser().Open(f.issuer + "/auth/federation/nobody/callback?state=x"); p.Status != http.StatusBadRequest {
		t.Errorf("no such provider: %d", p.Status)
	}
	f.providers.Set(nil)
	if p := f.browser().Open(f.issuer + "/auth/signin"); strings.Contains(p.Body, "federation") {
		t.Errorf("a provider that is no more: %s", p.Body)
	}
}
