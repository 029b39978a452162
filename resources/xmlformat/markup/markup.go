package markup

import (
	"strings"
	"unicode/utf8"
)

// markup reads what begins with "<".
func (r *Reader) markup() error {
	rest := r.src[r.at:]
	switch {
	case strings.HasPrefix(rest, "</"):
		return r.endTag()
	case strings.HasPrefix(rest, "<!--"):
		return r.comment()
	case strings.HasPrefix(rest, "<![CDATA["):
		return r.section()
	case strings.HasPrefix(rest, "<!"):
		return r.Fail(r.at, "A document type, or an entity declaration, is not accepted in FHIR.")
	case strings.HasPrefix(rest, "<?"):
		return r.instruction()
	}
	return r.startTag()
}

// comment reads a comment: https://www.w3.org/TR/xml/#sec-comments
func (r *Reader) comment() error {
	start := r.at + len("<!--")
	i := strings.Index(r.src[start:], "--")
	if i < 0 {
		return r.Fail(r.at, "A comment is not closed.")
	}
	if !strings.HasPrefix(r.src[start+i:], "-->") {
		return r.Fail(start+i, `A comment holds "--", which XML does not allow.`)
	}
	r.Kind, r.Text, r.at = Comment, lineEnds(r.src[start:start+i]), start+i+len("-->")
	return nil
}

// section reads a CDATA section as text: https://www.w3.org/TR/xml/#sec-cdata-sect
func (r *Reader) section() error {
	start := r.at + len("<![CDATA[")
	if len(r.open) == 0 {
		return r.Fail(r.at, "There is text outside of the root element.")
	}
	i := strings.Index(r.src[start:], "]]>")
	if i < 0 {
		return r.Fail(r.at, "A CDATA section is not closed.")
	}
	r.Kind, r.Text, r.at = Text, lineEnds(r.src[start:start+i]), start+i+len("]]>")
	r.Blank = blank(r.Text)
	return nil
}

// instruction reads a processing instruction: https://www.w3.org/TR/xml/#sec-pi
func (r *Reader) instruction() error {
	start := r.at
	r.at += len("<?")
	target, err := r.name("the target of a processing instruction")
	if err != nil {
		return err
	}
	if strings.EqualFold(target, "xml") {
		return r.Fail(start, "An XML declaration stands at the very beginning of the text or nowhere.")
	}
	i := strings.Index(r.src[r.at:], "?>")
	if i < 0 {
		return r.Fail(start, "A processing instruction is not closed.")
	}
	text := r.src[r.at : r.at+i]
	if text != "" && !space[text[0]] {
		return r.unexpected("white space")
	}
	r.Kind, r.Name, r.Text = Instruction, Name{Local: target}, lineEnds(strings.TrimLeft(text, blanks))
	r.at += i + len("?>")
	return nil
}

// declaration reads the XML declaration, if there is one, and refuses what is no UTF-8 or no
// XML 1.0: https://www.w3.org/TR/xml/#NT-XMLDecl
func (r *Reader) declaration() error {
	if !strings.HasPrefix(r.src, "<?xml") || len(r.src) <= 5 || !space[r.src[5]] {
		return nil
	}
	end := strings.Index(r.src, "?>")
	if end < 0 {
		return r.Fail(0, "The XML declaration is not closed.")
	}
	r.at = 5
	for _, part := range declarations {
		if err := r.pseudoAttribute(part, end); err != nil {
			return err
		}
	}
	r.space()
	if r.at != end {
		return r.unexpected("the end of the XML declaration")
	}
	r.at = end + len("?>")
	return nil
}

type declaration struct {
	name     string
	required bool
	accepted []string // in lower case
	expected string
}

var declarations = []declaration{
	{"version", true, []string{"1.0"}, "only XML 1.0 is read"},
	{"encoding", false, []string{"utf-8", "utf8", "us-ascii"}, "only UTF-8 is read"},
	{"standalone", false, []string{"yes", "no"}, `it is "yes" or "no"`},
}

func (r *Reader) pseudoAttribute(d declaration, end int) error {
	before := r.at
	spaced := r.space()
	if !spaced || !strings.HasPrefix(r.src[r.at:end], d.name) {
		if d.required {
			return r.unexpected(d.name)
		}
		r.at = before
		return nil
	}
	r.at += len(d.name)
	start := r.at
	value, err := r.equals()
	if err != nil {
		return err
	}
	for _, accepted := range d.accepted {
		if strings.EqualFold(value, accepted) {
			return nil
		}
	}
	return r.Fail(start, "The XML declaration gives the %s %q; %s.", d.name, clip(value), d.expected)
}

// equals reads ="value" and gives the text between the quotes.
func (r *Reader) equals() (string, error) {
	r.space()
	if r.at >= len(r.src) || r.src[r.at] != '=' {
		return "", r.unexpected(`"=" and a value in quotes`)
	}
	r.at++
	r.space()
	if r.at >= len(r.src) || r.src[r.at] != '"' && r.src[r.at] != '\'' {
		return "", r.unexpected("a value in quotes")
	}
	quote := r.src[r.at]
	i := strings.IndexByte(r.src[r.at+1:], quote)
	if i < 0 {
		return "", r.Fail(r.at, "The value of an attribute is not closed.")
	}
	start := r.at + 1
	r.at = start + i + 1
	return r.src[start : start+i], nil
}

// space steps over white space and reports whether there was any.
func (r *Reader) space() bool {
	start := r.at
	for r.at < len(r.src) && space[r.src[r.at]] {
		r.at++
	}
	return r.at > start
}

// unexpected reports what stands at the current place instead of what was expected.
func (r *Reader) unexpected(expected string) error {
	if r.at >= len(r.src) {
		return r.Fail(r.at, "The text ends where %s was expected.", expected)
	}
	c, _ := utf8.DecodeRuneInString(r.src[r.at:])
	return r.Fail(r.at, "Found %q where %s was expected.", c, expected)
}
