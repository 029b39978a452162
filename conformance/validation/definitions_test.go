package validation_test

import (
	"context"
	"strings"

	"kiln/resources"
)

// library finds definitions among resources by type and canonical.
type library map[string]resources.Element

// add takes a text into the library if it is a resource with a url.
func (l library) add(text []byte) {
	doc, err := resources.Parse(text)
	if err != nil {
		return
	}
	if e, err := doc.Resource(); err == nil && !e.First("url").IsZero() {
		l[e.Type().Name+" "+e.First("url").Text()] = e
	}
}

// definition is the hook of validation.Options. A version counts where the definition has one.
func (l library) definition(_ context.Context, typ, canonical string) (resources.Element, bool) {
	url, version, _ := strings.Cut(canonical, "|")
	e, ok := l[typ+" "+url]
	if found := e.First("version"); ok && version != "" && !found.IsZero() && found.Text() != version {
		return resources.Element{}, false
	}
	return e, ok
}
