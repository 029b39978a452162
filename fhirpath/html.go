package fhirpath

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// htmlChecks: the rules of https://hl7.org/fhir/R4/narrative.html#xhtml (txt-1 and txt-2): only
// basic formatting, no scripts, no forms, no external styles, and some content.

// htmlElements are the elements that a narrative may use.
var htmlElements = words(`a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6
	hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var`)

// htmlAttributes are the attributes; those with "element." in front are for that element alone.
var htmlAttributes = words(`abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset
	cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan
	rules scope shape span src start style summary tabindex title type valign value vspace width xml:lang xmlns`)

func words(s string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(s) {
		set[word] = true
	}
	return set
}

func htmlChecks(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	v, ok, err := n.primitive(e, in)
	if err != nil || !ok {
		return out, err
	}
	if err := e.step(len(v.text)); err != nil {
		return out, err
	}
	return append(out, FromBoolean(v.kind == kindString && safeHTML(v.text))), nil
}

// maxHTMLDepth bounds the nesting of a narrative.
const maxHTMLDepth = 256

// safeHTML reports whether text is one div that keeps to the rules and is not blank.
func safeHTML(text string) bool {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	depth, content := 0, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return depth == 0 && content
		}
		if err != nil {
			return false
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxHTMLDepth || depth == 1 && t.Name.Local != "div" || !safeElement(t) {
				return false
			}
			content = content || t.Name.Local == "img"
		case xml.EndElement:
			depth--
		case xml.CharData:
			blank := strings.TrimSpace(string(t)) == ""
			if depth == 0 && !blank {
				return false
			}
			content = content || !blank
		case xml.Directive, xml.ProcInst:
			return false
		}
	}
}

func safeElement(t xml.StartElement) bool {
	if !htmlElements[t.Name.Local] {
		return false
	}
	for _, a := range t.Attr {
		name := a.Name.Local
		if a.Name.Space == "xml" || a.Name.Space == "http://www.w3.org/XML/1998/namespace" {
			name = "xml:" + name
		}
		if a.Name.Space == "xmlns" {
			continue
		}
		if !htmlAttributes[name] || (name == "href" || name == "src") && unsafeAddress(a.Value) {
			return false
		}
	}
	return true
}

func unsafeAddress(address string) bool {
	scheme, _, ok := strings.Cut(strings.TrimSpace(address), ":")
	return ok && (strings.EqualFold(scheme, "javascript") || strings.EqualFold(scheme, "vbscript"))
}
