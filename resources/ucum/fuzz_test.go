package ucum_test

import (
	"testing"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/outcome"
	"kiln/resources/ucum"
)

// FuzzParse: no text makes it panic, refusals are sentences, and the canonical code is a unit that is
// its own canonical code and worth one of itself.
func FuzzParse(f *testing.F) {
	for _, code := range []string{
		"mg/dL", "m[IU]/L", "10*-3/uL", "dB[10.nV]", "kg{dry}.m-2", "4.[pi].10*-7.N/A2", "(m/(s.K))", "/min",
		"[m/s2/Hz^(1/2)]", "2.Cel/3", "[degF]", "[pH]", "m{", "((", "g/12h", "%[slope]", "m100", "10^2400",
	} {
		f.Add(code, int64(98600), int32(-3))
	}
	f.Fuzz(func(t *testing.T, code string, digits int64, exponent int32) {
		u, err := ucum.Parse(code)
		if err != nil {
			if outcome.As(err).Code() == outcome.Exception {
				t.Fatalf("%q: %v", code, err)
			}
			return
		}
		base, err := ucum.Parse(u.Canonical())
		if err != nil || base.Canonical() != u.Canonical() || !base.Commensurable(u) {
			t.Fatalf("%q is in %q, which is %v, %v", code, u.Canonical(), base, err)
		}
		value := apd.New(digits, exponent)
		canonical, _, err := ucum.Canonical(value, code)
		if err != nil {
			if outcome.As(err).Code() != outcome.Value {
				t.Fatal(err)
			}
			return
		}
		if canonical.Exponent > ucum.MaxExponent || canonical.Exponent < -ucum.MaxExponent {
			return // beyond what is read again
		}
		if u.Ratio() {
			expectBack(t, u, base, value, canonical)
		}
	})
}

func expectBack(t *testing.T, u, base *ucum.Unit, value, canonical *apd.Decimal) {
	t.Helper()
	back, err := ucum.Convert(canonical, base.String(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	if back.Exponent > ucum.MaxExponent || back.Exponent < -ucum.MaxExponent {
		return
	}
	if !near(back, value, 33) {
		t.Fatalf("%s %s is %s %s and back %s", value, u, canonical, base, back)
	}
}

// FuzzConvert: whatever is converted to whatever, the answer is a finite number or a sentence.
func FuzzConvert(f *testing.F) {
	for _, pair := range [][2]string{
		{"[pH]", "mol/L"},
		{"dB[SPL]", "Pa"},
		{"Np", "B"},
		{"[hp'_Q]", "1"},
		{"%[slope]", "deg"},
		{"rad", "[p'diop]"},
		{"[m/s2/Hz^(1/2)]", "m2/s4/Hz"},
		{"bit_s", "[ppm]"},
		{"2.Cel", "m[degR]"},
		{"1", "[hp'_C]/3"},
	} {
		f.Add(pair[0], pair[1], int64(98600), int32(-3))
		f.Add(pair[0], pair[1], int64(-7), int32(300))
		f.Add(pair[0], pair[1], int64(7), int32(-300))
	}
	f.Fuzz(func(t *testing.T, from, to string, digits int64, exponent int32) {
		got, err := ucum.Convert(apd.New(digits, exponent), from, to)
		switch {
		case err != nil && outcome.As(err).Code() == outcome.Exception:
			t.Fatalf("%s to %s: %v", from, to, err)
		case err == nil && got.Form != apd.Finite:
			t.Fatalf("%de%d %s is %s %s", digits, exponent, from, got, to)
		}
	})
}
