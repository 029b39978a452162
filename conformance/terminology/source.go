package terminology

import (
	"context"
	"strings"
)

// Source finds definitions by canonical URL. Version "" is the current one. It must be safe for
// concurrent use if the Service is used so.
type Source interface {
	CodeSystem(ctx context.Context, url, version string) (Found[CodeSystem], error)
	ValueSet(ctx context.Context, url, version string) (Found[ValueSet], error)
}

// Found is a definition that a source has; the zero Found says that it has none.
type Found[T any] struct {
	// Revision tells one content from another: equal revisions under one URL and version are equal
	// content. "" where nothing was found.
	Revision string
	// Load reads the definition.
	Load func() (*T, error)
}

// First asks each source in turn and takes what is found first.
func First(sources ...Source) Source { return first(sources) }

type first []Source

func (f first) CodeSystem(ctx context.Context, url, version string) (Found[CodeSystem], error) {
	return firstOf(f, func(s Source) (Found[CodeSystem], error) { return s.CodeSystem(ctx, url, version) })
}

func (f first) ValueSet(ctx context.Context, url, version string) (Found[ValueSet], error) {
	return firstOf(f, func(s Source) (Found[ValueSet], error) { return s.ValueSet(ctx, url, version) })
}

func firstOf[T any](sources []Source, ask func(Source) (Found[T], error)) (Found[T], error) {
	for _, s := range sources {
		if found, err := ask(s); err != nil || found.Revision != "" {
			return found, err
		}
	}
	return Found[T]{}, nil
}

// cutVersion parts a canonical into URL and version: https://hl7.org/fhir/R4/references.html#canonical
func cutVersion(canonical string) (url, version string) {
	url, version, _ = strings.Cut(canonical, "|")
	return url, version
}

func withVersion(url, version string) string {
	if version == "" {
		return url
	}
	return url + "|" + version
}
