package validation

import (
	"slices"
	"strings"

	"kiln/resources/outcome"
)

// xhtml reads the div of a narrative once. It wants XML that is well-formed without a document
// type, one div in the namespace of XHTML, and of HTML only what the narrative allows. After the
// first thing that is not XML it stops; everything else is reported.
type xhtml struct {
	src     string
	at      int
	open    []string // elements
	names   []string // attributes of the current tag
	content bool     // something to see
	stopped bool
	seen    map[string]bool // what was reported, so that it is once
	problem func(code outcome.Code, format string, args ...any)
}

const xhtmlNamespace = "http://www.w3.org/1999/xhtml"

// The limits of one narrative: how deep elements nest, and the attributes of one tag.
const (
	maxOpen       = 256
	maxAttributes = 64
)

func (x *xhtml) check() {
	x.space()
	if !strings.HasPrefix(x.src[x.at:], "<div") {
		x.fail("expected <div xmlns=%q>", xhtmlNamespace)
		return
	}
	for !x.stopped {
		x.next()
		if len(x.open) == 0 {
			break
		}
	}
	if x.stopped {
		return
	}
	x.space()
	if x.at < len(x.src) {
		x.fail("there is more text behind the div")
		return
	}
	if !x.content {
		x.problem(outcome.Invariant, "The narrative has nothing to see in it: it needs text or an image (txt-2).")
	}
}

// fail reports text that is not well-formed and stops.
func (x *xhtml) fail(format string, args ...any) {
	x.stopped = true
	x.problem(outcome.Invariant, "The narrative is no well-formed XHTML at character %d: "+format+" (txt-1).", append([]any{x.at + 1}, args...)...)
}

// forbid reports something that the narrative may not have, once for each name.
func (x *xhtml) forbid(format, name string) {
	if x.seen[name] {
		return
	}
	if x.seen == nil {
		x.seen = map[string]bool{}
	}
	x.seen[name] = true
	x.problem(outcome.Invariant, format+" (txt-1).", clip(name))
}

func (x *xhtml) space() {
	for x.at < len(x.src) && space(x.src[x.at]) {
		x.at++
	}
}

// next reads the text up to a tag, and the tag.
func (x *xhtml) next() {
	i := strings.IndexByte(x.src[x.at:], '<')
	if i < 0 {
		x.at = len(x.src)
		x.fail("<%s> is not closed", x.top())
		return
	}
	x.text(x.src[x.at : x.at+i])
	if x.stopped {
		return
	}
	x.at += i
	switch rest := x.src[x.at:]; {
	case strings.HasPrefix(rest, "</"):
		x.endTag()
	case strings.HasPrefix(rest, "<!--"):
		x.comment()
	case strings.HasPrefix(rest, "<![CDATA["):
		x.skip("<![CDATA[", "]]>")
		x.content = true
	case strings.HasPrefix(rest, "<!"), strings.HasPrefix(rest, "<?"):
		x.fail("declarations and processing instructions are not allowed")
	default:
		x.startTag()
	}
}

func (x *xhtml) top() string {
	if len(x.open) == 0 {
		return "div"
	}
	return x.open[len(x.open)-1]
}

// text checks what stands between tags.
func (x *xhtml) text(s string) {
	if !x.content {
		x.content = strings.IndexFunc(s, func(r rune) bool { return r != ' ' && (r < '\t' || r > '\r') }) >= 0
	}
	x.characters(s, x.at)
}

// characters checks references and characters of text or of an attribute's value, which begins at
// the offset at. HTML's names, such as &nbsp;, are not known to XML.
func (x *xhtml) characters(s string, at int) {
	for i := strings.IndexByte(s, '&'); i >= 0; {
		end := strings.IndexByte(s[i:], ';')
		if end < 0 || end > 10 || !reference(s[i+1:i+end]) {
			x.at = at + i
			x.fail("%q is no character reference of XML", clip(s[i:i+min(len(s)-i, max(end+1, 8))]))
			return
		}
		next := strings.IndexByte(s[i+end:], '&')
		if next < 0 {
			break
		}
		i += end + next
	}
	for i := range len(s) {
		if s[i] < ' ' && !space(s[i]) {
			x.at = at + i
			x.fail("U+%04X is no character of XML", s[i])
			return
		}
	}
}

// reference reports whether a name between & and ; is one that XML itself knows, or a number.
func reference(s string) bool {
	switch s {
	case "amp", "lt", "gt", "quot", "apos":
		return true
	}
	if hex, ok := strings.CutPrefix(s, "#x"); ok {
		return hex != "" && strings.Trim(hex, "0123456789abcdefABCDEF") == ""
	}
	number, ok := strings.CutPrefix(s, "#")
	return ok && digits(number)
}

