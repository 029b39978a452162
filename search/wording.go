package search

import (
	"strings"
	"sync"

	"golang.org/x/net/html"

	"kiln/resources"
	"kiln/resources/definitions"
)

// wording gathers the words of one resource.
type wording struct {
	text []byte
	div  resources.Node // of the narrative, which is read already
	run  []byte         // of XHTML: text that no tag parts
}

var wordings = sync.Pool{New: func() any { return new(wording) }}

// keptWording is how many bytes of words a resource may have for its memory to serve another.
const keptWording = 64 << 10

// release lets the next resource use the memory of w.
func (w *wording) release() {
	if cap(w.text) > keptWording || cap(w.run) > keptWording {
		return
	}
	*w = wording{text: w.text[:0], div: resources.None, run: w.run[:0]}
	wordings.Put(w)
}

const xhtml = "xhtml"

// worded are the primitive types that hold words.
var worded = map[string]bool{"string": true, "markdown": true, "code": true, xhtml: true}

// element takes the words of all that is inside an element.
func (w *wording) element(e resources.Element) {
	for c := e.All(); c.Next(); {
		child := c.Element
		switch {
		case !child.Type().Primitive():
			w.element(child)
		case child.HasValue() && worded[child.Type().Name]:
			w.primitive(child)
			fallthrough
		default:
			if child.Shadow() != resources.None {
				w.element(child)
			}
		}
	}
}

// primitive takes the words of a value, but for those that only address something.
func (w *wording) primitive(e resources.Element) {
	switch {
	case e.Definition().Name == "id", isAddress(e.Definition()):
	case e.Type().Name != xhtml:
		w.line(e.Text())
	case e.Node() != w.div:
		w.xhtml(e.Text())
	}
}

// isAddress reports whether a string is Reference.reference.
func isAddress(d *definitions.Element) bool {
	return d.Name == "reference" && d == definitions.R4().Type("Reference").Element("reference")
}

// line adds the words of one text.
func (w *wording) line(text string) {
	start := len(w.text)
	w.text = AppendWords(append(w.text, '\n'), text)
	if len(w.text) == start+1 {
		w.text = w.text[:start]
	}
}

// within are the elements of XHTML that part no words.
var within = func() map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq("a abbr acronym b bdo big cite code dfn em i kbd q samp small span strong sub sup tt var") {
		names[name] = true
	}
	return names
}()

// unread are the elements whose text nobody reads. A valid narrative has none of them.
var unread = map[string]bool{"script": true, "style": true}

// xhtml adds the words of a narrative, each run of text that only inline elements are in as one
// text: https://hl7.org/fhir/R4/narrative.html#xhtml
func (w *wording) xhtml(text string) {
	w.run = w.run[:0]
	skipping := false
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		switch kind := z.Next(); kind {
		case html.ErrorToken: // the end, or what no tokenizer can go on after
			w.endRun()
			return
		case html.TextToken:
			if !skipping {
				w.run = append(w.run, z.Text()...)
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			if !within[string(name)] {
				w.endRun()
			}
			skipping = kind == html.StartTagToken && unread[string(name)]
		}
	}
}

func (w *wording) endRun() {
	w.line(view(w.run))
	w.run = w.run[:0]
}
