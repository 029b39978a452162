package search

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/unicode/norm"
)

// Fold is s as string search compares it: without case, accents and other diacritical marks,
// punctuation, and white space at the ends or repeated. Apostrophes and dots vanish (O'Brien is
// obrien), other punctuation parts words as a space does (Anne-Marie is anne marie). A text that
// is nothing but punctuation keeps it. Folding twice changes nothing.
// https://hl7.org/fhir/R4/search.html#string
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != ' ' || i == 0 || i == len(s)-1 || s[i+1] == ' ') {
			return fold(s)
		}
	}
	return s // folded already
}

func fold(s string) string {
	if folded, ok := foldLatin(s); ok && folded != "" {
		return folded
	}
	s = decompose(strings.ToValidUTF8(s, "\ufffd"))
	if words := joinWords(s, true); words != "" {
		return words
	}
	return joinWords(s, false)
}

// decompose lowers s and takes its accents off their letters.
func decompose(s string) string {
	return norm.NFKD.String(plainLetters.Replace(strings.Map(lower, norm.NFKD.String(s))))
}

// lower is one case of a letter: the small one of its capital, so that ς and σ are the same, and
// Cherokee, whose small letters came later, goes one way.
func lower(r rune) rune {
	if unicode.Is(unicode.Mn, r) {
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// foldLatin is fold for a text of Latin letters, which fold one by one; false for any other. What
// is nothing but punctuation gives an empty text.
func foldLatin(s string) (string, bool) {
	letters := latinLetters()
	b := make([]byte, 0, len(s))
	gap := false
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			if r, size = utf8.DecodeRuneInString(s[i:]); r >= latinEnd {
				return "", false
			}
		}
		i += size
		l := &letters[r]
		switch l.class {
		case runeSilent, runeDropped:
		case runeSpace, runeParting:
			gap = len(b) > 0
		default:
			if gap {
				b = append(b, ' ')
				gap = false
			}
			b = append(b, l.folded...)
		}
	}
	return unsafe.String(unsafe.SliceData(b), len(b)), true
}

// latinEnd is the end of Latin Extended-B. Before it no letter depends on its neighbours.
const latinEnd = 0x250

type latinLetter struct {
	class  runeClass
	folded string
}

// latinLetters is how each Latin letter folds by itself.
var latinLetters = sync.OnceValue(func() *[latinEnd]latinLetter {
	var table [latinEnd]latinLetter
	for r := range rune(latinEnd) {
		s := string(r)
		if table[r].class = classify(r, s); table[r].class == runeLetter {
			table[r].folded = joinWords(decompose(s), true)
		}
	}
	return &table
})

// plainLetters are the letters whose mark Unicode does not decompose.
var plainLetters = strings.NewReplacer(
	"ß", "ss", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "ħ", "h", "ı", "i", "ŧ", "t", "þ", "th", "æ", "ae", "œ", "oe",
)

// joinWords drops marks and controls and joins what white space (and punctuation) parts.
func joinWords(s string, punctuation bool) string {
	b := make([]byte, 0, len(s))
	gap := false
	for i, r := range s {
		switch class := classify(r, s[i:]); {
		case class == runeDropped, class == runeSilent && punctuation:
		case class == runeSpace, class == runeParting && punctuation:
			gap = len(b) > 0
		default:
			if gap {
				b = append(b, ' ')
				gap = false
			}
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// runeClass is what a rune means to folding.
type runeClass uint8

const (
	runeLetter  runeClass = iota
	runeDropped           // marks, controls
	runeSpace
	runeSilent  // punctuation within words
	runeParting // punctuation between words
)

func classify(r rune, rest string) runeClass {
	switch {
	case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
		return runeLetter
	case unicode.IsSpace(r) || unicode.Is(unicode.Z, r):
		return runeSpace
	case strings.ContainsRune("'’‘`´ʼ.", r):
		return runeSilent
	case unicode.IsPunct(r):
		return runeParting
	case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || isMark(r, rest):
		return runeDropped
	}
	return runeLetter
}

// isMark reports whether r is a diacritical mark: an accent or the vocalisation of Hebrew and
// Arabic, by canonical combining class. Vowel signs of other scripts are letters to a reader.
func isMark(r rune, rest string) bool {
	if r < 0x300 {
		return false
	}
	class := norm.NFD.PropertiesString(rest).CCC()
	return class >= 200 || class >= 10 && class <= 35
}
