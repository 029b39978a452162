package mongodb

import "strings"

// Keys of guards, claims and records are any bytes, and a database wants UTF-8: each byte is written as the
// character of that number, so that what is ASCII reads as itself and the order stays. A zero byte, which some tools
// take for an end, is written as two characters, and so is the first that would then be mistaken for it.

func keyName(key string) string {
	plain := true
	for i := range len(key) {
		plain = plain && key[i] > 1 && key[i] < 0x80
	}
	if plain {
		return key
	}
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; c <= 1 {
			b.WriteRune(1)
			b.WriteRune(rune(c) + 1)
		} else {
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

// nameKey reads what keyName wrote.
func nameKey(name string) string {
	b := make([]byte, 0, len(name))
	escaped := false
	for _, r := range name {
		switch {
		case escaped:
			b, escaped = append(b, byte(r-1)), false
		case r == 1:
			escaped = true
		default:
			b = append(b, byte(r))
		}
	}
	return string(b)
}
