package search_test

import (
	"strings"
	"testing"

	"kiln/search"
)

func TestAppendWords(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"case and accents go", "Zoë MÄRTA Straße Łukasz", "zoe marta strasse lukasz"},
		{"punctuation parts", "Anne-Marie, x_y; (a/b)|c\td", "anne marie x y a b c d"},
		{"signs part", "a<b x=1 50% mm[Hg] Na+ €5", "a b x 1 50 mm hg na 5"},
		{"apostrophes vanish", "O'Brien O’Brien 'quoted'", "obrien obrien quoted"},
		{"dots vanish in words", "e.g. U.S.A. End.", "eg usa end"},
		{"dots part numbers", "3.5 mg 1.2.36 v1.x", "3 5 mg 1 2 36 v1x"},
		{"soft hyphens vanish", "hyper\u00adtension zero\u200bwidth", "hypertension zerowidth"},
		{"every Chinese character is a word", "abc山田 太郎とカタカナ", "abc 山 田 太 郎 と カタカナ"},
		{"Cyrillic, Greek, Arabic", "Иван ΟΔΟΣ مُحَمَّد", "иван οδοσ محمد"},
		{"signs beside other letters", "山-田 3.5山", "山 田 3 5 山"},
		{"nothing", " \t-- %% 😀 … ", ""},
		{"no UTF-8", "a\xffb \xff", "a b"},
		{"compatibility", "ﬁbrosis ℃ ½ x²", "fibrosis 1 2 x2"},
		{"long words are cut", strings.Repeat("a", 70) + " " + strings.Repeat("й", 40), strings.Repeat("a", 64) + " " + strings.Repeat("и", 32)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(search.AppendWords(nil, c.text)); got != c.want {
				t.Errorf("%q has the words %q; want %q", c.text, got, c.want)
			}
			if got := string(search.AppendWords([]byte("\n"), c.text)); got != "\n"+c.want {
				t.Errorf("after a line feed %q has the words %q", c.text, got)
			}
		})
	}
}

// FuzzAppendWords: words are those of a WordsValue, and found again by what they are.
func FuzzAppendWords(f *testing.F) {
	for _, s := range []string{"Zoë", "a.b 3.5", "山田x", "½", "x\u0301y", "กำ", "가", "\u0f71\u0f72", "Ⅷ", "ǆ", "ʼn'", "\u00a0a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := string(search.AppendWords(nil, s))
		if strings.Contains(words, "  ") || strings.Trim(words, " ") != words || strings.ContainsAny(words, "\n\x00\x01") {
			t.Fatalf("%q has the words %q", s, words)
		}
		for word := range strings.FieldsSeq(words) {
			if len(word) > 64 {
				t.Fatalf("the word %q is too long", word)
			}
		}
		if again := string(search.AppendWords(nil, words)); again != words {
			t.Fatalf("%q has the words %q, and these %q", s, words, again)
		}
	})
}
