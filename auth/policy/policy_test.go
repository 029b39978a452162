package policy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kiln/auth"
	"kiln/auth/scope"
	"kiln/auth/setting"
	"kiln/resources/outcome"
)

func shipped(t testing.TB) *Policy {
	t.Helper()
	p, err := Load(Default())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The ranks that Kiln ships with are promised by name.
func TestTheShippedPolicyHasThePromisedRanks(t *testing.T) {
	p := shipped(t)
	want := []string{"administrator", "auditor", "cashier", "clerk", "clinician", "director", "manager", "nurse", "patient", "pharmacist", "proxy"}
	if got := p.Ranks(); !slices.Equal(got, want) {
		t.Errorf("the ranks are %v", got)
	}
	for _, name := range want {
		r := p.Rank(name)
		clinical := r.Reaches("Observation", scope.Read)
		switch name {
		case "nurse", "clinician", "pharmacist":
			if !slices.Equal(clinical, []Reach{Related}) || !r.Relates() {
				t.Errorf("%s reaches Observations of %v", name, clinical)
			}
		case "patient":
			if !slices.Equal(clinical, []Reach{Own}) {
				t.Errorf("%s reaches Observations of %v", name, clinical)
			}
		case "proxy":
			if !slices.Equal(clinical, []Reach{Proxied}) {
				t.Errorf("%s reaches Observations of %v", name, clinical)
			}
		default:
			if len(clinical) > 0 || r.Relates() {
				t.Errorf("%s reaches Observations of %v", name, clinical)
			}
		}
		if r.Audience == Administration && (len(r.Reaches("Patient", scope.Read)) > 0 || r.Has(BreakGlass)) {
			t.Errorf("%s is of administration and reaches patients", name)
		}
		for _, permission := range []scope.Permissions{scope.Create, scope.Update, scope.Delete} {
			if len(r.Reaches("AuditEvent", permission)) > 0 {
				t.Errorf("%s writes AuditEvents", name)
			}
		}
	}
}

// All that is wrong is told at once, with the line and the place.
func TestProblemsAreToldAtOnceWithTheirLines(t *testing.T) {
	_, err := Load([]byte(`version: 1
groups:
  clinical: [Observation, Observatoin]
  Patient: [Patient]
ranks:
  nurse:
    audience: staff
    level: 20
    rights:
      - {types: [clinical, nonsense], may: rs, reach: related}
      - {types: [AuditEvent], may: crs, reach: all}
`))
	want := []string{
		`line 3: groups.clinical.1: "Observatoin" is not a resource type of FHIR R4`,
		`line 4: groups.Patient: a group cannot have the name of a resource type`,
		`line 10: ranks.nurse.rights.0.types.1: "nonsense" is neither a group nor a resource type of FHIR R4`,
		`line 11: ranks.nurse.rights.1.may: nobody writes AuditEvents; expected r or s`,
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got %v", err)
	}
	for text, want := range map[string]string{
		"":                      "the policy is empty",
		"version: 1\n\tranks: ": "line 2: not YAML",
		"a: &a [1]\nb: *a":      "line 2: aliases",
		"version: 2\nranks: {nurse: {audience: staff, level: 1}}":                                                                "line 1: version: version must be one of",
		"version: 1\nranks:\n  nurse:\n    level: -1":                                                                            "ranks.nurse: audience is required",
		"version: 1\nranks:\n  nurse:\n    audience: staff\n    level: 1\n    powers: [fly]":                                     "line 6: ranks.nurse.powers.0",
		"version: 1\nranks:\n  nurse:\n    audience: staff\n    level: 1\n    rigths: []":                                        "line 6: ranks.nurse.rigths",
		"version: 1\nranks:\n  nurse:\n    audience: staff\n    level: 1\n    rights: [{types: [Patient], may: sr, reach: all}]": "line 6: ranks.nurse.rights.0.may",
		"version: 1\nranks: {nurse: {audience: staff, level: 1}}\npowers: {fly: {}}":                                             "fly",
		"version: 1\nranks: {nurse: {audience: staff, level: 1}}\npowers: {users: {max-age: 5 minutes}}":                         "line 3: powers.users.max-age",
		strings.Repeat("#", setting.MaxText+1):                                                                                   "longer than",
	} {
		if _, err := Load([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v; want %s", text, err, want)
		}
	}
}

// A file is put in force when it changes; a wrong one changes nothing and says why, once.
func TestWatch(t *testing.T) {
	name := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(text string) { // as editors do, so that nobody reads half of it
		err := os.WriteFile(name+".new", []byte(text), 0o600)
		if err == nil {
			err = os.Rename(name+".new", name)
		}
		if err != nil {
			t.Error(err)
		}
	}
	one := "version: 1\nranks: {one: {audience: staff, level: 1}}\n"
	write(one)
	c, err := NewCurrent(nil)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Watch(ctx, name, time.Millisecond, func(err error) { told <- err })
	}()
	write(strings.ReplaceAll(one, "one", "two"))
	for c.Policy().Rank("two") == nil {
		select { // whether the first file was seen before it changed is up to the scheduler
		case err := <-told:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Millisecond):
		}
	}
	write("version: 1\nranks: {three: {}}\n")
	for {
		if err := <-told; err != nil {
			if !strings.Contains(err.Error(), "audience") {
				t.Errorf("told %v", err)
			}
			break
		}
	}
	if c.Policy().Rank("two") == nil {
		t.Error("a wrong file changed the policy")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := <-told; !errors.Is(err, os.ErrNotExist) {
		t.Errorf("told %v", err)
	}
	write(strings.ReplaceAll(one, "one", "four"))
	for {
		if err := <-told; err == nil && c.Policy().Rank("four") != nil {
			break
		}
	}
	cancel()
	go func() {
		for range told {
			continue
		}
	}()
	<-ended
	close(told)
}

func TestReadSaysWhatIsWrongWithAFile(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// One gives ranks below the own; the highest gives itself, by two persons.
func TestAssign(t *testing.T) {
	p := shipped(t)
	for _, c := range []struct {
		by, rank string
		persons  int
	}{
		{"administrator", "nurse", 1},
		{"administrator", "auditor", 1},
		{"administrator", "administrator", 0},
		{"administrator", "director", 0},
		{"director", "administrator", 1},
		{"director", "director", 2},
		{"manager", "clerk", 0},
		{"nobody", "clerk", 0},
		{"director", "nobody", 0},
		{"auditor", "patient", 0},
	} {
		if got := p.Assign(c.by, c.rank); got != c.persons {
			t.Errorf("%s gives %s: %d; want %d", c.by, c.rank, got, c.persons)
		}
	}
}

// A power asks for a fresh sign-in, at times a strong one: https://www.rfc-editor.org/rfc/rfc9470
func TestRequire(t *testing.T) {
	p := shipped(t)
	now := time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)
	who := func(rank, acr string, age time.Duration) *auth.Principal {
		return &auth.Principal{User: "u", Rank: rank, ACR: acr, AuthTime: now.Add(-age)}
	}
	for _, c := range []struct {
		name  string
		who   *auth.Principal
		power Power
		code  outcome.Code
		want  auth.Challenge
	}{
		{"nobody", nil, Users, outcome.Login, auth.Challenge{}},
		{"a service", &auth.Principal{Client: "c", AuthTime: now}, Users, outcome.Forbidden, auth.Challenge{}},
		{"another rank", who("nurse", "mfa", 0), Users, outcome.Forbidden, auth.Challenge{}},
		{"fresh", who("administrator", "", 15*time.Minute), Users, "", auth.Challenge{}},
		{"old", who("administrator", "", 15*time.Minute+1), Users, outcome.Login, auth.Challenge{Code: "insufficient_user_authentication", MaxAge: 15 * time.Minute}},
		{"weak", who("director", "password", 0), Keys, outcome.Login, auth.Challenge{Code: "insufficient_user_authentication", ACR: []string{"mfa", "phr"}, MaxAge: 5 * time.Minute}},
		{"strong", who("director", "mfa", 0), Keys, "", auth.Challenge{}},
		{"as old as it likes", who("auditor", "", 1000*time.Hour), Audit, "", auth.Challenge{}},
	} {
		err := p.Require(c.who, c.power, now)
		var challenge *auth.Challenge
		switch {
		case c.code == "" && err != nil, c.code != "" && !outcome.Is(err, c.code):
			t.Errorf("%s: %v", c.name, err)
		case errors.As(err, &challenge) && (challenge.Code != c.want.Code || challenge.MaxAge != c.want.MaxAge || !slices.Equal(challenge.ACR, c.want.ACR)):
			t.Errorf("%s: %+v", c.name, challenge)
		}
	}
	if n := p.Requirement(Change).Persons; n != 2 {
		t.Errorf("changing the policy takes %d persons", n)
	}
	if n := p.Requirement(Clients).Persons; n != 1 {
		t.Errorf("clients take %d persons", n)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(defaultText)
	f.Add([]byte("version: 1\nranks: {nurse: {audience: staff, level: 1, rights: [{types: [Patient], may: rs, reach: own}]}}"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? [a]\n: {b: 1}\n"))
	f.Add([]byte("version: 1\nranks: {1: {audience: staff, level: 1e3}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Load(text)
		if (p == nil) == (err == nil) {
			t.Fatalf("%v, %v", p, err)
		}
		var problems Problems
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
			t.Fatalf("%T %v", err, err)
		}
	})
}