func (x *xhtml) comment() {
	x.skip("<!--", "-->")
}

func (x *xhtml) skip(begin, end string) {
	i := strings.Index(x.src[x.at+len(begin):], end)
	if i < 0 {
		x.fail("%s is not closed by %s", begin, end)
		return
	}
	x.at += len(begin) + i + len(end)
}

func (x *xhtml) endTag() {
	x.at += 2
	name := x.name()
	x.space()
	if x.at >= len(x.src) || x.src[x.at] != '>' {
		x.fail("the end tag </%s is not closed by >", clip(name))
		return
	}
	if name != x.top() {
		x.fail("</%s> where </%s> was expected", clip(name), x.top())
		return
	}
	x.at++
	x.open = x.open[:len(x.open)-1]
}

// name reads an XML name; empty if there is none.
func (x *xhtml) name() string {
	start := x.at
	for x.at < len(x.src) {
		c := x.src[x.at]
		if !letter(c) && c != '_' && c != ':' && c < 0x80 && (x.at == start || !digit(c) && c != '-' && c != '.') {
			break
		}
		x.at++
	}
	return x.src[start:x.at]
}

func (x *xhtml) startTag() {
	x.at++
	name := x.name()
	switch {
	case name == "":
		x.fail("a < that begins no tag is written &lt;")
		return
	case len(x.open) == maxOpen:
		x.fail("elements nest deeper than %d levels", maxOpen)
		return
	}
	if _, ok := htmlElements[name]; !ok {
		x.forbid("The narrative may not have the element <%s>", name)
	}
	if name == "img" {
		x.content = true
	}
	namespace, closed := x.attributes(name)
	if x.stopped {
		return
	}
	if len(x.open) == 0 && !namespace {
		x.problem(outcome.Invariant, "The div of the narrative must say xmlns=%q (txt-1).", xhtmlNamespace)
	}
	if !closed {
		x.open = append(x.open, name)
	}
}

// attributes reads the rest of a start tag. namespace: it says that it is XHTML; closed: it ends
// with />.
func (x *xhtml) attributes(element string) (namespace, closed bool) {
	x.names = x.names[:0]
	for {
		before := x.at
		x.space()
		switch rest := x.src[x.at:]; {
		case strings.HasPrefix(rest, ">"):
			x.at++
			return namespace, false
		case strings.HasPrefix(rest, "/>"):
			x.at += 2
			return namespace, true
		case x.at == before:
			x.fail("the tag <%s> is not closed by >", clip(element))
			return namespace, false
		}
		name, value, ok := x.attribute(element)
		if !ok {
			return namespace, false
		}
		if len(x.names) == maxAttributes || slices.Contains(x.names, name) {
			x.fail("<%s> has the attribute %s twice, or more than %d attributes", clip(element), clip(name), maxAttributes)
			return namespace, false
		}
		x.names = append(x.names, name)
		if name == "xmlns" {
			namespace = value == xhtmlNamespace
			if !namespace {
				x.forbid("The narrative may not have elements of the namespace %q", value)
			}
			continue
		}
		x.allowed(element, name, value)
	}
}

// attribute reads name="value".
func (x *xhtml) attribute(element string) (name, value string, ok bool) {
	name = x.name()
	x.space()
	if name == "" || x.at >= len(x.src) || x.src[x.at] != '=' {
		x.fail("an attribute of <%s> is not written name=\"value\"", clip(element))
		return "", "", false
	}
	x.at++
	x.space()
	if x.at >= len(x.src) || x.src[x.at] != '"' && x.src[x.at] != '\'' {
		x.fail("the value of the attribute %s is not in quotes", clip(name))
		return "", "", false
	}
	quote := x.src[x.at]
	x.at++
	end := strings.IndexByte(x.src[x.at:], quote)
	if end < 0 || strings.IndexByte(x.src[x.at:x.at+end], '<') >= 0 {
		x.fail("the value of the attribute %s is not closed, or has a <, which is written &lt;", clip(name))
		return "", "", false
	}
	value = x.src[x.at : x.at+end]
	x.characters(value, x.at)
	x.at += end + 1
	return name, value, !x.stopped
}

// allowed reports an attribute that the element may not have, and links that are scripts.
func (x *xhtml) allowed(element, name, value string) {
	if !htmlAttributes[name] && !slices.Contains(htmlElements[element], name) {
		x.forbid("The narrative may not have the attribute %s", element+"."+name)
		return
	}
	if name == "href" || name == "src" || name == "cite" || name == "longdesc" || name == "usemap" {
		if scheme := schemeOf(value); scheme == "javascript" || scheme == "vbscript" {
			x.forbid("The narrative may not have a link with the scheme %s", scheme)
		}
	}
}
