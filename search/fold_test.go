package search_test

import (
	"strings"
	"testing"

	"kiln/search"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"  Ada \t Lovelace ": "ada lovelace",
		"ÅSE":                "ase",
		"O'Brien":            "obrien",
		"O’Brien":            "obrien",
		"Anne-Marie":         "anne marie",
		"St. John (Jr.)":     "st john jr",
		"Straße":             "strasse",
		"Łódź":               "lodz",
		"Ærøskøbing":         "aeroskobing",
		"İstanbul":           "istanbul",
		"ﬁne":                "fine",
		"Ｆｕｌｌ":               "full",
		"ᏂᎣ":                 "ꮒꭳ",
		"ᾳ":                  "α",
		"Σίσυφος":            "σισυφοσ",
		"ЙОЖ":                "иож",
		"עִבְרִית":           "עברית",
		"कि":                 "कि",
		"山田　太郎":              "山田 太郎",
		"?!":                 "?!",
		"zero\u200bwidth":    "zerowidth",
		"100% sure + 1":      "100 sure + 1",
	} {
		if got := search.Fold(in); got != want {
			t.Errorf("Fold(%q) is %q; want %q", in, got, want)
		}
	}
}

func TestFoldingEachLetterTwiceChangesNothing(t *testing.T) {
	for r := range rune(0x20000) {
		if once := search.Fold(string(r)); search.Fold(once) != once {
			t.Errorf("%U folds to %+q, which folds to %+q", r, once, search.Fold(once))
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, seed := range []string{"Zoë", "O'Brien-Müller", " a  b ", "İ", "ǅ", "ẛ̣", "\xff", "ß", "?", "שָׁלוֹם", "\xf5ǅ", "ꮒ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := search.Fold(s)
		if again := search.Fold(folded); again != folded {
			t.Errorf("%q folds to %q, which folds to %q", s, folded, again)
		}
		if len(folded) > 20*len(s)+20 {
			t.Errorf("%q grows to %d bytes", s, len(folded))
		}
		if upper := search.Fold(strings.ToUpper(s)); isPlain(s) && upper != folded {
			t.Errorf("%q folds to %q, in capitals to %q", s, folded, upper)
		}
	})
}

func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
