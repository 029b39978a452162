package ucum_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"kiln/resources/outcome"
	"kiln/resources/ucum"
)

func TestParseGivesTheCanonicalCode(t *testing.T) {
	for code, want := range map[string]string{
		"1": "1", "%": "1", "{score}": "1", "mol": "1", "10*9": "1", "[ppm]": "1", "sr": "rad2", "deg": "rad",
		"mg/dL": "g.m-3", "mmol/L": "m-3", "mm[Hg]": "g.m-1.s-2", "kPa": "g.m-1.s-2", "[psi]": "g.m-1.s-2",
		"/min": "s-1", "1/min": "s-1", "{beats}/min": "s-1", "Hz": "s-1", "kg/m2": "g.m-2",
		"g/m.s": "g.m-1.s", "g/(m.s)": "g.m-1.s-1", "m/m": "1", "m-1.m": "1", "(((m)))2": "", "m+2": "m2",
		"[IU]/mL": "[iU].m-3", "m[iU]/L": "[iU].m-3", "[arb'U]": "[arb'U]", "[CFU]/mL": "[CFU].m-3",
		"Cel": "K", "mCel": "K", "[degF]": "K", "[degRe]": "K", "[degR]": "K", "4.Cel": "K", "Cel/2": "K", "Cel{body}": "K",
		"[pH]": "[pH]", "dB": "B", "dB[SPL]": "B[SPL]", "dB[10.nV]": "B[10.nV]", "[m/s2/Hz^(1/2)]": "[m/s2/Hz^(1/2)]",
		"10^3/uL": "m-3", "10*-3": "1", "kg{dry}/m3{x-~|}": "g.m-3", "V": "C-1.g.m2.s-2", "KiBy": "1", "'": "rad", "g%": "g.m-3",
		"lm": "cd.rad2", "B[kW]": "B[kW]", "ph": "cd.m-2.rad2", "pH": "C-2.g.m2", "cd": "cd", "dar": "m2", "mo": "s", "Mm": "m",
	} {
		u, err := ucum.Parse(code)
		if want == "" {
			if err == nil {
				t.Errorf("Parse(%q) is accepted", code)
			}
			continue
		}
		if err != nil {
			t.Errorf("Parse(%q): %v", code, err)
			continue
		}
		if u.Canonical() != want || u.String() != code {
			t.Errorf("Parse(%q) is %q in %q, want %q", code, u, u.Canonical(), want)
		}
	}
}

func TestScales(t *testing.T) {
	for code, want := range map[string]struct{ ratio, curved bool }{
		"K": {true, false}, "mg/dL": {true, false}, "[IU]": {true, false}, "[degR]": {true, false},
		"Cel": {false, false}, "[degF]": {false, false}, "2.Cel": {false, false},
		"[pH]": {false, true}, "dB": {false, true}, "%[slope]": {false, true},
	} {
		u, err := ucum.Parse(code)
		if err != nil {
			t.Fatal(err)
		}
		if u.Ratio() != want.ratio || u.Curved() != want.curved {
			t.Errorf("%s: ratio %t, curved %t", code, u.Ratio(), u.Curved())
		}
	}
}

