package pebble

import "encoding/hex"

// Ids that are UUIDs in canonical form take 17 bytes in keys instead of 37.
const (
	idUUID = 1
	idText = 2
)

const uuidLength = 36

// appendID writes an id so that it is never the beginning of another.
func appendID(b []byte, id string) []byte {
	if packed, ok := appendUUID(append(b, idUUID), id); ok {
		return packed
	}
	return appendText(append(b, idText), id)
}

func appendUUID(b []byte, id string) ([]byte, bool) {
	if len(id) != uuidLength {
		return b, false
	}
	for i := 0; i < uuidLength; {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if id[i] != '-' {
				return b, false
			}
			i++
			continue
		}
		high, low := hexDigit(id[i]), hexDigit(id[i+1])
		if high|low > 15 {
			return b, false
		}
		b = append(b, high<<4|low)
		i += 2
	}
	return b, true
}

// hexDigit is the value of a lower-case digit, above 15 for anything else.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// readID reads what appendID wrote.
func readID(b []byte) (id string, rest []byte, ok bool) {
	if len(b) == 0 {
		return "", nil, false
	}
	switch b[0] {
	case idText:
		text, rest, ok := readText(b[1:])
		return string(text), rest, ok
	case idUUID:
		if len(b) < 17 {
			return "", nil, false
		}
		return formatUUID(b[1:17]), b[17:], true
	}
	return "", nil, false
}

func formatUUID(b []byte) string {
	var s [uuidLength]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
