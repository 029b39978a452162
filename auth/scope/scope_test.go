package scope_test

import (
	"strings"
	"testing"

	"kiln/auth/scope"
)

const all = scope.Create | scope.Read | scope.Update | scope.Delete | scope.Search

func TestParse(t *testing.T) {
	for text, want := range map[string]scope.Scope{
		"patient/Observation.rs":         {Level: scope.Patient, Type: "Observation", Permissions: scope.Read | scope.Search},
		"user/*.cruds":                   {Level: scope.User, Type: "*", Permissions: all},
		"system/Patient.r":               {Level: scope.System, Type: "Patient", Permissions: scope.Read},
		"patient/Observation.read":       {Level: scope.Patient, Type: "Observation", Permissions: scope.Read | scope.Search},
		"patient/Observation.write":      {Level: scope.Patient, Type: "Observation", Permissions: scope.Create | scope.Update | scope.Delete},
		"patient/*.*":                    {Level: scope.Patient, Type: "*", Permissions: all},
		"openid":                         {},
		"launch/patient":                 {},
		"patient/Observation.rs?b=2&a=1": {Level: scope.Patient, Type: "Observation", Permissions: scope.Read | scope.Search, Query: "a=1&b=2"},
		"patient/Condition.rs?category=http://loinc.org|1-8": {
			Level: scope.Patient, Type: "Condition", Permissions: scope.Read | scope.Search, Query: "category=http%3A%2F%2Floinc.org%7C1-8",
		},
	} {
		want.Text = text
		set, unknown := scope.Parse(text)
		if len(set) != 1 || set[0] != want || len(unknown) != 0 || set.String() != text {
			t.Errorf("%s is %+v, unknown %q; want %+v", text, set, unknown, want)
		}
	}
}

// TestOutOfOrderOrUndefinedSuffixesNeverWiden is AUTH.md A3.
func TestOutOfOrderOrUndefinedSuffixesNeverWiden(t *testing.T) {
	for _, text := range []string{
		"patient/Observation.dus", "patient/Observation.sr", "patient/Observation.rr", "patient/Observation.", "patient/Observation.reads",
		"patient/Observation.Read", "patient/Observation", "patient/observation.rs", "patient/*.rs*", "group/Observation.rs", "/Observation.rs",
		"patient/Observation.read?category=a", "patient/Observation.rs?", "patient/Observation.rs?category", "patient/Observation.rs?_count=5",
		"user/Observation.rs?subject:Patient._has:Condition:subject:code=hiv", "user/Observation.rs?subject.name=a", "user/Observation.rs?code:not=a",
		"patient/Observation.rs?%zz=1", "PATIENT/Observation.rs", "launch/Patient", "offline", "patient/Obs-ervation.rs", "patient/*.rd\x00",
		"patient/" + strings.Repeat("A", 100) + ".rs",
	} {
		set, unknown := scope.Parse(text)
		if len(set) != 0 || len(unknown) != 1 {
			t.Errorf("%q is taken as %+v", text, set)
		}
	}
	if set, _ := scope.Parse("patient/Observation.rd"); len(set) != 1 || set[0].Permissions != scope.Read|scope.Delete {
		t.Errorf("r and d are in order, and are %+v", set)
	}
	if set, unknown := scope.Parse(strings.Repeat("openid ", 2000)); len(set) != 0 || len(unknown) != 1 {
		t.Errorf("a text beyond the bound gives %d scopes", len(set))
	}
}

func parse(t *testing.T, text string) scope.Set {
	t.Helper()
	set, unknown := scope.Parse(text)
	if len(unknown) > 0 {
		t.Fatalf("%q is not understood", unknown)
	}
	return set
}

func TestIntersect(t *testing.T) {
	for _, c := range []struct{ asked, allowed, want string }{
		{"patient/Observation.rs", "patient/*.rs", "patient/Observation.rs"},
		{"patient/*.rs", "patient/Observation.rs patient/Patient.r", "patient/Observation.rs patient/Patient.r"},
		{"patient/*.cruds", "patient/Observation.rs", "patient/Observation.rs"},
		{"patient/Observation.cruds", "patient/*.rs", "patient/Observation.rs"},
		{"patient/Observation.rs", "user/*.cruds", ""},
		{"patient/Observation.rs", "patient/Condition.rs", ""},
		{"patient/Observation.rs", "patient/Observation.rs?category=a", "patient/Observation.rs?category=a"},
		{"patient/Observation.rs?category=a", "patient/Observation.rs", "patient/Observation.rs?category=a"},
		{"patient/Observation.rs?category=a", "patient/Observation.rs?category=b", ""},
		{"patient/*.read", "patient/*.cruds", "patient/*.read"},
		{"patient/*.rs openid launch", "openid patient/*.cruds", "patient/*.rs openid"},
		{"patient/*.cu", "patient/*.rs", ""},
		{"user/*.cruds", "user/*.rs user/Appointment.cruds", "user/*.rs user/Appointment.cruds"},
	} {
		if got := parse(t, c.asked).Intersect(parse(t, c.allowed)).String(); got != c.want {
			t.Errorf("%q within %q is %q, want %q", c.asked, c.allowed, got, c.want)
		}
	}
}

func TestAllowing(t *testing.T) {
	set := parse(t, "openid patient/Observation.rs user/*.r system/Patient.cruds")
	for _, c := range []struct {
		p    scope.Permissions
		typ  string
		want string
	}{
		{scope.Read, "Observation", "patient/Observation.rs user/*.r"},
		{scope.Search, "Observation", "patient/Observation.rs"},
		{scope.Read, "TypeOfTomorrow", "user/*.r"},
		{scope.Update | scope.Delete, "Patient", "system/Patient.cruds"},
		{scope.Update, "Observation", ""},
	} {
		if got := set.Allowing(c.p, c.typ).String(); got != c.want {
			t.Errorf("%s of %s is allowed by %q, want %q", c.p, c.typ, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"patient/*.rs", "launch openid", "patient/Observation.rs?category=a|b&x=y", "user/Patient.*", "patient/A.dus"} {
		f.Add(seed, "patient/*.cruds user/Observation.rs?code=1")
	}
	f.Fuzz(func(t *testing.T, asked, allowed string) {
		a, _ := scope.Parse(asked)
		b, _ := scope.Parse(allowed)
		for _, one := range a {
			if again, unknown := scope.Parse(one.Text); len(again) != 1 || again[0] != one || len(unknown) != 0 {
				t.Errorf("%q is read as %+v, and again as %+v", one.Text, one, again)
			}
		}
		both := a.Intersect(b)
		if !a.Covers(both) || !b.Covers(both) {
			t.Errorf("%q within %q is %q, which is more", a, b, both)
		}
		if again, unknown := scope.Parse(both.String()); len(again) != len(both) || len(unknown) != 0 {
			t.Errorf("%q is not read as it is written", both)
		}
	})
}
