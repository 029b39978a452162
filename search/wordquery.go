package search

import (
	"strings"

	"kiln/resources/outcome"
)

// Limits of one parameter _text or _content.
const (
	maxWords     = 200 // words that are looked for
	maxWordDepth = 32  // parentheses in each other, and NOT before NOT
)

// words reads _text or _content. A comma is "or", as it is for all parameters; the rest R4 leaves open,
// and shows in "(bone OR liver) and metastases": https://hl7.org/fhir/R4/search.html#text
//
//	any  = all { OR all }
//	all  = one { [ AND ] one }
//	one  = NOT one / "(" any ")" / phrase in quotes / word [ "*" ]
//
// Operators are read in any case. With a problem noted the result means nothing.
func (x *parser) words(param *Parameter, rest, value string) Expr {
	x.outer = true
	if rest != "" {
		x.problem(outcome.Invalid, "The parameter %q takes neither a modifier nor a chain.", param.Code)
		return Nothing{}
	}
	var either Or
	count := 0
	for _, text := range splitEscaped(value, ',') {
		text, bad := unescape(text)
		q := wordQuery{param: param, text: text, count: count}
		var e Expr
		if bad == nil {
			e, bad = q.read()
		}
		if bad != nil {
			x.problem(outcome.Value, "The parameter %q is wrong: %s.", clip(x.name), bad.sentence)
			return Nothing{}
		}
		if count = q.count; count > maxWords {
			x.problem(outcome.TooCostly, "The parameter %q has more than %d words.", clip(x.name), maxWords)
			return Nothing{}
		}
		either = append(either, e)
	}
	x.tests += count
	if len(either) == 1 {
		return either[0]
	}
	return either
}

// wordQuery reads one value.
type wordQuery struct {
	param *Parameter
	text  string
	at    int
	depth int
	count int // words
}

func (q *wordQuery) read() (Expr, *refusal) {
	e, bad := q.any()
	if bad == nil && q.peek() == ")" {
		bad = refuse("%q closes a parenthesis that is not open (a comma is \"or\" outside of all parentheses and quotes; write OR inside of them)", clip(q.text))
	}
	return e, bad
}

// The operators, in capitals.
const (
	wordAnd = "AND"
	wordOr  = "OR"
	wordNot = "NOT"
)

// peek is what comes next, without taking it: a parenthesis, an operator, a quote, "" at the end, or the
// first letters of a word.
func (q *wordQuery) peek() string {
	q.at = len(q.text) - len(strings.TrimLeft(q.text[q.at:], " \t\r\n"))
	rest := q.text[q.at:]
	if rest == "" {
		return ""
	}
	if strings.IndexByte(`()"`, rest[0]) >= 0 {
		return rest[:1]
	}
	term := rest[:termLength(rest)]
	for _, operator := range [...]string{wordAnd, wordOr, wordNot} {
		if strings.EqualFold(term, operator) {
			return operator
		}
	}
	return term
}

// termLength is how far a word goes: up to white space, a parenthesis or a quote.
func termLength(s string) int {
	if i := strings.IndexAny(s, " \t\r\n()\""); i >= 0 {
		return i
	}
	return len(s)
}

// take takes an operator or sign if it comes next.
func (q *wordQuery) take(what string) bool {
	if q.peek() != what {
		return false
	}
	q.at += len(what)
	return true
}

func (q *wordQuery) any() (Expr, *refusal) {
	var parts Or
	for {
		e, bad := q.all()
		if bad != nil {
			return nil, bad
		}
		parts = append(parts, e)
		if !q.take(wordOr) {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts, nil
}

func (q *wordQuery) all() (Expr, *refusal) {
	var parts And
	for {
		e, bad := q.one()
		if bad != nil {
			return nil, bad
		}
		parts = append(parts, e)
		if next := q.peek(); !q.take(wordAnd) && (next == "" || next == ")" || next == wordOr) {
			break
		}
	}
	return conjunction(parts), nil
}

func (q *wordQuery) one() (Expr, *refusal) {
	if q.depth++; q.depth > maxWordDepth {
		return nil, refuse("parentheses and NOT nest more than %d deep", maxWordDepth)
	}
	defer func() { q.depth-- }()
	switch next := q.peek(); next {
	case wordNot:
		q.take(next)
		e, bad := q.one()
		return Not{e}, bad
	case "(":
		q.take(next)
		e, bad := q.any()
		if bad == nil && !q.take(")") {
			bad = refuse("a parenthesis is not closed in %q; a comma stands outside of all parentheses, write OR inside of them", clip(q.text))
		}
		return e, bad
	case `"`:
		return q.phrase()
	case "", ")", wordAnd, wordOr:
		return nil, refuse("a word is missing%s; expected words with AND, OR and NOT, parentheses and \"phrases\" (put the words and, or and not in quotes)", q.place(next))
	default:
		return q.term(next)
	}
}

// place tells where a word is missing.
func (q *wordQuery) place(next string) string {
	if next == "" {
		return " at the end"
	}
	return " before " + next
}

func (q *wordQuery) phrase() (Expr, *refusal) {
	text, _, closed := strings.Cut(q.text[q.at+1:], `"`)
	if !closed {
		return nil, refuse("a quote is not closed in %q; a comma inside of quotes has a backslash before it", clip(q.text))
	}
	q.at += len(text) + 2
	return q.criterion(`"`+text+`"`, text, false)
}

func (q *wordQuery) term(text string) (Expr, *refusal) {
	q.at += len(text)
	word, prefix := strings.CutSuffix(text, "*")
	switch {
	case strings.Contains(word, "*"):
		return nil, refuse("%q has a star that is not at the end of a word", clip(text))
	case strings.HasPrefix(word, "-"):
		return nil, refuse("%q begins with a minus; write NOT to leave words out, or put it in quotes", clip(text))
	}
	return q.criterion(text, word, prefix)
}

// criterion looks for what is one word or more, one after the other.
func (q *wordQuery) criterion(written, text string, prefix bool) (Expr, *refusal) {
	c := WordsCriterion{Words: string(AppendWords(nil, text)), Prefix: prefix}
	if c.Words == "" {
		return nil, refuse("%s has no letter or digit to look for", clip(written))
	}
	q.count += 1 + strings.Count(c.Words, " ")
	return Test{Param: q.param, Any: []Criterion{c}}, nil
}
