package mongodb

import (
	"context"

	"kiln/store"
)

// view is one state: what the store shows at a position, and over it what a preview changes.
type view struct {
	store *Store
	at    int64
	over  *overlay // nil but in a preview
}

// overlay is what a preview changes.
type overlay struct {
	number    uint64                  // of the preview, for its cursors
	documents map[store.Key]*document // by resource; their positions are above view.at
	order     []*document             // the same in the order of the changes
	guards    map[string]uint64
}

// lookup gives the version of a resource that the state shows, tombstones included; nil when there never
// was one.
func (v *view) lookup(ctx context.Context, key store.Key) (*document, error) {
	panic("unwritten")
}

// lookups is lookup for several, those that there are.
func (v *view) lookups(ctx context.Context, keys []store.Key) (map[store.Key]*document, error) {
	panic("unwritten")
}
