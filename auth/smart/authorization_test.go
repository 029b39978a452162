package smart_test

import (
	"slices"
	"testing"
	"time"

	"kiln/auth/scope"
	"kiln/auth/smart"
)

var now = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func set(t *testing.T, text string) scope.Set {
	t.Helper()
	s, unknown := scope.Parse(text)
	if len(unknown) > 0 {
		t.Fatalf("%q is not understood", unknown)
	}
	return s
}

// reaches: pwd < mfa < phr, and nothing else is a level.
func reaches(level, wanted string) bool {
	order := []string{"pwd", "mfa", "phr"}
	i, j := slices.Index(order, level), slices.Index(order, wanted)
	return i >= 0 && j >= 0 && i >= j
}

func TestTheNextStep(t *testing.T) {
	const records = "launch/patient patient/*.rs"
	patient := smart.Person{User: "lind", Level: "pwd", At: now.Add(-10 * time.Minute), Own: []string{"lind"}}
	proxy := smart.Person{User: "ann", Level: "pwd", At: now.Add(-10 * time.Minute), Own: []string{"a", "b"}}
	staff := smart.Person{User: "ada", Level: "mfa", At: now.Add(-10 * time.Minute), Staff: true}
	nobody := smart.Person{User: "koch", Level: "pwd", At: now.Add(-10 * time.Minute)}
	just := func(p smart.Person) *smart.Person { p.At = now; return &p }
	for _, c := range []struct {
		name             string
		person           *smart.Person
		asked, consented string
		change           func(*smart.Authorization)
		want             smart.Step
		patient          string // in context, after
	}{
		{"nobody is signed in", nil, records, "", nil, smart.SignIn, ""},
		{"a patient is not asked who", &patient, records, "", nil, smart.Consent, "lind"},
		{"one who acts for two is", &proxy, records, "", nil, smart.Pick, ""},
		{"staff chooses", &staff, records, "", nil, smart.Pick, ""},
		{"staff chooses for patient/ scopes alone", &staff, "patient/Observation.rs", "", nil, smart.Pick, ""},
		{"nobody's patient", &nobody, records, "", nil, smart.NoPatient, ""},
		{"no patient is needed", &nobody, "openid user/*.rs", "", nil, smart.Consent, ""},
		{"who was chosen stays", &staff, records, "", func(a *smart.Authorization) { a.Context.Patient = "p" }, smart.Consent, "p"},
		{"all was allowed before", &patient, records, records, nil, smart.Issue, "lind"},
		{"more was allowed before", &patient, "launch/patient patient/Observation.rs", records, nil, smart.Issue, "lind"},
		{"less was allowed before", &patient, records, "launch/patient patient/Observation.rs", nil, smart.Consent, "lind"},
		{"offline access is asked each time", &patient, records + " offline_access", records + " offline_access", nil, smart.Consent, "lind"},
		{"prompt=consent", &patient, records, records, func(a *smart.Authorization) { a.Prompt = "consent" }, smart.Consent, "lind"},
		{"prompt=login", &patient, records, records, func(a *smart.Authorization) { a.Prompt = "login" }, smart.SignIn, ""},
		{"prompt=login, after it", just(patient), records, records, func(a *smart.Authorization) { a.Prompt = "login" }, smart.Issue, "lind"},
		{"max_age is over", &patient, records, records, func(a *smart.Authorization) { a.HasMaxAge, a.MaxAge = true, 9*time.Minute }, smart.SignIn, ""},
		{"max_age is not over", &patient, records, records, func(a *smart.Authorization) { a.HasMaxAge, a.MaxAge = true, 11*time.Minute }, smart.Issue, "lind"},
		{"max_age=0, after the sign-in", just(patient), records, records, func(a *smart.Authorization) { a.HasMaxAge = true }, smart.Issue, "lind"},
		{"too weak a sign-in", &patient, records, records, func(a *smart.Authorization) { a.ACR = []string{"phr", "mfa"} }, smart.SignIn, ""},
		{"a sign-in strong enough for one", &staff, "openid", "openid", func(a *smart.Authorization) { a.ACR = []string{"phr", "mfa"} }, smart.Issue, ""},
		{"a level that nobody knows", &patient, records, records, func(a *smart.Authorization) { a.ACR = []string{"urn:gold"} }, smart.Issue, "lind"},
		{"launched by somebody else", &patient, records, records, func(a *smart.Authorization) { a.Launched = &smart.Launch{User: "ada"} }, smart.WrongUser, ""},
		{"launched by the person", &staff, records, records, func(a *smart.Authorization) {
			a.Launched, a.Context.Patient = &smart.Launch{User: "ada"}, "p"
		}, smart.Issue, "p"},
		{"launched without a patient", &staff, "launch patient/*.rs", "", func(a *smart.Authorization) { a.Launched = &smart.Launch{User: "ada"} }, smart.Pick, ""},
	} {
		a := &smart.Authorization{Began: now.Add(-time.Minute)}
		if c.change != nil {
			c.change(a)
		}
		if got := a.Next(c.person, set(t, c.asked), set(t, c.consented), reaches, now); got != c.want || a.Context.Patient != c.patient {
			t.Errorf("%s: %s with the patient %q, want %s with %q", c.name, got, a.Context.Patient, c.want, c.patient)
		}
	}
}

func TestSilence(t *testing.T) {
	for step, want := range map[smart.Step]string{
		smart.Issue: "", smart.SignIn: smart.LoginRequired, smart.Consent: smart.ConsentRequired, smart.Pick: smart.InteractionRequired,
		smart.WrongUser: smart.InteractionRequired, smart.NoPatient: smart.InteractionRequired,
	} {
		a := &smart.Authorization{}
		if refused := a.Silent(step); refused != nil {
			t.Errorf("%s without prompt=none: %v", step, refused)
		}
		a.Prompt = "none"
		if refused := a.Silent(step); want == "" && refused != nil || want != "" && (refused == nil || refused.Code != want || refused.Page) {
			t.Errorf("%s with prompt=none: %v, want %q", step, refused, want)
		}
	}
}

func TestLaunchesAreTaken(t *testing.T) {
	good := smart.Launch{Context: smart.Context{Patient: "p", Encounter: "e", Intent: "order"}, Client: "app", User: "ada", Expires: now.Add(time.Second)}
	with := func(change func(*smart.Launch)) *smart.Launch { l := good; change(&l); return &l }
	for name, l := range map[string]*smart.Launch{
		"unknown, or used": nil,
		"another app's":    with(func(l *smart.Launch) { l.Client = "other" }),
		"of no app":        with(func(l *smart.Launch) { l.Client = "" }),
		"expired":          with(func(l *smart.Launch) { l.Expires = now }),
	} {
		a := &smart.Authorization{AuthorizeRequest: smart.AuthorizeRequest{ClientID: "app"}}
		if refused := a.TakeLaunch(l, now); refused == nil || refused.Code != smart.InvalidRequest || refused.Page || a.Launched != nil || a.Context.Patient != "" {
			t.Errorf("%s: %v, %+v", name, refused, a)
		}
	}
	a := &smart.Authorization{AuthorizeRequest: smart.AuthorizeRequest{ClientID: "app"}}
	if refused := a.TakeLaunch(&good, now); refused != nil || a.Launched.User != "ada" || a.Context.Patient != "p" || a.Context.Encounter != "e" || a.Context.Intent != "order" {
		t.Errorf("%v, %+v", refused, a)
	}
}
