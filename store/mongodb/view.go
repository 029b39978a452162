package mongodb

import (
	"context"
	"iter"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

// view is one state: what the store shows at a position, and over it what a preview changes.
type view struct {
	store *Store
	at    int64
	turn  int64           // of the newest landing that it shows
	shown *bson.Timestamp // when the database showed it; nil where it has no such times
	over  *overlay        // nil but in a preview
	kept  *kept           // nil but in a snapshot
}

// overlay is what a preview changes.
type overlay struct {
	number    uint64                  // of the preview, for its cursors
	documents map[store.Key]*document // by resource; their positions are above view.at
	order     []*document             // the same in the order of the changes
	guards    map[string]uint64
}

// preview is the number of the preview, 0 for what is committed.
func (v *view) preview() uint64 {
	if v.over == nil {
		return 0
	}
	return v.over.number
}

// changed is what the preview makes of a resource, nil where it leaves it alone.
func (v *view) changed(key store.Key) *document {
	if v.over == nil {
		return nil
	}
	return v.over.documents[key]
}

// lookup gives the version of a resource that the state shows, tombstones included; nil when there never
// was one.
func (v *view) lookup(ctx context.Context, key store.Key) (*document, error) {
	found, err := v.fetch(ctx, []store.Key{key}, nil)
	return found[key], err
}

// lookups is lookup for several, those that there are.
func (v *view) lookups(ctx context.Context, keys []store.Key) (map[store.Key]*document, error) {
	return v.fetch(ctx, keys, nil)
}

// lookupBatch is how many resources are asked for at once.
const lookupBatch = 500

// fetch is lookups of some members of the documents; nil is all.
func (v *view) fetch(ctx context.Context, keys []store.Key, projection bson.D) (map[store.Key]*document, error) {
	found := make(map[store.Key]*document, len(keys))
	asked := map[string][]string{}
	for _, key := range keys {
		if d := v.changed(key); d != nil {
			found[key] = d
		} else if isType(key.Type) {
			asked[key.Type] = append(asked[key.Type], key.ID)
		}
	}
	for typ, ids := range asked {
		for part := range slices.Chunk(ids, lookupBatch) {
			if err := v.fetchOf(ctx, typ, part, projection, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// fetchOf looks among the newest versions first and then, for those that came after the state, in
// the history, where each of them has put the version before it already.
func (v *view) fetchOf(ctx context.Context, typ string, ids []string, projection bson.D, found map[store.Key]*document) error {
	var later []string
	for d, err := range v.documents(ctx, typ, currentCollection(typ), bson.D{{Key: "_id", Value: oneOf(ids)}}, projection) {
		switch {
		case err != nil:
			return err
		case d.Position <= v.at:
			found[d.key()] = d
		case d.Version > 1:
			later = append(later, d.ID)
		}
	}
	if len(later) == 0 {
		return nil
	}
	shown := bson.D{
		{Key: "id", Value: oneOf(later)},
		{Key: "pos", Value: bson.D{{Key: "$lte", Value: v.at}}},
		{Key: "to", Value: bson.D{{Key: "$gt", Value: v.at}}},
	}
	for d, err := range v.documents(ctx, typ, historyCollection(typ), shown, projection) {
		if err != nil {
			return err
		}
		found[d.key()] = d
	}
	return nil
}

// documents are those of a type that a filter finds in one of its collections.
func (v *view) documents(ctx context.Context, typ, collection string, filter, projection bson.D) iter.Seq2[*document, error] {
	o := options.Find()
	if projection != nil {
		o.SetProjection(projection)
	}
	return func(yield func(*document, error) bool) {
		for d, err := range rows[document](ctx, v.store.db.Collection(collection), filter, o) {
			if err == nil {
				d.typ = typ
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// rows are what a query finds. The error of an ended context is the context's.
func rows[T any](ctx context.Context, c *mongo.Collection, filter bson.D, o ...options.Lister[options.FindOptions]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		cursor, err := c.Find(ctx, filter, o...)
		if err != nil {
			yield(nil, told(ctx, err))
			return
		}
		defer cursor.Close(context.WithoutCancel(ctx))
		for cursor.Next(ctx) {
			var row T
			if err := cursor.Decode(&row); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&row, nil) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			yield(nil, told(ctx, err))
		}
	}
}

// told is the error of a call to the database, that of the context where this has ended.
func told(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && err != nil {
		return ended
	}
	return err
}

// oneOf is the condition to be one of several values.
func oneOf(values []string) any {
	if len(values) == 1 { // which also servers without a plan for $in look up
		return values[0]
	}
	return bson.D{{Key: "$in", Value: values}}
}

// isType reports whether a text may be the name of a resource type, so that it names no collection of
// other things.
func isType(name string) bool {
	for i := range len(name) {
		c := name[i]
		if upper := 'A' <= c && c <= 'Z'; !upper && (i == 0 || c < 'a' || c > 'z') {
			return false
		}
	}
	return name != ""
}
