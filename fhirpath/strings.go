package fhirpath

import (
	"strings"
	"unicode/utf8"
)

// String manipulation: http://hl7.org/fhirpath/N1/#string-manipulation. Positions and lengths
// count characters (code points).

var stringFunctions = map[string]function{
	"indexOf":        {min: 1, max: 1, apply: withString(indexOf)},
	"lastIndexOf":    {min: 1, max: 1, apply: withString(lastIndexOf)},
	"startsWith":     {min: 1, max: 1, apply: withString(startsWith)},
	"endsWith":       {min: 1, max: 1, apply: withString(endsWith)},
	"contains":       {min: 1, max: 1, apply: withString(containsText)},
	"substring":      {min: 1, max: 2, apply: substring},
	"upper":          {apply: onString(strings.ToUpper)},
	"lower":          {apply: onString(strings.ToLower)},
	"trim":           {apply: onString(trim)},
	"replace":        {min: 2, max: 2, apply: replace},
	"length":         {apply: length},
	"toChars":        {apply: toChars},
	"split":          {min: 1, max: 1, apply: split},
	"join":           {max: 1, apply: join},
	"matches":        {min: 1, max: 2, apply: matches, prepare: prepareRegexp},
	"matchesFull":    {min: 1, max: 2, apply: matches, prepare: prepareRegexp},
	"replaceMatches": {min: 2, max: 3, apply: replaceMatches, prepare: prepareRegexp},
	"encode":         {min: 1, max: 1, apply: encode},
	"decode":         {min: 1, max: 1, apply: decode},
	"escape":         {min: 1, max: 1, apply: escapeText},
	"unescape":       {min: 1, max: 1, apply: unescapeText},
}

// text is the input as a string; any other kind of value is an error.
func (n *callNode) text(e *evaluation, in Collection) (string, bool, error) {
	v, ok, err := n.one(e, in)
	if err != nil || !ok {
		return "", false, err
	}
	s, ok := v.system()
	switch {
	case ok && s.kind == kindString:
		return s.text, true, nil
	case ok && v.kind == kindElement && s.kind != kindQuantity:
		return v.element.Text(), true, nil // dates and numbers of FHIR have a text of their own
	case !ok && !v.isComplex():
		return "", false, nil
	}
	return "", false, n.fail(e, "is called on a string, found a %s.", v.TypeName())
}

// withString makes a function of the input and one string argument; empty if either is.
func withString(compute func(s, arg string) Value) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		s, ok, err := n.text(e, in)
		if err != nil {
			return out, err
		}
		arg, given, err := n.stringArg(e, f, 0)
		if err != nil || !ok || !given {
			return out, err
		}
		return append(out, compute(s, arg)), e.step(len(s) / 64)
	}
}

// onString makes a function of the input alone.
func onString(compute func(string) string) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		s, ok, err := n.text(e, in)
		if err != nil || !ok {
			return out, err
		}
		if err := e.produced(len(s)); err != nil {
			return out, err
		}
		made := compute(s)
		if len(made) > len(s) { // some letters have more bytes in the other case
			if err := e.produced(len(made)); err != nil {
				return out, err
			}
		}
		return append(out, FromString(made)), nil
	}
}

// trim cuts off what FHIRPath takes for white space.
func trim(s string) string { return strings.Trim(s, " \t\r\n") }

func startsWith(s, prefix string) Value { return FromBoolean(strings.HasPrefix(s, prefix)) }
func endsWith(s, suffix string) Value   { return FromBoolean(strings.HasSuffix(s, suffix)) }
func containsText(s, part string) Value { return FromBoolean(strings.Contains(s, part)) }
func indexOf(s, part string) Value      { return characters(s, strings.Index(s, part)) }
func lastIndexOf(s, part string) Value  { return characters(s, strings.LastIndex(s, part)) }

// characters turns a byte offset into one of characters.
func characters(s string, at int) Value {
	if at < 0 {
		return FromInteger(-1)
	}
	return FromInteger(int64(utf8.RuneCountInString(s[:at])))
}

func length(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, ok, err := n.text(e, in)
	if err != nil || !ok {
		return out, err
	}
	return append(out, FromInteger(int64(utf8.RuneCountInString(s)))), e.step(len(s) / 64)
}

// substring: a start outside of the string is empty, a missing or empty length is the rest.
func substring(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, ok, err := n.text(e, in)
	if err != nil {
		return out, err
	}
	start, given, err := n.integerArg(e, f, 0)
	if err != nil {
		return out, err
	}
	count, bounded, err := n.integerArg(e, f, 1)
	if err != nil || !ok || !given || start < 0 {
		return out, err
	}
	if err := e.step(len(s) / 64); err != nil {
		return out, err
	}
	rest, ok := afterCharacters(s, start)
	if !ok || rest == "" {
		return out, nil
	}
	if !bounded {
		return append(out, FromString(rest)), nil
	}
	tail, _ := afterCharacters(rest, max(count, 0))
	return append(out, FromString(rest[:len(rest)-len(tail)])), nil
}

// afterCharacters cuts n characters off the front; false where there are fewer.
func afterCharacters(s string, n int64) (string, bool) {
	for ; n > 0; n-- {
		if s == "" {
			return "", false
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	return s, true
}

func replace(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, ok, err := n.text(e, in)
	if err != nil {
		return out, err
	}
	old, given, err := n.stringArg(e, f, 0)
	if err != nil {
		return out, err
	}
	with, given2, err := n.stringArg(e, f, 1)
	if err != nil || !ok || !given || !given2 {
		return out, err
	}
	count := strings.Count(s, old)
	if err := e.produced(len(s) + count*max(0, len(with)-len(old))); err != nil {
		return out, err
	}
	return append(out, FromString(strings.ReplaceAll(s, old, with))), nil
}

func toChars(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, ok, err := n.text(e, in)
	if err != nil || !ok {
		return out, err
	}
	return e.appendStrings(out, strings.SplitSeq(s, ""))
}

func split(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, ok, err := n.text(e, in)
	if err != nil {
		return out, err
	}
	separator, given, err := n.stringArg(e, f, 0)
	if err != nil || !ok || !given {
		return out, err
	}
	return e.appendStrings(out, strings.SplitSeq(s, separator))
}

func (e *evaluation) appendStrings(out Collection, parts func(func(string) bool)) (Collection, error) {
	var err error
	for part := range parts {
		out = append(out, FromString(part))
		if err = e.grown(out, len(out)-1); err != nil {
			break
		}
	}
	return out, err
}

// join puts the strings of the input together; elements without a value are left out.
func join(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	separator, _, err := n.stringArg(e, f, 0)
	if err != nil {
		return out, err
	}
	var b strings.Builder
	first := true
	for _, v := range in {
		s, ok := v.system()
		if !ok && !v.isComplex() {
			continue
		}
		if !ok || s.kind != kindString {
			return out, n.fail(e, "is called on strings, found a %s.", v.TypeName())
		}
		if !first {
			b.WriteString(separator)
		}
		first = false
		b.WriteString(s.text)
		if b.Len() > e.maxText {
			break
		}
	}
	if first {
		return out, nil
	}
	return append(out, FromString(b.String())), e.produced(b.Len())
}
