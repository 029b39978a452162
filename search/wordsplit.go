package search

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/clipperhouse/uax29/v2/words"
)

// maxWord is how many bytes of a word count; what follows is left off, in texts and in queries.
const maxWord = 64

// AppendWords adds the words of a text to b with a space between, as word search compares them: without
// case, accents and other marks. Letters, digits and what Unicode counts to them make words; apostrophes
// and dots vanish (O'Brien is obrien), but a dot between digits parts words as all else does (3.5 is 3 and
// 5, mm[Hg] is mm and hg). Other scripts than Latin are parted as Unicode tells, so that each Chinese
// character is a word: https://unicode.org/reports/tr29/#Word_Boundaries. Of a word, 64 bytes count.
func AppendWords(b []byte, s string) []byte {
	t := splitter{out: b, first: len(b)}
	for i := 0; i < len(s); {
		for i < len(s) && s[i] <= ' ' {
			i++
		}
		end := i
		for end < len(s) && s[end] > ' ' {
			end++
		}
		if chunk := s[i:end]; chunk != "" && !t.latin(chunk) {
			t.any(chunk)
		}
		i = end
	}
	return t.out
}

// splitter appends words to out.
type splitter struct {
	out   []byte
	first int // where they begin
	word  int // where the word under way begins
}

// begin gets ready for a word.
func (t *splitter) begin() {
	if len(t.out) > t.first {
		t.out = append(t.out, ' ')
	}
	t.word = len(t.out)
}

// end cuts the word under way, and takes the space before it back if there is none.
func (t *splitter) end() {
	if len(t.out) > t.word+maxWord {
		cut := t.word + maxWord
		for !utf8.RuneStart(t.out[cut]) {
			cut--
		}
		t.out = t.out[:cut]
	}
	if len(t.out) == t.word && t.word > t.first {
		t.out = t.out[:t.word-1]
	}
}

// latin adds the words of what has no white space in it; false, with nothing added, where it has letters
// that do not fold one by one.
func (t *splitter) latin(s string) bool {
	start := len(t.out)
	table := wordLetters()
	t.begin()
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		l := wordLetter{class: wordParts}
		if r < latinEnd {
			l = table[r]
		} else if class := classify(r, s[i:]); class == runeSilent {
			l.class = wordSilent
		} else if class == runeDropped || isWordRune(r) {
			l.class = wordApart
		}
		switch {
		case l.class == wordApart:
			t.out = t.out[:start]
			return false
		case l.class == wordIs:
			t.out = append(t.out, l.folded...)
		case l.class == wordParts || r == '.' && betweenDigits(s, i):
			if len(t.out) > t.word {
				t.end()
				t.begin()
			}
		}
		i += size
	}
	t.end()
	return true
}

// any is latin for letters of all kinds.
func (t *splitter) any(s string) {
	folded := joinWords(decompose(partNumbers(strings.ToValidUTF8(s, "\ufffd"))), true)
	folded = strings.Map(partSigns, folded)
	for segments := words.FromString(folded); segments.Next(); {
		segment := segments.Value()
		if r, _ := utf8.DecodeRuneInString(segment); isWordRune(r) {
			t.begin()
			t.out = append(t.out, segment...)
			t.end()
		}
	}
}

// partSigns puts a space in the place of what is no part of a word.
func partSigns(r rune) rune {
	if isWordRune(r) {
		return r
	}
	return ' '
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// betweenDigits reports whether the dot at i belongs to a number.
func betweenDigits(s string, i int) bool {
	return i > 0 && i+1 < len(s) && isDigit(s[i-1]) && isDigit(s[i+1])
}

// partNumbers puts spaces in the place of dots that belong to numbers.
func partNumbers(s string) string {
	if strings.IndexByte(s, '.') < 0 {
		return s
	}
	b := []byte(s)
	for i := range b {
		if b[i] == '.' && betweenDigits(s, i) {
			b[i] = ' '
		}
	}
	return view(b)
}

// view makes a string of bytes that are not changed while it is used.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the bytes stay as they are for as long as the string is used
}

// wordLetter is what a Latin letter or sign is to words.
type wordLetter struct {
	class  wordClass
	folded string
}

type wordClass uint8

const (
	wordIs     wordClass = iota // part of one, folded
	wordParts                   // between two
	wordSilent                  // nothing
	wordApart                   // more than one by one can tell
)

// wordLetters are those of foldLatin, of which signs that are neither letter nor digit part words.
var wordLetters = sync.OnceValue(func() *[latinEnd]wordLetter {
	var table [latinEnd]wordLetter
	for r, l := range latinLetters() {
		w := &table[r]
		switch {
		case l.class == runeSilent || l.class == runeDropped:
			w.class = wordSilent
		case l.class != runeLetter || !isWordRune(rune(r)):
			w.class = wordParts
		default:
			w.folded = l.folded
			for _, f := range l.folded {
				if !isWordRune(f) {
					w.class = wordApart
				}
			}
		}
	}
	return &table
})
