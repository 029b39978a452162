package search

import (
	"fmt"
	"strings"
)

// reader reads the values of one parameter.
type reader struct {
	*Parameters
	param    *Parameter
	typ      ParameterType // that of the parameter, or of a component
	modifier Modifier
	target   string // of :[type]
}

// refusal says what is wrong with a value: the end of the sentence "The parameter x is wrong: …".
type refusal struct{ sentence string }

func refuse(format string, args ...any) *refusal { return &refusal{fmt.Sprintf(format, args...)} }

// countParts words how many parts a value has.
func countParts(parts []string) string {
	if len(parts) == 1 {
		return "1 part"
	}
	return fmt.Sprintf("%d parts", len(parts))
}

// readers read one value, still escaped, by the type of the parameter. A composite is read by the
// readers of its components.
var readers = [...]func(*reader, string) (Criterion, *refusal){
	TypeNumber:    readNumber,
	TypeDate:      readDate,
	TypeString:    readString,
	TypeToken:     readToken,
	TypeReference: readReference,
	TypeQuantity:  readQuantity,
	TypeURI:       readURI,
	TypeSpecial:   readNear,
}

func (r *reader) read(text string) (Criterion, *refusal) {
	if text == "" {
		return nil, refuse("a value is empty")
	}
	if r.typ == TypeComposite {
		return readComposite(r, text)
	}
	return readers[r.typ](r, text)
}

// prefixes in the order of the specification: https://hl7.org/fhir/R4/search.html#prefix
var prefixes = [...]Prefix{Eq, Ne, Gt, Lt, Ge, Le, Sa, Eb, Ap}

const prefixNames = "eq, ne, gt, lt, ge, le, sa, eb, ap"

// cutPrefix takes the prefix off a value; Eq without one.
func cutPrefix(s string) (Prefix, string) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(s, string(p)); ok {
			return p, rest
		}
	}
	return Eq, s
}

// splitEscaped parts s at each separator that has no backslash before it. The parts are still
// escaped: https://hl7.org/fhir/R4/search.html#escaping
func splitEscaped(s string, separator byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case separator:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// unescape reads \, \$ \| and \\; a backslash before anything else is refused.
func unescape(s string) (string, *refusal) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
			if i == len(s) || strings.IndexByte(`,$|\`, s[i]) < 0 {
				return "", refuse("%q has a backslash that escapes nothing; it stands before , $ | or \\ alone", clip(s))
			}
		}
		b = append(b, s[i])
	}
	return string(b), nil
}

// clip shortens what is shown of a value.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
