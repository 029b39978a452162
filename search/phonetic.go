package search

import "strings"

// phonetic is how a text sounds, word by word, for the parameters named phonetic: Soundex without
// its limit of four signs, the first letter coded like the others, so that Catherine and Kathryn,
// Smith and Schmidt, Philip and Filip are the same. Words of other scripts stay as folded.
// https://hl7.org/fhir/R4/patient.html#search
func phonetic(text string) string {
	folded := Fold(text)
	b := make([]byte, 0, len(folded))
	for word := range strings.SplitSeq(folded, " ") {
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = appendSoundex(b, word)
	}
	return string(b)
}

// soundexCodes are those of a to z: vowels 0, and h and w, which part nothing, a space.
const soundexCodes = "0123012 02245501262301 202"

func appendSoundex(b []byte, word string) []byte {
	var last byte
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c < 'a' || c > 'z' {
			b, last = append(b, c), c
			continue
		}
		code := soundexCodes[c-'a']
		switch {
		case i == 0 && code == ' ':
			b, last = append(b, '0'), '0'
		case code == ' ':
		case i == 0, code != '0' && code != last:
			b = append(b, code)
			last = code
		default:
			last = code
		}
	}
	return b
}
