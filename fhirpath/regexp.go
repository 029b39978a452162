package fhirpath

import (
	"regexp"
	"strings"
)

// Regular expressions: http://hl7.org/fhirpath/N1/#matchesregex-string-boolean. They are those
// of RE2 (https://github.com/google/re2/wiki/Syntax), whose time is linear in the text; what
// RE2 leaves out (look-around, back references) is an error. A dot matches a line feed too, and
// matches() looks for a part: anchor with ^ and $ or use matchesFull() for the whole.

// maxPattern bounds the length of a pattern; R4's longest has 200 characters.
const maxPattern = 4096

// prepareRegexp compiles a constant pattern with the expression.
func prepareRegexp(c *compiler, x *call, n *callNode) (node, error) {
	pattern, ok := constantString(n, 0)
	if !ok {
		return n, nil
	}
	flagsAt := len(functionArgs(n.name))
	flags := ""
	if len(n.args) > flagsAt {
		if flags, ok = constantString(n, flagsAt); !ok {
			return n, nil
		}
	}
	re, problem := compileRegexp(n.name, pattern, flags)
	if problem != "" {
		return nil, c.fail(x.pos, "%s", problem)
	}
	n.regexp = re
	return n, nil
}

// functionArgs are the arguments before the flags.
func functionArgs(name string) []string {
	if name == "replaceMatches" {
		return []string{"regex", "substitution"}
	}
	return []string{"regex"}
}

func constantString(n *callNode, i int) (string, bool) {
	k, ok := n.args[i].(*constant)
	if !ok || k.value.kind != kindString {
		return "", false
	}
	return k.value.text, true
}

// compileRegexp makes a regular expression, or says what is wrong.
func compileRegexp(name, pattern, flags string) (re *regexp.Regexp, problem string) {
	if len(pattern) > maxPattern {
		return nil, "The regular expression of " + name + "() is longer than 4,096 characters."
	}
	if strings.Trim(flags, "im") != "" {
		return nil, "The flags of " + name + "() are i (case does not count) and m (^ and $ match at lines)."
	}
	full := pattern
	if name == "matchesFull" {
		full = `\A(?:` + pattern + `)\z`
	}
	re, err := regexp.Compile("(?s" + flags + ")" + full)
	if err != nil {
		return nil, "The regular expression " + quote(clip(pattern), '\'') + " of " + name + "() is not one that RE2 reads."
	}
	return re, ""
}

// regexp is the constant pattern of the call, or one made of its arguments; nil if those are
// empty. Those made are kept for the rest of the evaluation.
func (n *callNode) pattern(e *evaluation, f *frame) (*regexp.Regexp, error) {
	if n.regexp != nil {
		return n.regexp, nil
	}
	pattern, given, err := n.stringArg(e, f, 0)
	if err != nil || !given {
		return nil, err
	}
	flags, _, err := n.stringArg(e, f, len(functionArgs(n.name)))
	if err != nil {
		return nil, err
	}
	key := n.name + "\x00" + flags + "\x00" + pattern
	if re := e.regexps[key]; re != nil {
		return re, nil
	}
	if err := e.step(1000 + 10*len(pattern)); err != nil {
		return nil, err
	}
	re, problem := compileRegexp(n.name, pattern, flags)
	if problem != "" {
		return nil, e.fail(n.pos, "%s", problem)
	}
	if e.regexps == nil || len(e.regexps) >= 64 {
		e.regexps = make(map[string]*regexp.Regexp)
	}
	e.regexps[key] = re
	return re, nil
}

func matches(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, ok, err := n.text(e, in)
	if err != nil {
		return out, err
	}
	re, err := n.pattern(e, f)
	if err != nil || !ok || re == nil {
		return out, err
	}
	if err := e.step(1 + len(s)/8); err != nil {
		return out, err
	}
	return append(out, FromBoolean(re.MatchString(s))), nil
}

func replaceMatches(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, ok, err := n.text(e, in)
	if err != nil {
		return out, err
	}
	re, err := n.pattern(e, f)
	if err != nil {
		return out, err
	}
	with, given, err := n.stringArg(e, f, 1)
	if err != nil || !ok || !given || re == nil {
		return out, err
	}
	if err := e.step(1 + len(s)/8); err != nil {
		return out, err
	}
	result, err := e.substitute(re, s, substitution(with))
	if err != nil {
		return out, err
	}
	return append(out, FromString(result)), e.produced(len(result))
}

// substitute replaces the matches that are not empty.
func (e *evaluation) substitute(re *regexp.Regexp, s, with string) (string, error) {
	var b []byte
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
		if m[0] == m[1] {
			continue
		}
		b = append(b, s[last:m[0]]...)
		b = re.ExpandString(b, with, s, m)
		last = m[1]
		if err := e.step(1); err != nil {
			return "", err
		}
		if len(b) > e.maxText {
			return "", e.produced(len(b))
		}
	}
	return string(append(b, s[last:]...)), nil
}

// substitution writes $1 and ${name} as Go's regexp wants them, which reads $1x as a name.
func substitution(with string) string {
	var b strings.Builder
	for i := 0; i < len(with); i++ {
		b.WriteByte(with[i])
		if with[i] != '$' {
			continue
		}
		rest := with[i+1:]
		digits := 0
		for digits < len(rest) && isDigit(rest[digits]) {
			digits++
		}
		switch {
		case digits > 0:
			b.WriteString("{" + rest[:digits] + "}")
			i += digits
		case strings.HasPrefix(rest, "{"):
		default:
			b.WriteByte('$')
			if strings.HasPrefix(rest, "$") {
				i++
			}
		}
	}
	return b.String()
}
