package patch

import (
	"fmt"
	"strconv"
	"strings"

	"kiln/resources"
	"kiln/resources/xmlformat"
	"kiln/resources/xmlformat/markup"
)

// selector is the value of a sel attribute: the part of XPath that RFC 5261 defines (section 8),
// and besides it last(), tests that something is there, and tests that reach deeper, as
// [f:use/@value='official'], without which FHIR elements could not be told apart.
//
//	sel = ["/"] step *("/" step)
//	step = (name / "*" / "text()" / "comment()" / "processing-instruction(" [target] ")") *test
//	     / "@" name / "namespace::" prefix
//	test = "[" (number / "last()" / inner ["=" literal]) "]"
//	inner = "." / "@" name / name *("/" name) ["/@" name]
type selector struct {
	text  string
	steps []selectorStep
}

type stepKind uint8

const (
	stepElement stepKind = iota
	stepText
	stepComment
	stepInstruction
	stepAttribute
	stepNamespace
	stepSelf
)

type selectorStep struct {
	kind   stepKind
	spaces []string // namespaces that match; nil for any
	local  string   // "*" matches any; target of an instruction, prefix of a namespace
	tests  []selectorTest
}

type selectorTest struct {
	position int // from 1; 0 for no test of the place, -1 for last()
	inner    []selectorStep
	compare  bool
	value    string
}

// maxSelector is the longest selector in bytes.
const maxSelector = 4096

// prefixes are known in selectors without a declaration.
var prefixes = map[string]string{
	"f": xmlformat.FHIR, "fhir": xmlformat.FHIR, "h": xmlformat.XHTML, "xhtml": xmlformat.XHTML,
}

// readSelector reads the selector of an operation, whose namespaces are those of the element.
func readSelector(text string, operation *xmlNode) (*selector, error) {
	r := selectorReader{text: strings.Trim(text, " \n\t"), operation: operation}
	if len(text) > maxSelector {
		return nil, fmt.Errorf("the selector has %d bytes; at most %d are read", len(text), maxSelector)
	}
	r.take("/")
	steps, err := r.steps()
	if err == nil && r.at < len(r.text) {
		err = r.expected("the end of the selector")
	}
	if err != nil {
		return nil, err
	}
	return &selector{r.text, steps}, nil
}

type selectorReader struct {
	text      string
	at        int
	operation *xmlNode
}

func (r *selectorReader) expected(what string) error {
	return fmt.Errorf("the selector %q: expected %s at character %d", clip(r.text), what, r.at+1)
}

// take steps over a word if it comes next.
func (r *selectorReader) take(word string) bool {
	if !strings.HasPrefix(r.text[r.at:], word) {
		return false
	}
	r.at += len(word)
	return true
}

func (r *selectorReader) steps() ([]selectorStep, error) {
	var steps []selectorStep
	for {
		if len(steps) == resources.MaxDepth {
			return nil, fmt.Errorf("the selector %q has more than %d steps", clip(r.text), resources.MaxDepth)
		}
		s, err := r.step()
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
		if !r.take("/") {
			return steps, nil
		}
		if s.kind != stepElement {
			return nil, fmt.Errorf("the selector %q goes on behind something that has no content", clip(r.text))
		}
	}
}

// nodeTests are the steps that are written like functions.
var nodeTests = map[string]stepKind{"text": stepText, "comment": stepComment, "processing-instruction": stepInstruction}

func (r *selectorReader) step() (selectorStep, error) {
	s := selectorStep{local: "*"}
	var err error
	switch {
	case r.take("@"):
		s.kind = stepAttribute
		return s, r.name(&s, false)
	case r.take("namespace::"):
		s.kind = stepNamespace
		s.local, err = r.word("a prefix")
		return s, err
	case r.take("*"):
	default:
		if err = r.name(&s, true); err != nil {
			return s, err
		}
		if r.take("(") {
			if err = r.nodeTest(&s); err != nil {
				return s, err
			}
		}
	}
	for err == nil && r.take("[") {
		var t selectorTest
		t, err = r.test()
		s.tests = append(s.tests, t)
	}
	return s, err
}

