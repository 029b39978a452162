package markup

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// normalize makes the value of an attribute of its text: references are resolved, white space
// becomes spaces (https://www.w3.org/TR/xml/#AVNormalize).
func (r *Reader) normalize(start int, raw string) (string, error) {
	plain := true
	for i := range len(raw) {
		if c := raw[i]; c == '<' {
			return "", r.Fail(start+i, `The value of an attribute holds "<"; it is written as "&lt;".`)
		} else if c == '&' || c == '\n' || c == '\t' || c == '\r' {
			plain = false
		}
	}
	if plain {
		return raw, nil
	}
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case '&':
			c, size, err := r.reference(start + i)
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, c)
			i += size
		case '\n', '\t':
			b = append(b, ' ')
			i++
		case '\r':
			if !strings.HasPrefix(raw[i:], "\r\n") {
				b = append(b, ' ')
			}
			i++
		default:
			b = append(b, c)
			i++
		}
	}
	return string(b), nil
}

// resolve makes character data of the source between two places.
func (r *Reader) resolve(start, end int) (string, error) {
	raw := r.src[start:end]
	i := strings.IndexByte(raw, '&')
	if i < 0 {
		return lineEnds(raw), nil
	}
	b := make([]byte, 0, len(raw))
	for i >= 0 {
		b = append(b, lineEnds(raw[:i])...)
		c, size, err := r.reference(end - len(raw) + i)
		if err != nil {
			return "", err
		}
		b = utf8.AppendRune(b, c)
		raw = raw[i+size:]
		i = strings.IndexByte(raw, '&')
	}
	return string(append(b, lineEnds(raw)...)), nil
}

// lineEnds makes one line feed of each end of a line: https://www.w3.org/TR/xml/#sec-line-ends
func lineEnds(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return lineEndings.Replace(s)
}

var lineEndings = strings.NewReplacer("\r\n", "\n", "\r", "\n")

var predefined = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

// maxReference is the length of the longest name of an entity of HTML, and more than enough for
// any character number.
const maxReference = 40

// reference reads the character or entity reference at a place and gives its length.
// https://www.w3.org/TR/xml/#sec-references
func (r *Reader) reference(at int) (c rune, size int, err error) {
	body := r.src[at+1 : min(at+1+maxReference, len(r.src))]
	end := strings.IndexByte(body, ';')
	if end <= 0 {
		return 0, 0, r.Fail(at, `"&" does not begin a reference; the character itself is written as "&amp;".`)
	}
	body = body[:end]
	size = end + len("&;")
	if body[0] == '#' {
		c, ok := number(body[1:])
		if !ok {
			return 0, 0, r.Fail(at, "The reference &%s; is not the number of a character that XML allows.", clip(body))
		}
		return c, size, nil
	}
	if c, ok := predefined[body]; ok {
		return c, size, nil
	}
	if numbers, ok := HTMLEntity(body); ok {
		return 0, 0, r.Fail(at, "The entity &%s; belongs to HTML, not to XML; write %s or the character itself.", body, numbers)
	}
	return 0, 0, r.Fail(at, `The entity "&%s;" is not defined; XML has amp, lt, gt, quot and apos.`, clip(body))
}

func number(digits string) (rune, bool) {
	base := 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	if strings.ContainsAny(digits, "+-_") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	return rune(n), invalid(string(rune(n))) < 0
}

// HTMLEntity is the character reference that stands for a named entity of HTML, such as
// &#160; for nbsp; false if HTML has no such entity, or XML has it itself.
func HTMLEntity(name string) (string, bool) {
	if _, own := predefined[name]; own || !startsName(name) {
		return "", false
	}
	text := html.UnescapeString("&" + name + ";")
	// Where only the beginning of the name is an entity, the rest stays with its semicolon.
	if strings.HasPrefix(text, "&") || strings.HasSuffix(text, ";") && name != "semi" {
		return "", false
	}
	var b strings.Builder
	for _, c := range text {
		fmt.Fprintf(&b, "&#%d;", c)
	}
	return b.String(), true
}
