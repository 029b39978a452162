package ucum_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"

	"kiln/resources/outcome"
	"kiln/resources/ucum"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ value, code, want, base string }{
		{"1", "g", "1", "g"},
		{"1000", "mg", "1", "g"},
		{"1e-3", "kg", "1", "g"},
		{"120", "mm[Hg]", "15998640", "g.m-1.s-2"},
		{"37.0", "Cel", "310.15", "K"},
		{"98.6", "[degF]", "310.15", "K"},
		{"29.6", "[degRe]", "310.15", "K"},
		{"558.27", "[degR]", "310.15", "K"},
		{"1000", "mCel", "274.15", "K"},
		{"-40", "Cel", "233.15", "K"},
		{"-40", "[degF]", "233.15", "K"},
		{"0", "K", "0", "K"},
		{"7.40", "[pH]", "7.4", "[pH]"},
		{"20", "dB", "2", "B"},
		{"140", "meq/L", "8.43099138e+25", "m-3"}, // 140 mmol/L
		{"1", "[in_i]", "0.0254", "m"},
		{"1", "[ft_us]", "0.3048006096012192024384048768097536", "m"}, // 1200/3937
		{"2", "[in_us]", "0.0508001016002032004064008128016256", "m"}, // rounded to 34 digits
		{"5", "[IU]", "5", "[iU]"},
		{"1", "a", "31557600", "s"},
		{"1", "mo", "2629800", "s"},
		{"1", "wk", "604800", "s"},
		{"1", "KiBy", "8192", "1"},
		{"50", "%", "0.5", "1"},
		{"180", "deg", "3.1415926535897932384626433832795028841971693993751058209749445923", "rad"},
	} {
		got, base, err := ucum.Canonical(decimal(t, c.value), c.code)
		if err != nil {
			t.Errorf("%s %s: %v", c.value, c.code, err)
			continue
		}
		if want := decimal(t, c.want); got.Cmp(want) != 0 || base != c.base {
			t.Errorf("%s %s is %s %s, want %s %s", c.value, c.code, got, base, c.want, c.base)
		}
	}
}

