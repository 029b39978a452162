package mongodb

import (
	"context"

	"kiln/search"
)

// setBody puts the text of a resource into d: Resource, Raw or Large.
func (s *Store) setBody(ctx context.Context, d *document, text []byte) error { panic("unwritten") }

// body is the text of a version, nil for a tombstone.
func (s *Store) body(ctx context.Context, d *document) ([]byte, error) { panic("unwritten") }

// appendValues writes index values, but for those of words, which are taken from the text.
func appendValues(b []byte, entries []search.Entry) []byte { panic("unwritten") }

// readValues reads them; those of parameters that are not defined (any more) are left out.
func readValues(b []byte, parameters *search.Parameters) ([]search.Entry, error) { panic("unwritten") }
