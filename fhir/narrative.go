package fhir

import (
	"html"
	"strings"
)

// linkAttributes are the attributes of narrative that hold links, by tag.
var linkAttributes = map[string]string{"a": "href", "img": "src"}

// relink replaces the links of <a href> and <img src> in XHTML; everything else stays as it is.
// https://hl7.org/fhir/R4/narrative.html#xhtml
func relink(xhtml string, replace func(link string) (string, bool)) (string, bool) {
	var out strings.Builder
	done := 0
	for at := strings.IndexByte(xhtml, '<'); at >= 0; {
		end := tagEnd(xhtml, at)
		if from, to, ok := linkSpan(xhtml, at, end); ok {
			if link, ok := replace(html.UnescapeString(xhtml[from:to])); ok {
				out.WriteString(xhtml[done:from])
				out.WriteString(html.EscapeString(link))
				done = to
			}
		}
		next := strings.IndexByte(xhtml[end:], '<')
		if next < 0 {
			break
		}
		at = end + next
	}
	if done == 0 {
		return xhtml, false
	}
	out.WriteString(xhtml[done:])
	return out.String(), true
}

// tagEnd is the place after the tag (or comment) that begins at at.
func tagEnd(s string, at int) int {
	if strings.HasPrefix(s[at:], "<!--") {
		if end := strings.Index(s[at:], "-->"); end >= 0 {
			return at + end + len("-->")
		}
		return len(s)
	}
	quote := byte(0)
	for i := at; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(s)
}

// linkSpan finds the value of the link attribute in the tag from at to end.
func linkSpan(s string, at, end int) (from, to int, ok bool) {
	i := at + 1
	for i < end && isNameByte(s[i]) {
		i++
	}
	wanted, ok := linkAttributes[strings.ToLower(s[at+1:i])]
	if !ok {
		return 0, 0, false
	}
	for i < end {
		for i < end && !isNameByte(s[i]) {
			i++
		}
		start := i
		for i < end && isNameByte(s[i]) {
			i++
		}
		name := s[start:i]
		for i < end && isSpace(s[i]) {
			i++
		}
		if i >= end || s[i] != '=' {
			continue
		}
		for i++; i < end && isSpace(s[i]); {
			i++
		}
		if i >= end || s[i] != '"' && s[i] != '\'' {
			continue
		}
		length := strings.IndexByte(s[i+1:end], s[i])
		if length < 0 {
			return 0, 0, false
		}
		if from, to = i+1, i+1+length; name == wanted {
			return from, to, true
		}
		i = to + 1
	}
	return 0, 0, false
}

func isNameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == ':' || c == '_'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