// TestLongResultsAreRounded: a result with an end that is far off takes no more than 34 digits.
func TestLongResultsAreRounded(t *testing.T) {
	got, _, err := ucum.Canonical(apd.New(1, 0), "[pi]10")
	if err != nil {
		t.Fatal(err)
	}
	if got.NumDigits() != ucum.Precision {
		t.Errorf("π^10 is %s, with %d digits", got, got.NumDigits())
	}
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ value, from, to, want string }{
		{"120", "mm[Hg]", "kPa", "15.99864"},
		{"1", "kPa", "mm[Hg]", "7.50063755419210632903796822729932"}, // 1000/133.322
		{"5.5", "mmol/L", "umol/mL", "5.5"},
		{"1", "[lb_av]", "kg", "0.45359237"},
		{"37", "Cel", "[degF]", "98.6"},
		{"310.15", "K", "mCel", "37000"},
		{"7", "[pH]", "mol/L", "1e-7"},
		{"1e-7", "mol/L", "[pH]", "7"},
		{"1e-4", "mmol/L", "[pH]", "7"},
		{"7.4", "[pH]", "nmol/L", "39.81071705534972507702523050877520"}, // 10^1.6
		{"20", "dB", "1", "100"},
		{"2", "B", "1", "100"},
		{"100", "1", "dB", "20"},
		{"3", "Np", "1", "20.08553692318766774092852965458172"}, // e^3
		{"1", "Np", "dB", "4.342944819032518276511289189166051"},
		{"60", "dB[SPL]", "Pa", "0.02"},
		{"0.02", "Pa", "dB[SPL]", "60"},
		{"40", "dB[uV]", "mV", "0.1"},
		{"3", "[hp'_X]", "1", "0.001"},
		{"1", "[hp'_Q]", "1", "0.00002"},
		{"10", "bit_s", "1", "1024"},
		{"4", "[m/s2/Hz^(1/2)]", "m2/s4/Hz", "16"},
		{"2", "m2/s4/Hz", "[m/s2/Hz^(1/2)]", "1.414213562373095048801688724209698"},
		{"100", "%[slope]", "deg", "45"},
		{"45", "deg", "[p'diop]", "100"},
		{"-45", "deg", "%[slope]", "-100"},
		{"30", "deg", "%[slope]", "57.73502691896257645091487805019575"}, // 100/√3
		{"173.2050807568877293527446341505872", "%[slope]", "deg", "60"},
		{"12", "%[slope]", "[p'diop]", "12"},
	} {
		got, err := ucum.Convert(decimal(t, c.value), c.from, c.to)
		if err != nil {
			t.Errorf("%s %s to %s: %v", c.value, c.from, c.to, err)
			continue
		}
		// Half a unit of the 32nd digit: the sources' π has 64, and thirds are rounded once.
		if want := decimal(t, c.want); !near(got, want, 32) {
			t.Errorf("%s %s is %s %s, want %s", c.value, c.from, got, c.to, c.want)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, c := range []struct{ value, from, to, want string }{
		{"1", "mg", "mL", `"mg" cannot be converted to "mL": they do not measure the same; the one is in g, the other in m3.`},
		{"1", "[IU]", "[arb'U]", "they do not measure the same"},
		{"1", "[IU]", "1", "they do not measure the same"},
		{"1", "[pH]", "g", "they do not measure the same"},
		{"0", "mol/L", "[pH]", `The value in "mol/L" has no counterpart in "[pH]"`},
		{"-1", "1", "dB", "has no counterpart"},
		{"1e9", "B", "1", "has no counterpart"},
		{"-1", "[m/s2/Hz^(1/2)]", "m2/s4/Hz", "has no counterpart"},
		{"1e6", "rad", "%[slope]", "has no counterpart"},
		{"1e5000", "mg", "g", "The number is too large to convert"},
		{"NaN", "mg", "g", "The number is too large to convert"},
		{"1", "mgg", "g", "is no unit of UCUM"},
		{"1", "g", "mgg", "is no unit of UCUM"},
	} {
		_, err := ucum.Convert(decimal(t, c.value), c.from, c.to)
		if err == nil || !strings.Contains(err.Error(), c.want) || outcome.As(err).Code() == outcome.Exception {
			t.Errorf("%s %s to %s: %v, want %s", c.value, c.from, c.to, err, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		a, codeA string
		order    int
		b, codeB string
	}{
		{"1", "g", 0, "1000", "mg"},
		{"120", "mm[Hg]", 1, "15.99", "kPa"},
		{"120", "mm[Hg]", 0, "15.99864", "kPa"},
		{"37", "Cel", 0, "98.6", "[degF]"},
		{"7.4", "[pH]", 1, "7", "[pH]"},
		{"1", "[ft_us]", 0, "12", "[in_us]"},
		{"3937", "[ft_us]", 0, "1200", "m"}, // not rounded on the way
		{"10", "dB", 0, "1", "B"},
		{"-1", "Cel", -1, "0", "Cel"},
		{"1", "/min", 0, "60", "/h"},
		{"1", "mmol/L", 0, "1", "meq/L"}, // as UCUM has it
	} {
		order, ok := ucum.Compare(decimal(t, c.a), c.codeA, decimal(t, c.b), c.codeB)
		if !ok || order != c.order {
			t.Errorf("%s %s and %s %s: %d, %t; want %d", c.a, c.codeA, c.b, c.codeB, order, ok, c.order)
		}
		if equal := ucum.Equal(decimal(t, c.a), c.codeA, decimal(t, c.b), c.codeB); equal != (c.order == 0) {
			t.Errorf("%s %s equals %s %s: %t", c.a, c.codeA, c.b, c.codeB, equal)
		}
	}
	for _, pair := range [][2]string{{"mg", "mL"}, {"[pH]", "mol/L"}, {"mg", "x"}, {"x", "mg"}, {"[IU]", "U"}} {
		if _, ok := ucum.Compare(apd.New(1, 0), pair[0], apd.New(1, 0), pair[1]); ok || ucum.Commensurable(pair[0], pair[1]) {
			t.Errorf("%s and %s are compared", pair[0], pair[1])
		}
	}
	if !ucum.Commensurable("mg/dL", "g/L") {
		t.Error("mg/dL and g/L are not commensurable")
	}
}

// TestConvertBackAndForth: any two units that measure the same convert both ways, and comparing agrees
// with converting.
func TestConvertBackAndForth(t *testing.T) {
	_, _, all := ucum.Symbols()
	byDimension := map[string][]string{}
	for _, symbol := range all {
		u, err := ucum.Parse(symbol)
		if err != nil {
			t.Fatal(err)
		}
		byDimension[u.Canonical()] = append(byDimension[u.Canonical()], symbol)
	}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom(all).Draw(t, "from")
		u, _ := ucum.Parse(from)
		to := rapid.SampledFrom(byDimension[u.Canonical()]).Draw(t, "to")
		value := apd.New(rapid.Int64().Draw(t, "digits"), rapid.Int32Range(-20, 20).Draw(t, "exponent"))
		there, err := ucum.Convert(value, from, to)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ucum.Convert(there, to, from)
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := ucum.Parse(to); !u.Ratio() || !v.Ratio() {
			return // a shift takes digits of small values
		}
		if !near(back, value, 33) {
			t.Fatalf("%s %s is %s %s and back %s", value, from, there, to, back)
		}
		a, _, _ := ucum.Canonical(value, from)
		b, _, _ := ucum.Canonical(there, to)
		if !near(a, b, 33) {
			t.Fatalf("%s %s is %s, %s %s is %s", value, from, a, there, to, b)
		}
	})
}

// TestDecimalKeepsOrder: rounding never turns the order of two fractions, and equal ones are
// one decimal.
func TestDecimalKeepsOrder(t *testing.T) {
	fraction := rapid.Custom(func(t *rapid.T) *big.Rat {
		return big.NewRat(rapid.Int64().Draw(t, "n"), rapid.Int64Range(1, 1<<40).Draw(t, "d"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := fraction.Draw(t, "a"), fraction.Draw(t, "b")
		if got, want := ucum.Decimal(a).Cmp(ucum.Decimal(b)), a.Cmp(b); got != want {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, want)
		}
		d := ucum.Decimal(a)
		r, err := ucum.Fraction(d)
		if err != nil {
			t.Fatal(err)
		}
		if ucum.Decimal(r).CmpTotal(d) != 0 {
			t.Fatalf("%s is not its own decimal", d)
		}
	})
}

// near reports whether two numbers differ by no more than one part in 10^digits.
func near(a, b *apd.Decimal, digits int64) bool {
	x, err := ucum.Fraction(a)
	if err != nil {
		return false
	}
	y, err := ucum.Fraction(b)
	if err != nil {
		return false
	}
	bound := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil))
	bound.Inv(bound).Mul(bound, new(big.Rat).Abs(y))
	difference := x.Sub(x, y)
	return difference.Abs(difference).Cmp(bound) <= 0
}
