package validation

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"kiln/resources"
	"kiln/resources/outcome"
)

// lexical is the form of a primitive type: https://hl7.org/fhir/R4/datatypes.html#primitive
type lexical struct {
	kind  resources.Kind
	form  string                 // for a sentence: "expected …"
	valid func(text string) bool // nil: anything of the kind
}

// The forms are those of the table's regular expressions, and what the prose asks beyond them: days
// that exist, 32 bits, base64 that decodes. A test compares both over many texts.
var lexicals = map[string]*lexical{
	"base64Binary": {resources.String, "base64 in groups of four characters", validBase64},
	"boolean":      {resources.Bool, "true or false", nil},
	"canonical":    {resources.String, "a URI without white space", validURI},
	"code":         {resources.String, "a code without white space at its ends or twice in a row", validCode},
	"date":         {resources.String, "YYYY, YYYY-MM or YYYY-MM-DD, of a day that exists", validDate},
	"dateTime":     {resources.String, "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset (Z or +hh:mm), of a day that exists", validDateTime},
	"decimal":      {resources.Number, "a number of at most 1000 characters with an exponent of at most 2000", validDecimal},
	"id":           {resources.String, "1 to 64 letters, digits, '-' and '.'", validID},
	"instant":      {resources.String, "YYYY-MM-DDThh:mm:ss with an offset (Z or +hh:mm), of a day that exists", validInstant},
	"integer":      {resources.Number, "a whole number from -2147483648 to 2147483647", validInteger},
	"markdown":     {resources.String, "text", nil},
	"oid":          {resources.String, "urn:oid: and numbers with dots between them", validOID},
	"positiveInt":  {resources.Number, "a whole number from 1 to 2147483647", validPositive},
	"string":       {resources.String, "text", nil},
	"time":         {resources.String, "hh:mm:ss", validTime},
	"unsignedInt":  {resources.Number, "a whole number from 0 to 2147483647", validUnsigned},
	"uri":          {resources.String, "a URI without white space", validURI},
	"url":          {resources.String, "a URL without white space", validURI},
	"uuid":         {resources.String, "urn:uuid: and a UUID in lower case", validUUID},
	"xhtml":        {resources.String, "an XHTML div", nil},
}

// primitive checks a value that is not null.
func (w *walk) primitive(n resources.Node, m *member) {
	kind := w.d.Kind(n)
	switch {
	case kind != m.lexical.kind:
		w.wrongKind(n, m.typ)
	case kind == resources.Bool:
	case m.typ.Name == "xhtml":
		w.narrative(n)
	case m.lexical.valid == nil:
		w.text(n, m)
	default:
		w.lexical(n, m)
	}
}

func (w *walk) lexical(n resources.Node, m *member) {
	text := w.d.Text(n)
	switch {
	case text == "" && m.lexical.kind == resources.String:
		w.emptyString(n)
		return
	case !m.lexical.valid(text):
		w.report.error(n, outcome.Value, "%s is no %s; expected %s.", quoted(w.d.Kind(n), text), m.typ.Name, m.lexical.form)
		return
	}
	if m.binding != nil {
		w.boundCode(n, m, text)
	}
	if m.fragment != fragmentNone {
		w.uri(n, m, text)
	}
	if len(m.rules) > 0 {
		w.rules(n, m.typ, m.rules, 0, true)
	}
}

// uri notes what can name a contained resource, and warns of what is no OID or UUID.
func (w *walk) uri(n resources.Node, m *member, text string) {
	if text[0] == '#' {
		w.local = append(w.local, localReference{text: text, back: m.fragment == fragmentReference && text == "#"})
	}
	if w.warnings && strings.HasPrefix(text, "urn:") && !validURN(text) {
		w.report.warning(n, outcome.Value, "%q is neither an OID nor a UUID, though it says so.", clip(text))
	}
}

// quoted is a text of the document for a sentence, in quotes as JSON has it.
func quoted(k resources.Kind, text string) string {
	if k == resources.Number {
		return clip(text)
	}
	return strconv.Quote(clip(text))
}

func (w *walk) emptyString(n resources.Node) {
	w.report.error(n, outcome.Value, "The string is empty; an element without content is left out.")
}

// maxText is the longest string, in characters: https://hl7.org/fhir/R4/datatypes.html#string
const maxText = 1 << 20

// text checks a string or markdown. White space at its ends is allowed; nothing but white space
// is discouraged. The parser has refused control characters that are not escaped.
func (w *walk) text(n resources.Node, m *member) {
	raw := w.d.Raw(n)
	raw = raw[1 : len(raw)-1]
	if len(raw) == 0 {
		w.emptyString(n)
		return
	}
	if c, ok := controlCharacter(raw); ok {
		w.report.error(n, outcome.Value, "The text has the control character U+%04X; only tab, line feed and carriage return are allowed.", c)
		return
	}
	if len(raw) > maxText && utf8.RuneCountInString(w.d.Text(n)) > maxText {
		w.report.error(n, outcome.TooLong, "The text is longer than %d characters.", maxText)
		return
	}
	if w.warnings && raw[0] <= '\\' && strings.TrimSpace(w.d.Text(n)) == "" {
		w.report.warning(n, outcome.Value, "The text is nothing but white space.")
	}
	if m.fragment == fragmentReference && raw[0] == '#' {
		text := w.d.Text(n)
		w.local = append(w.local, localReference{text: text, back: text == "#"})
	}
	if len(m.rules) > 0 {
		w.rules(n, m.typ, m.rules, 0, true)
	}
}

// controlCharacter finds an escape for a character that no string may have.
func controlCharacter(raw []byte) (rune, bool) {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return 0, false
		}
		switch raw[i+1] {
		case 'b':
			return '\b', true
		case 'f':
			return '\f', true
		case 'u':
			if c, ok := lowEscape(raw[i+2 : i+6]); ok && c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				return c, true
			}
		}
		raw = raw[i+2:]
	}
}

// lowEscape reads four hexadecimal digits that stand for a character below 32.
func lowEscape(hex []byte) (rune, bool) {
	if hex[0] != '0' || hex[1] != '0' || hex[2] > '1' {
		return 0, false
	}
	low := hex[3] | 0x20
	if low >= 'a' {
		low -= 'a' - 10
	} else {
		low = hex[3] - '0'
	}
	return rune(hex[2]-'0')<<4 | rune(low), true
}
