// Package narrative holds the rules for the XHTML of a Narrative, which are the invariants txt-1
// and txt-2: https://hl7.org/fhir/R4/narrative.html#xhtml
//
// A narrative is shown to people by programs that trust it, so what can run or fetch (scripts,
// events, forms, frames, objects) is not allowed, nor is anything else that is not basic
// formatting.
//
//	for _, problem := range narrative.Check(`<div xmlns="http://www.w3.org/1999/xhtml"><script/></div>`) {
//		fmt.Println(problem.Key, problem.Text) // txt-1 The narrative may not have the element <script>.
//	}
package narrative

import (
	"fmt"
	"strings"

	"kiln/resources/outcome"
	"kiln/resources/xmlformat/markup"
)

// Namespace is that of XHTML.
const Namespace = "http://www.w3.org/1999/xhtml"

// The invariants of Narrative.div.
const (
	Formatting = "txt-1" // well-formed, and nothing but basic formatting
	Content    = "txt-2" // something to see
)

// Problem is one way in which a narrative breaks a rule.
type Problem struct {
	Key  string // Formatting or Content
	Text string // a sentence
}

// maxProblems bounds what is listed for one narrative.
const maxProblems = 20

// Check reads the text of a div and lists what is wrong with it, each element and attribute once;
// nothing wrong is nil. After the first thing that is not XML it stops.
func Check(text string) []Problem {
	c := checker{r: markup.NewStringReader(text)}
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "<div") {
		c.report(Formatting, "The narrative does not begin with <div xmlns=%q>.", Namespace)
		return c.problems
	}
	for c.r.Next() {
		c.token()
	}
	switch err := c.r.Err(); {
	case err != nil:
		c.report(Formatting, "The narrative is no well-formed XHTML: %s", outcome.As(err).Issues[0].Diagnostics)
	case !c.content:
		c.report(Content, "The narrative has nothing to see in it: it needs text or an image.")
	}
	return c.problems
}

type checker struct {
	r        *markup.Reader
	problems []Problem
	content  bool
}

func (c *checker) report(key, format string, args ...any) {
	p := Problem{key, fmt.Sprintf(format, args...)}
	for _, known := range c.problems {
		if known == p {
			return
		}
	}
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, p)
	}
}

func (c *checker) token() {
	switch c.r.Kind {
	case markup.StartTag:
		c.element()
	case markup.Text:
		c.content = c.content || !c.r.Blank
	case markup.Instruction:
		c.report(Formatting, "The narrative may not have processing instructions.")
	}
}

func (c *checker) element() {
	name := c.r.Name
	own, known := elements[name.Local]
	switch {
	case name.Space != Namespace && c.r.Depth() == 1:
		c.report(Formatting, "The div of the narrative must say xmlns=%q.", Namespace)
	case name.Space != Namespace && name.Space != "":
		c.report(Formatting, "The narrative may not have elements of the namespace %q.", clip(name.Space))
	case c.r.Depth() == 1 && name.Local != "div":
		c.report(Formatting, "The narrative is one div; found <%s>.", clip(name.Local))
	case !known:
		c.report(Formatting, "The narrative may not have the element <%s>.", clip(name.Local))
	}
	c.content = c.content || name.Local == "img"
	for _, a := range c.r.Attributes {
		c.attribute(name.Local, own, a)
	}
}

func (c *checker) attribute(element string, own map[string]bool, a markup.Attribute) {
	name := a.Local
	switch a.Space {
	case markup.XMLNS:
		return
	case markup.XML:
		name = "xml:" + name
	}
	if a.Space != "" && a.Space != markup.XML || !attributes[name] && !own[name] {
		c.report(Formatting, "The narrative may not have the attribute %s of <%s>.", clip(name), clip(element))
		return
	}
	if links[name] && runs(a.Value) {
		c.report(Formatting, "The narrative may not have a link that is a script.")
	}
}

// runs reports whether a link is a script as a browser reads it: its scheme in any case, without
// the white space and control characters that are dropped.
func runs(link string) bool {
	var scheme [len("javascript") + 1]byte
	n := 0
	for i := 0; i < len(link) && n < len(scheme); i++ {
		switch c := link[i]; {
		case c == ':':
			return string(scheme[:n]) == "javascript" || string(scheme[:n]) == "vbscript"
		case c > ' ':
			scheme[n] = c | 0x20
			n++
		}
	}
	return false
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
