package search

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The tree of a filter expression: a filterLogic, filterNot or filterTest. It knows nothing of
// parameters; it is lowered to a filter for each type.
type filterNode interface{ filterNode() }

type (
	filterLogic struct {
		any   bool // or
		parts []filterNode
	}
	filterNot  struct{ of filterNode }
	filterTest struct {
		path            []filterStep // the last one is compared, the others are followed
		operator, value string
		at, valueAt     int // bytes before it
	}
	// filterStep is one name of a path.
	filterStep struct {
		code   string
		target string     // of code:Type; of _has the type that refers
		has    bool       // _has:Type:code:
		inside filterNode // of code[filter]; nil without
		at     int
	}
)

func (*filterLogic) filterNode() {}
func (*filterNot) filterNode()   {}
func (*filterTest) filterNode()  {}

// filterSyntax reads a filter expression:
//
//	filter   = operand *( ("and" / "or") operand )     from left to right, neither binds tighter
//	operand  = test / "(" filter ")" / "not" "(" filter ")"
//	test     = path operator value
//	path     = name [":" Type] [ ["[" filter "]"] "." path ]  /  "_has:" Type ":" name ":" path
//	value    = JSON string / anything up to white space, ")" or "]"
//
// R4's grammar, with the colons of https://hl7.org/fhir/R4/search.html#chaining added:
// https://hl7.org/fhir/R4/search_filter.html
type filterSyntax struct {
	text  string
	at    int
	depth int
	tests int
}

// filterProblem is what is wrong, and before which byte.
type filterProblem struct {
	at       int
	sentence string
}

func (s *filterSyntax) problem(at int, format string, args ...any) *filterProblem {
	return &filterProblem{at, fmt.Sprintf(format, args...)}
}

// expected tells what should be at the current place.
func (s *filterSyntax) expected(what string) *filterProblem {
	found := "the end"
	if rest := s.text[s.at:]; rest != "" {
		word, _, _ := strings.Cut(rest, " ")
		found = fmt.Sprintf("%q", clip(word))
	}
	return s.problem(s.at, "expected %s, not %s", what, found)
}

func readFilter(text string) (filterNode, *filterProblem) {
	s := &filterSyntax{text: text}
	n, bad := s.filter()
	if bad == nil && s.at < len(text) {
		bad = s.expected("and, or, or the end")
	}
	return n, bad
}

func (s *filterSyntax) space() {
	rest := strings.TrimLeftFunc(s.text[s.at:], unicode.IsSpace)
	s.at = len(s.text) - len(rest)
}

func (s *filterSyntax) skip(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// word takes the name at the current place; empty if there is none.
func (s *filterSyntax) word() string {
	start := s.at
	for s.at < len(s.text) && (isNameByte(s.text[s.at]) || s.at > start && s.text[s.at] == '-') {
		s.at++
	}
	return s.text[start:s.at]
}

// logical takes "and" or "or" and the white space around it.
func (s *filterSyntax) logical() string {
	s.space()
	before := s.at
	if w := s.word(); w == "and" || w == "or" {
		s.space()
		return w
	}
	s.at = before
	return ""
}

func (s *filterSyntax) filter() (filterNode, *filterProblem) {
	if s.depth++; s.depth > MaxFilterDepth {
		return nil, s.problem(s.at, "parentheses and brackets nest more than %d deep", MaxFilterDepth)
	}
	defer func() { s.depth-- }()
	s.space()
	left, bad := s.operand()
	for bad == nil {
		w := s.logical()
		if w == "" {
			return left, nil
		}
		var right filterNode
		if right, bad = s.operand(); bad != nil {
			break
		}
		if l, ok := left.(*filterLogic); ok && l.any == (w == "or") {
			l.parts = append(l.parts, right)
		} else {
			left = &filterLogic{w == "or", []filterNode{left, right}}
		}
	}
	return nil, bad
}

func (s *filterSyntax) operand() (filterNode, *filterProblem) {
	if s.skip('(') {
		return s.enclosed(')')
	}
	start := s.at
	if s.word() == "not" {
		if s.space(); s.skip('(') {
			of, bad := s.enclosed(')')
			return &filterNot{of}, bad
		}
	}
	s.at = start
	return s.test()
}

// enclosed is a filter up to its closing sign.
func (s *filterSyntax) enclosed(closing byte) (filterNode, *filterProblem) {
	n, bad := s.filter()
	if bad == nil && !s.skip(closing) {
		bad = s.expected(fmt.Sprintf("and, or, or %q", closing))
	}
	return n, bad
}

func (s *filterSyntax) test() (filterNode, *filterProblem) {
	t := &filterTest{at: s.at}
	if s.tests++; s.tests > MaxFilterTests {
		return nil, s.problem(s.at, "there are more than %d comparisons", MaxFilterTests)
	}
	if bad := s.path(t); bad != nil {
		return nil, bad
	}
	s.space()
	before := s.at
	if t.operator = s.word(); filterOperators[t.operator] == nil {
		s.at = before
		return nil, s.expected("an operator (" + filterOperatorNames + ")")
	}
	s.space()
	t.valueAt = s.at
	var bad *filterProblem
	t.value, bad = s.value()
	return t, bad
}

func (s *filterSyntax) path(t *filterTest) *filterProblem {
	for {
		step := filterStep{at: s.at}
		if bad := s.step(&step); bad != nil {
			return bad
		}
		if t.path = append(t.path, step); len(t.path) > MaxChain+1 {
			return s.problem(t.at, "the path has more than %d names", MaxChain+1)
		}
		switch {
		case step.has:
		case step.inside != nil && !s.skip('.'):
			return s.expected("a point and a name after the brackets")
		case step.inside == nil && !s.skip('.'):
			return nil
		}
	}
}

func (s *filterSyntax) step(step *filterStep) (bad *filterProblem) {
	if step.code = s.word(); step.code == "" {
		return s.expected("the name of a search parameter, \"(\" or \"not(\"")
	}
	if step.code == "_has" {
		step.has = true
		whole := s.skip(':')
		step.target = s.word()
		whole = whole && s.skip(':')
		step.code = s.word()
		if !whole || !s.skip(':') {
			return s.problem(step.at, "_has is incomplete; expected _has:Type:reference:parameter")
		}
		return nil
	}
	if s.skip(':') {
		if step.target = s.word(); step.target == "" {
			return s.expected("a resource type")
		}
	}
	if s.skip('[') {
		step.inside, bad = s.enclosed(']')
	}
	return bad
}

// value is a JSON string, or all that comes before white space or a closing sign.
func (s *filterSyntax) value() (string, *filterProblem) {
	start, rest := s.at, s.text[s.at:]
	if strings.HasPrefix(rest, `"`) {
		return s.quoted(rest)
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == ')' || r == ']' })
	if end < 0 {
		end = len(rest)
	}
	if s.at += end; end == 0 {
		return "", s.expected("a value")
	}
	return s.text[start:s.at], nil
}

func (s *filterSyntax) quoted(rest string) (text string, bad *filterProblem) {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			if err := json.Unmarshal([]byte(rest[:i+1]), &text); err != nil {
				return "", s.problem(s.at, "%q is not a JSON string", clip(rest[:i+1]))
			}
			s.at += i + 1
			return text, nil
		}
	}
	return "", s.problem(s.at, "the string that begins here does not end")
}

// character is the place of a byte as people count.
func character(text string, at int) int { return utf8.RuneCountInString(text[:at]) + 1 }
