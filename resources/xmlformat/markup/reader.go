package markup

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"kiln/resources"
	"kiln/resources/outcome"
)

// Limits of a text, so that no input costs more than time and memory linear in its length.
const (
	// MaxDepth is how deep elements may nest.
	MaxDepth = 512
	// MaxAttributes is how many attributes a tag may have.
	MaxAttributes = 100
	// MaxNamespaces is how many namespace declarations may be in scope.
	MaxNamespaces = 100
)

// Kind is the kind of a token.
type Kind uint8

// The kinds of token.
const (
	None Kind = iota
	StartTag
	EndTag
	Text
	Comment
	Instruction
)

func (k Kind) String() string {
	return [...]string{"nothing", "start tag", "end tag", "text", "comment", "processing instruction"}[k]
}

// Name is the name of an element or attribute. Space is its namespace, empty for none.
type Name struct {
	Space, Prefix, Local string
}

// Attribute is an attribute of a start tag; namespace declarations have the namespace XMLNS.
type Attribute struct {
	Name
	Value string
	Start int
}

// Namespaces that need no declaration: https://www.w3.org/TR/xml-names/#ns-decl
const (
	XML   = "http://www.w3.org/XML/1998/namespace"
	XMLNS = "http://www.w3.org/2000/xmlns/"
)

// Reader reads the tokens of one XML text.
type Reader struct {
	Kind       Kind
	Name       Name        // of a tag; Local is the target of an instruction
	Attributes []Attribute // of a start tag; valid until the next call of Next
	Text       string      // of a text, references resolved, of a comment or an instruction
	Blank      bool        // the text is nothing but white space
	Empty      bool        // the start tag is <a/>; an end tag follows nonetheless
	Start, End int         // the place of the token in Source

	src        string
	at         int
	err        error
	open       []element
	namespaces []namespace
	rooted     bool
}

type element struct {
	name       Name
	start      int
	namespaces int // in scope outside
}

type namespace struct{ prefix, uri string }

// NewReader is a reader of a copy of src. A byte order mark is skipped. Line ends are read as
// line feeds (section 2.11) but kept in Source.
func NewReader(src []byte) *Reader {
	return NewStringReader(string(src))
}

// NewStringReader is NewReader for a string.
func NewStringReader(text string) *Reader {
	r := &Reader{src: strings.TrimPrefix(text, "\xef\xbb\xbf"), namespaces: []namespace{{"xml", XML}}}
	if err := r.begin(); err != nil {
		r.err, r.src = err, ""
	}
	return r
}

// Source is the text that Start and End are places of.
func (r *Reader) Source() string { return r.src }

// Depth is the number of elements that are open: 1 at the start tag of the root and at its
// end tag 0.
func (r *Reader) Depth() int { return len(r.open) }

// Err is the reason why Next gave false, nil at the end of the text. It is an *outcome.Error
// of stage syntax with line and column.
func (r *Reader) Err() error { return r.err }

// Next moves to the next token; false at the end of the text and at the first fault in it.
func (r *Reader) Next() bool {
	if r.err != nil {
		return false
	}
	if r.Kind == StartTag && r.Empty {
		r.Kind, r.Start, r.Empty = EndTag, r.End, false
		r.close()
		return true
	}
	r.Kind, r.Empty, r.Start = None, false, r.at
	if r.at >= len(r.src) {
		r.err = r.end()
		return false
	}
	if r.src[r.at] == '<' {
		r.err = r.markup()
	} else {
		r.err = r.text()
	}
	r.End = r.at
	return r.err == nil
}

func (r *Reader) end() error {
	switch {
	case len(r.open) > 0:
		last := r.open[len(r.open)-1]
		return r.Fail(last.start, "The element <%s> is not closed before the text ends.", clip(last.name.qualified()))
	case !r.rooted:
		return r.Fail(r.at, "The text ends where an element was expected.")
	}
	return nil
}

// Fail is an error about the place in the source.
func (r *Reader) Fail(at int, format string, args ...any) error {
	line, column := r.Position(at)
	return outcome.New(outcome.Structure, "%s", fmt.Sprintf(format, args...)).AtPosition(line, column).In(outcome.StageSyntax)
}

// Position is the line and column (in bytes) of a place in the source, both from 1.
func (r *Reader) Position(at int) (line, column int) {
	before := r.src[:min(at, len(r.src))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}

// begin checks what holds for the text as a whole and reads the XML declaration.
func (r *Reader) begin() error {
	if len(r.src) > resources.MaxSize {
		return outcome.New(outcome.TooLong, "The text has %d bytes; at most %d are read.", len(r.src), resources.MaxSize).In(outcome.StageTooLarge)
	}
	if head := r.src[:min(2, len(r.src))]; head == "\xfe\xff" || head == "\xff\xfe" || strings.Contains(head, "\x00") {
		return outcome.New(outcome.Structure, "The text is UTF-16 or UTF-32; only UTF-8 is read.").AtPosition(1, 1).In(outcome.StageSyntax)
	}
	if at := invalid(r.src); at >= 0 {
		if c, size := utf8.DecodeRuneInString(r.src[at:]); c != utf8.RuneError || size > 1 {
			return r.Fail(at, "The text holds the character U+%04X, which XML does not allow.", c)
		}
		return r.Fail(at, "The text is not valid UTF-8.")
	}
	return r.declaration()
}

// text reads character data up to the next markup.
func (r *Reader) text() error {
	start := r.at
	if i := strings.IndexByte(r.src[start:], '<'); i >= 0 {
		r.at += i
	} else {
		r.at = len(r.src)
	}
	raw := r.src[start:r.at]
	r.Kind, r.Blank = Text, blank(raw)
	if len(r.open) == 0 && !r.Blank {
		at := start + len(raw) - len(strings.TrimLeft(raw, blanks))
		return r.Fail(at, "There is text outside of the root element.")
	}
	if i := strings.Index(raw, "]]>"); i >= 0 {
		return r.Fail(start+i, `A text holds "]]>"; the last character must be written as "&gt;".`)
	}
	var err error
	r.Text, err = r.resolve(start, r.at)
	return err
}

const blanks = " \t\r\n"

func blank(s string) bool {
	for i := range len(s) {
		if !space[s[i]] {
			return false
		}
	}
	return true
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