// nodeTest reads the rest of text(), comment() or processing-instruction("target").
func (r *selectorReader) nodeTest(s *selectorStep) error {
	if s.local == "id" {
		return fmt.Errorf("the selector %q: id() is not supported; use [@id='…']", clip(r.text))
	}
	kind, ok := nodeTests[s.local]
	if !ok {
		return fmt.Errorf("the selector %q: %s() is not supported", clip(r.text), clip(s.local))
	}
	s.kind, s.local, s.spaces = kind, "*", nil
	if kind == stepInstruction && !strings.HasPrefix(r.text[r.at:], ")") {
		target, err := r.literal()
		if err != nil {
			return err
		}
		s.local = target
	}
	if !r.take(")") {
		return r.expected(`")"`)
	}
	return nil
}

// name reads a name with or without a prefix. An element's name without one is of the default
// namespace of the patch (RFC 5261 section 4.2.2) or, as in XPath, of none.
func (r *selectorReader) name(s *selectorStep, element bool) error {
	word, err := r.word("a name")
	if err != nil {
		return err
	}
	s.local, s.spaces = word, []string{""}
	if !strings.HasPrefix(r.text[r.at:], ":") || strings.HasPrefix(r.text[r.at:], "::") {
		if space, ok := r.operation.namespace(""); ok && element {
			s.spaces = append(s.spaces, space)
		}
		return nil
	}
	r.at++
	space, ok := r.operation.namespace(word)
	if !ok {
		space, ok = prefixes[word]
	}
	if !ok {
		return fmt.Errorf("the selector %q: the prefix %q is not declared", clip(r.text), clip(word))
	}
	s.spaces = []string{space}
	if r.take("*") {
		s.local = "*"
		return nil
	}
	s.local, err = r.word("a name")
	return err
}

func (r *selectorReader) word(what string) (string, error) {
	end := r.at
	for end < len(r.text) && !strings.ContainsRune("/[]()@=:'\"*. \n\t", rune(r.text[end])) {
		end++
	}
	// A dot may stand inside of a name but not begin it.
	for end < len(r.text) && end > r.at && !strings.ContainsRune("/[]()@=:'\"* \n\t", rune(r.text[end])) {
		end++
	}
	word := r.text[r.at:end]
	if !markup.IsName(word) {
		return "", r.expected(what)
	}
	r.at = end
	return word, nil
}

func (r *selectorReader) literal() (string, error) {
	for _, quote := range []string{"'", `"`} {
		if r.take(quote) {
			end := strings.Index(r.text[r.at:], quote)
			if end < 0 {
				return "", r.expected("the closing quote")
			}
			value := r.text[r.at : r.at+end]
			r.at += end + 1
			return value, nil
		}
	}
	return "", r.expected("a text in quotes")
}

func (r *selectorReader) space() { r.at = len(r.text) - len(strings.TrimLeft(r.text[r.at:], " \n\t")) }

// test reads a predicate behind its bracket.
func (r *selectorReader) test() (selectorTest, error) {
	var t selectorTest
	r.space()
	end := r.at
	for end < len(r.text) && r.text[end] >= '0' && r.text[end] <= '9' {
		end++
	}
	var err error
	switch {
	case end > r.at:
		position, bad := strconv.Atoi(r.text[r.at:end])
		if bad != nil || position == 0 {
			return t, r.expected("a place from 1")
		}
		t.position, r.at = position, end
	case r.take("last()"):
		t.position = -1
	default:
		t, err = r.comparison()
	}
	if err != nil {
		return t, err
	}
	r.space()
	if !r.take("]") {
		return t, r.expected(`"]"`)
	}
	return t, nil
}

func (r *selectorReader) comparison() (selectorTest, error) {
	var t selectorTest
	if r.take(".") {
		t.inner = []selectorStep{{kind: stepSelf}}
	} else {
		steps, err := r.steps()
		if err != nil {
			return t, err
		}
		for _, s := range steps {
			if len(s.tests) > 0 || s.kind == stepNamespace {
				return t, fmt.Errorf("the selector %q: a test inside of a test is not supported", clip(r.text))
			}
		}
		t.inner = steps
	}
	r.space()
	if !r.take("=") {
		return t, nil
	}
	r.space()
	t.compare = true
	var err error
	t.value, err = r.literal()
	return t, err
}
