package mongodb

import "context"

// setBody puts the text of a resource into d: Resource, Raw or Large.
func (s *Store) setBody(_ context.Context, d *document, text []byte) error {
	d.Raw = text
	return nil
}

// body is the text of a version, nil for a tombstone.
func (s *Store) body(_ context.Context, d *document) ([]byte, error) { return d.Raw, nil }
