package mongodb

import (
	"context"
	"errors"
	"fmt"

	"kiln/store"
	"kiln/store/mongodb/bsonjson"
)

// errBody is a body that does not read as what was written.
var errBody = errors.New("the database holds a resource that cannot be read")

// How large what lies in a document may be, in bytes. A server takes 16 MiB a document, and in ordered steps
// so much for a whole transaction: https://www.mongodb.com/docs/manual/reference/limits/#mongodb-limit-BSON-Document-Size
const (
	// maxDocument is the most that the body takes together with the keys, values and claims beside it.
	maxDocument = 4 << 20
	// maxBeside is the most that they take without it.
	maxBeside = 12 << 20
	// maxBinary is the most of the text of a Binary, of which an analyst has nothing.
	maxBinary = 256 << 10
)

// setBody puts the text of a resource into d: Resource, Raw or Large. What is beside it counts, so it is set
// first: Index and Claims. A large one is in the database when setBody returns, whatever comes of d, so
// ctx must not be that of a transaction. The error is store.ErrTooLarge where no document has the room, or one of the
// database.
func (s *Store) setBody(ctx context.Context, d *document, text []byte) (err error) {
	d.Resource, d.Raw, d.Large = nil, nil, ""
	beside := d.beside()
	if beside > maxBeside {
		return store.ErrTooLarge
	}
	if s.options.RawBytes {
		d.Raw = text
	} else if len(text) <= maxDocument {
		d.setNative(text)
	}
	if isLarge := len(text) > maxDocument || beside+len(d.Resource)+len(d.Raw) > maxDocument || d.typ == "Binary" && len(text) > maxBinary; isLarge {
		d.Resource, d.Raw = nil, nil
		d.Large, err = s.upload(ctx, d.key(), text)
	}
	return err
}

// setNative puts the text into d as a document, and beside it where that does not give it back.
func (d *document) setNative(text []byte) {
	native, fidelity := bsonjson.AppendDocument(nil, text)
	if fidelity != bsonjson.Refused {
		d.Resource = native
	}
	if fidelity != bsonjson.Exact {
		d.Raw = text
	}
}

// beside is about how many bytes of BSON the keys, values and claims of d make.
func (d *document) beside() int {
	const element = 16 // type, name, length and end of one in an array, and a little more
	n := 1024
	for _, claim := range d.Claims {
		n += len(claim.Data) + element
	}
	if d.Index != nil {
		for _, key := range d.Index.Keys {
			n += len(key) + element
		}
		n += len(d.Index.Values)
	}
	return n
}

// body is the text of a version, nil for a tombstone.
func (s *Store) body(ctx context.Context, d *document) ([]byte, error) {
	switch {
	case d.Deleted:
		return nil, nil
	case len(d.Raw) > 0:
		return d.Raw, nil
	case d.Large != "":
		return s.download(ctx, d.Large)
	case len(d.Resource) == 0:
		return nil, errBody
	}
	text, err := bsonjson.AppendText(nil, d.Resource)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBody, err)
	}
	return text, nil
}
