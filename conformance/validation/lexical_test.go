package validation_test

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"kiln/conformance/validation"
	"kiln/resources/definitions"
)

// seeds are texts from which others are made.
var seeds = map[string][]string{
	"base64Binary": {"QUJD", "QUJDRA==", "QUI=", " QUJD QUJD\n", "+/09"},
	"canonical":    {"http://example.org/ValueSet/a|1", "#a"},
	"code":         {"a", "two words", "a-b c\td"},
	"date":         {"2024-02-29", "1970", "1970-12", "2023-11-30", "0001"},
	"dateTime":     {"2024-02-29T23:59:60.123+14:00", "1970", "1970-12", "1970-12-31", "2023-04-30T00:00:00Z", "2023-04-30T00:00:00-13:59"},
	"decimal":      {"1.50", "-0", "1e-5", "-12.25E+10"},
	"id":           {"A-1.b", strings.Repeat("x", 64)},
	"instant":      {"2024-02-29T23:59:60.123+14:00", "2023-04-30T00:00:00Z", "2023-04-30T00:00:00-13:59"},
	"integer":      {"-2147483648", "2147483647", "0", "-1", "12"},
	"oid":          {"urn:oid:1.2.840.10008", "urn:oid:0.0"},
	"positiveInt":  {"2147483647", "1", "10"},
	"time":         {"23:59:60", "00:00:00.5"},
	"unsignedInt":  {"2147483647", "0", "10"},
	"uri":          {"urn:oid:1.2", "a:b", "x"},
	"url":          {"https://example.org"},
	"uuid":         {"urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"},
}

// stricter are the reasons why a text that the table's regular expression takes is refused.
var stricter = map[string]func(text string) bool{
	"base64Binary": func(s string) bool { // '=' anywhere
		bare := strings.Join(strings.Fields(s), "")
		return strings.Contains(strings.TrimRight(bare, "="), "=") || strings.HasSuffix(bare, "===")
	},
	"decimal": func(s string) bool { // an exponent that cannot be stored
		_, exponent, ok := strings.Cut(strings.ToLower(s), "e")
		return ok && len(strings.TrimLeft(exponent, "+-0")) >= 4
	},
	"date":        noSuchDay,
	"dateTime":    noSuchDay,
	"instant":     noSuchDay,
	"integer":     func(s string) bool { return len(strings.TrimLeft(s, "-0")) >= 10 },
	"positiveInt": func(s string) bool { return len(s) >= 10 },
	"unsignedInt": func(s string) bool { return len(s) >= 10 },
}

var numeric = map[string]bool{"decimal": true, "integer": true, "positiveInt": true, "unsignedInt": true}

func noSuchDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s[:min(10, len(s))])
	return len(s) >= 10 && err != nil
}

// TestFormsAreThoseOfTheTable compares the forms of primitives with the regular expressions that
// 4.0.1 gives, on texts made at random.
func TestFormsAreThoseOfTheTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, texts := range seeds {
		t.Run(name, func(t *testing.T) {
			pattern := definitions.R4().Type(name).Regex
			if pattern == "" {
				t.Fatal("the table has no regular expression")
			}
			table, valid := regexp.MustCompile(`^(?:`+pattern+`)$`), validation.Lexical(name)
			good, bad := 0, 0
			for range 20_000 {
				text := distort(r, texts[r.IntN(len(texts))])
				if text == "" || strings.Contains(text, "\v") { // no value in JSON; and white space that Go's \s leaves out
					continue
				}
				if numeric[name] && !json.Valid([]byte(strings.TrimSpace(text))) || numeric[name] && strings.TrimSpace(text) != text {
					continue // the parser has refused it
				}
				want, got := table.MatchString(text), valid(text)
				switch {
				case got && !want:
					t.Fatalf("%q is taken; the table refuses it", text)
				case want && !got && (stricter[name] == nil || !stricter[name](text)):
					t.Fatalf("%q is refused; the table takes it", text)
				case got:
					good++
				default:
					bad++
				}
			}
			if good < 100 || name != "decimal" && name != "uri" && name != "url" && name != "canonical" && bad < 100 {
				t.Errorf("compared %d good and %d bad texts, which says little", good, bad)
			}
		})
	}
}

// distort changes up to three characters of a text.
func distort(r *rand.Rand, text string) string {
	const other = "0123456789-+:.TZ=/ abcxyzAEZ|\t\n\u00e9"
	b := []byte(text)
	for range r.IntN(4) {
		c := other[r.IntN(len(other))]
		switch at := r.IntN(len(b) + 1); {
		case at == len(b):
			b = append(b, c)
		case r.IntN(3) == 0:
			b = append(b[:at], b[at+1:]...)
		case r.IntN(2) == 0:
			b[at] = c
		default:
			b = append(b[:at], append([]byte{c}, b[at:]...)...)
		}
	}
	return string(b)
}