// TestRefusals: each sentence names the place and what was expected.
func TestRefusals(t *testing.T) {
	for code, want := range map[string]string{
		"":                       "The unit is empty; expected a code of UCUM, which is 1 for plain numbers.",
		"m/":                     `"m/" is no unit of UCUM: at character 3 expected a unit, a number, an annotation or (, found the end.`,
		"m.":                     "at character 3 expected a unit",
		"//m":                    "at character 2 expected a unit",
		"(/m)":                   "at character 2 expected a unit",
		"g/12h":                  `at character 5 expected . or / or the end, found "h".`,
		"10+3/ul":                `at character 3 expected . or / or the end, found "+".`,
		"{a}m":                   `at character 4 expected . or / or the end`,
		"m{a}{b}":                `at character 5 expected . or / or the end, found "{".`,
		"(m){a}":                 `at character 4 expected . or / or the end`,
		"m{a":                    "at character 2 the { has no }",
		"m{a{b}}":                `at character 4 an annotation has "{"`,
		"10*3{red cells}":        `at character 9 an annotation has " "`,
		"m{é}":                   `at character 3 an annotation has "é"`,
		"(m":                     "at character 3 expected . or / or ) for the ( of character 1, found the end",
		"m)":                     `at character 2 expected . or / or the end, found ")".`,
		"MMHG":                   `at character 1 "MMHG" is not in its table, version 2.0.1; expected a code such as mg, mm[Hg] or 10*9.`,
		"mg/Dl":                  `at character 4 "Dl" is not in its table`,
		"µg":                     `at character 1 "µg" is not in its table`,
		"kmin":                   `at character 1 "kmin" puts a prefix before min, which takes none.`,
		"k[degF]":                "puts a prefix before [degF]",
		"kkg":                    `"kkg" is not in its table`,
		"k":                      `"k" is not in its table`,
		"m-":                     "at character 3 expected the digits of an exponent, found the end",
		"0.m":                    "at character 1 expected a number greater than zero",
		"m/0":                    "at character 3 expected a number greater than zero",
		"m101":                   "at character 1 the unit is too large to compute with",
		"m60.m60":                "at character 5 the unit is too large to compute with",
		"10*9999":                "at character 1 the unit is too large to compute with",
		"m99999999999999999999":  "at character 1 the unit is too large to compute with",
		"1/Cel":                  "at character 3 a unit that is not on a ratio scale",
		"Cel2":                   "at character 1 a unit that is not on a ratio scale",
		"J/Cel":                  "at character 3 a unit that is not on a ratio scale",
		"[pH].m":                 "at character 6 a unit that is not on a ratio scale",
		"Cel.Cel":                "at character 5 a unit that is not on a ratio scale",
		"%.Cel":                  "at character 3 a unit that is not on a ratio scale",
		strings.Repeat("(", 200): "at character 17 parentheses are nested deeper than 16",
		strings.Repeat("m", 257): "The unit has 257 characters; expected a code of UCUM of at most 256.",
		" m":                     `" m" is not in its table`,
		"m\x00":                  `is not in its table`,
		"\xff":                   `is not in its table`,
	} {
		_, err := ucum.Parse(code)
		var refusal *outcome.Error
		if !errors.As(err, &refusal) {
			t.Errorf("Parse(%q) = %v, want a refusal", code, err)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), ".") {
			t.Errorf("Parse(%q): %s\nwant %s", code, err, want)
		}
	}
}

// TestRefusalsAreNotShared: what one caller adds to a refusal is not seen by the next.
func TestRefusalsAreNotShared(t *testing.T) {
	for range 2 {
		_, err := ucum.Parse("mgg")
		refusal := outcome.As(err)
		if n := len(refusal.Issues[0].Expression); n != 0 {
			t.Fatalf("the refusal has %d places", n)
		}
		_ = refusal.At("Observation.value")
	}
}

func TestParseIsSafeForConcurrentUse(t *testing.T) {
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 3000 {
				code := fmt.Sprintf("m{%d}", (i+worker)%2500)
				if u, err := ucum.Parse(code); err != nil || u.String() != code {
					t.Errorf("Parse(%q) = %v, %v", code, u, err)
					return
				}
			}
		})
	}
	group.Wait()
	if n := ucum.Cached(); n > ucum.MaxReadings {
		t.Errorf("%d codes are kept, want at most %d", n, ucum.MaxReadings)
	}
}

// TestNoSymbolIsReadTwoWays: whatever prefix and unit a symbol can be cut into, it is one unit, so
// that a longer prefix never hides another meaning.
func TestNoSymbolIsReadTwoWays(t *testing.T) {
	prefixes, metric, all := ucum.Symbols()
	if len(prefixes) != 24 || len(all) != 310 {
		t.Fatalf("the table has %d prefixes and %d units", len(prefixes), len(all))
	}
	seen := map[string]string{}
	for _, p := range prefixes {
		for _, unit := range metric {
			if other, ok := seen[p+unit]; ok {
				t.Errorf("%s is %s and %s%s", p+unit, other, p, unit)
			}
			seen[p+unit] = p + " " + unit
			if _, err := ucum.Parse(p + unit); err != nil {
				t.Error(err)
			}
		}
	}
	for _, unit := range all {
		if other, ok := seen[unit]; ok {
			t.Errorf("%s is a unit and %s", unit, other)
		}
	}
}
