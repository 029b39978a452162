package patch

import (
	"fmt"
	"strconv"
	"strings"

	"kiln/resources"
)

// pointer is a JSON Pointer: https://www.rfc-editor.org/rfc/rfc6901
type pointer struct {
	text   string
	tokens []string
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

func readPointer(text string) (pointer, error) {
	if text == "" {
		return pointer{}, nil
	}
	if text[0] != '/' {
		return pointer{}, fmt.Errorf("the JSON Pointer %q does not begin with \"/\"", clip(text))
	}
	if strings.Count(text, "/") > resources.MaxDepth {
		return pointer{}, fmt.Errorf("the JSON Pointer %q has more than %d steps", clip(text), resources.MaxDepth)
	}
	p := pointer{text: text, tokens: strings.Split(text[1:], "/")}
	for i, token := range p.tokens {
		rest := token
		for {
			at := strings.IndexByte(rest, '~')
			if at < 0 {
				break
			}
			if at+1 == len(rest) || rest[at+1] != '0' && rest[at+1] != '1' {
				return pointer{}, fmt.Errorf("the JSON Pointer %q has a \"~\" that is neither \"~0\" nor \"~1\"", clip(text))
			}
			rest = rest[at+2:]
		}
		p.tokens[i] = pointerEscapes.Replace(token)
	}
	return p, nil
}

// inside reports whether p points into what other points at, or at the same.
func (p pointer) inside(other pointer) bool {
	return p.text == other.text || strings.HasPrefix(p.text, other.text+"/")
}

// upTo is the text of the first n steps, for sentences.
func (p pointer) upTo(n int) string {
	end := 0
	for range n {
		next := strings.IndexByte(p.text[end+1:], '/')
		if next < 0 {
			return clip(p.text)
		}
		end += 1 + next
	}
	return clip(p.text[:end])
}

// child finds the place of a token in a container: a member, or an item of a list. -1 says that
// there is none; the error says why the token can be no place at all.
func (b *budget) child(v *value, token string) (int, error) {
	if err := b.open(v); err != nil {
		return -1, err
	}
	switch v.kind {
	case resources.Object:
		if err := b.spend(len(v.names)); err != nil {
			return -1, err
		}
		return v.member(token), nil
	case resources.Array:
		if token == "-" {
			return -1, nil
		}
		i, ok := readIndex(token)
		if !ok {
			return -1, unfit("%q is not the place of a list item.", clip(token))
		}
		if i >= len(v.items) {
			return -1, nil
		}
		return i, nil
	}
	return -1, nil
}

// readIndex reads an array index: digits without leading zeros.
func readIndex(token string) (int, bool) {
	if token == "" || len(token) > 1 && token[0] == '0' || len(token) > 9 {
		return 0, false
	}
	for _, c := range []byte(token) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	i, err := strconv.Atoi(token)
	return i, err == nil
}

// get is the value that p points at.
func (b *budget) get(root *value, p pointer) (*value, error) {
	v := root
	for n, token := range p.tokens {
		i, err := b.child(v, token)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			return nil, unfit("there is no %s in the resource.", p.upTo(n+1))
		}
		v = v.items[i]
	}
	return v, nil
}

// change replaces the container that holds what p points at; edit makes the new one and is
// given the last token. Containers on the way are made anew.
func (b *budget) change(v *value, p pointer, step int, edit func(v *value, token string) (*value, error)) (*value, error) {
	token := p.tokens[step]
	if step == len(p.tokens)-1 {
		if err := b.open(v); err != nil {
			return nil, err
		}
		if err := b.spend(len(v.items)); err != nil {
			return nil, err
		}
		return edit(v, token)
	}
	i, err := b.child(v, token)
	if err != nil {
		return nil, err
	}
	if i < 0 {
		return nil, unfit("there is no %s in the resource.", p.upTo(step+1))
	}
	inner, err := b.change(v.items[i], p, step+1, edit)
	if err != nil {
		return nil, err
	}
	if err := b.spend(len(v.items)); err != nil {
		return nil, err
	}
	return v.with(i, inner), nil
}
