package xmlformat

import (
	"strings"

	"kiln/resources/xmlformat/markup"
)

// narrative reads the <div> of a Narrative as text, markup and all. It is kept as it stands,
// unless it leans on namespaces that are declared outside of it: then its tags are written
// without prefixes, so that the text can stand alone (https://hl7.org/fhir/R4/narrative.html).
func (x *reader) narrative(n int32) error {
	d := div{x: x, node: n, from: x.r.Start}
	text, err := d.read()
	if err != nil {
		return err
	}
	x.nodes[n].value = text
	x.nodes[n].flags |= hasValue
	return nil
}

// div copies the source of a narrative. As long as nothing differs, out stays nil.
type div struct {
	x    *reader
	node int32
	from int // the source up to here is copied
	out  []byte
}

func (d *div) read() (string, error) {
	r := d.x.r
	start, outside := r.Start, r.Depth()-1
	if err := d.tag(true); err != nil {
		return "", err
	}
	for r.Next() {
		var err error
		switch r.Kind {
		case markup.StartTag:
			err = d.tag(false)
		case markup.EndTag:
			d.endTag()
			if r.Depth() == outside {
				return d.text(start), nil
			}
		}
		if err != nil {
			return "", err
		}
	}
	return "", r.Err()
}

func (d *div) text(start int) string {
	source := d.x.r.Source()
	if d.out == nil {
		return source[start:d.x.r.End]
	}
	return string(append(d.out, source[d.from:d.x.r.End]...))
}

// tag checks a start tag, and rewrites it if it has a prefix or is a root without a namespace
// declaration of its own.
func (d *div) tag(root bool) error {
	r := d.x.r
	if r.Name.Space != XHTML {
		return d.x.report(r.Start, d.x.path(d.node), "The element <%s> of the narrative is in the namespace %q; expected %q.", clip(r.Name.Local), clip(r.Name.Space), XHTML)
	}
	rewrite, declared := r.Name.Prefix != "", false
	for _, a := range r.Attributes {
		switch {
		case a.Space == markup.XMLNS && a.Prefix == "":
			declared = true
		case a.Space != "" && a.Space != markup.XML && a.Space != markup.XMLNS:
			return d.x.report(a.Start, d.x.path(d.node), "The attribute %q of the narrative is in the namespace %q, which XHTML does not have.", clip(a.Local), clip(a.Space))
		}
	}
	if rewrite || root && !declared {
		d.rewrite(root)
	}
	return nil
}

func (d *div) rewrite(root bool) {
	r := d.x.r
	d.copy(r.Start)
	d.out = append(append(d.out, '<'), r.Name.Local...)
	if root {
		d.out = append(d.out, ` xmlns="`+XHTML+`"`...)
	}
	for _, a := range r.Attributes {
		if a.Space == markup.XMLNS {
			continue
		}
		d.out = append(d.out, ' ')
		if a.Prefix != "" {
			d.out = append(append(d.out, a.Prefix...), ':')
		}
		d.out = append(append(d.out, a.Local...), `="`...)
		d.out = append(markup.AppendAttribute(d.out, a.Value), '"')
	}
	if r.Empty {
		d.out = append(d.out, '/')
	}
	d.out = append(d.out, '>')
	d.from = r.End
}

// endTag drops the prefix of an end tag; that of an empty element has no text.
func (d *div) endTag() {
	r := d.x.r
	if r.Name.Prefix == "" || r.Start == r.End {
		return
	}
	d.copy(r.Start)
	d.out = append(append(d.out, "</"...), r.Name.Local...)
	d.out = append(d.out, '>')
	d.from = r.End
}

// copy takes over the source up to a place.
func (d *div) copy(to int) { d.out = append(d.out, d.x.r.Source()[d.from:to]...) }

// appendDiv writes the text of a narrative into XML. What JSON let pass is mended where that is
// safe: a missing namespace is declared, entities of HTML become numbers. The error says why the
// text is no element <div> of XHTML.
func appendDiv(b []byte, text string) ([]byte, error) {
	text = strings.Trim(text, " \t\r\n")
	declared, err := checkDiv(text)
	if err != nil && strings.IndexByte(text, '&') >= 0 {
		text = replaceEntities(text)
		declared, err = checkDiv(text)
	}
	if err != nil {
		return b, err
	}
	if !declared {
		b = append(b, `<div xmlns="`+XHTML+`"`...)
		text = text[len("<div"):]
	}
	return append(b, text...), nil
}

// checkDiv reads text as a document of its own.
func checkDiv(text string) (declared bool, err error) {
	r := markup.NewStringReader(text)
	if !strings.HasPrefix(text, "<div") {
		return false, r.Fail(0, "The narrative does not begin with <div>.")
	}
	for r.Next() {
		if r.Kind != markup.StartTag || r.Depth() > 1 {
			continue
		}
		for _, a := range r.Attributes {
			declared = declared || a.Space == markup.XMLNS && a.Prefix == ""
		}
		if r.Name.Local != "div" || r.Name.Space != XHTML && declared {
			return false, r.Fail(r.Start, "The narrative is not a <div> of the namespace %q.", XHTML)
		}
	}
	return declared, r.Err()
}

// longestEntity is more than the length of any entity of HTML.
const longestEntity = 40

// replaceEntities writes the entities of HTML, which XML does not have, as character numbers.
func replaceEntities(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '&')
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i:]
		end := strings.IndexByte(text[:min(len(text), longestEntity)], ';')
		if end > 0 {
			if reference, ok := markup.HTMLEntity(text[1:end]); ok {
				b.WriteString(reference)
				text = text[end+1:]
				continue
			}
		}
		b.WriteByte('&')
		text = text[1:]
	}
}
