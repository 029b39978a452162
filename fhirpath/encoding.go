package fhirpath

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"strings"
	"unicode/utf8"
)

// encode, decode, escape and unescape, for trial use:
// https://build.fhir.org/ig/HL7/FHIRPath/#additional-string-functions

var encoders = map[string]func([]byte) string{
	"hex": hex.EncodeToString, "base64": base64.StdEncoding.EncodeToString, "urlbase64": base64.URLEncoding.EncodeToString,
	"ascii": encodeASCII,
}

// encodeASCII puts a question mark for every character beyond ASCII.
func encodeASCII(s []byte) string {
	return strings.Map(func(r rune) rune {
		if r > 127 {
			return '?'
		}
		return r
	}, string(s))
}

var decoders = map[string]func(string) ([]byte, error){
	"hex": hex.DecodeString, "base64": base64.StdEncoding.DecodeString, "urlbase64": base64.URLEncoding.DecodeString,
}

func encode(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, form, ok, err := n.textAndForm(e, f, in)
	if err != nil || !ok {
		return out, err
	}
	encoder, known := encoders[form]
	if !known {
		return out, n.fail(e, "encodes as 'hex', 'base64', 'urlbase64' or 'ascii', not %s.", quote(clip(form), '\''))
	}
	if err := e.produced(2 * len(s)); err != nil {
		return out, err
	}
	return append(out, FromString(encoder([]byte(s)))), nil
}

func decode(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, form, ok, err := n.textAndForm(e, f, in)
	if err != nil || !ok {
		return out, err
	}
	decoder, known := decoders[form]
	if !known {
		return out, n.fail(e, "decodes 'hex', 'base64' or 'urlbase64', not %s.", quote(clip(form), '\''))
	}
	if err := e.produced(len(s)); err != nil {
		return out, err
	}
	text, err := decoder(s)
	if err != nil {
		return out, n.fail(e, "found a text that is not %s.", form)
	}
	if !utf8.Valid(text) {
		return out, nil
	}
	return append(out, FromString(string(text))), nil
}

func escapeText(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, form, ok, err := n.textAndForm(e, f, in)
	if err != nil || !ok {
		return out, err
	}
	if err := e.produced(6 * len(s)); err != nil {
		return out, err
	}
	switch form {
	case "html":
		return append(out, FromString(htmlEscaper.Replace(s))), nil
	case "json":
		return append(out, FromString(jsonEscaped(s))), nil
	}
	return out, n.fail(e, "escapes for 'html' or 'json', not %s.", quote(clip(form), '\''))
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

func jsonEscaped(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return s
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}

func unescapeText(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	s, form, ok, err := n.textAndForm(e, f, in)
	if err != nil || !ok {
		return out, err
	}
	if err := e.produced(len(s)); err != nil {
		return out, err
	}
	switch form {
	case "html":
		return append(out, FromString(html.UnescapeString(s))), nil
	case "json":
		return append(out, FromString(jsonUnescaped(s))), nil
	}
	return out, n.fail(e, "unescapes 'html' or 'json', not %s.", quote(clip(form), '\''))
}

// jsonUnescaped resolves escapes and leaves a backslash that begins none.
func jsonUnescaped(s string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '\\')
		if at < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:at])
		s = s[at:]
		length := escapeLength(s)
		var text string
		if length == 0 || json.Unmarshal([]byte(`"`+s[:length]+`"`), &text) != nil {
			length, text = 1, `\`
		}
		b.WriteString(text)
		s = s[length:]
	}
}

// escapeLength is the length of the escape that s begins with, surrogate pairs together.
func escapeLength(s string) int {
	switch {
	case len(s) < 2:
		return 0
	case s[1] != 'u':
		return 2
	case len(s) >= 12 && s[6] == '\\' && s[7] == 'u' && strings.EqualFold(s[2:3], "d") && strings.IndexByte("89abAB", s[3]) >= 0:
		return 12
	case len(s) >= 6:
		return 6
	}
	return 0
}

// textAndForm is the input and the argument of these functions.
func (n *callNode) textAndForm(e *evaluation, f *frame, in Collection) (s, form string, ok bool, err error) {
	s, ok, err = n.text(e, in)
	if err != nil {
		return "", "", false, err
	}
	form, given, err := n.stringArg(e, f, 0)
	return s, form, ok && given, err
}
