package mongodb

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
)

// stock is what transactions are judged on: the committed state, as far as they touch it, and over it what those before
// them in the same landing do.
type stock struct {
	store *Store
	head  head // as it would be after them
	now   time.Time
	turn  int64 // of the landing
	// preview writes nothing: large bodies stay in memory.
	preview bool

	documents map[store.Key]*shelf[document]
	claims    map[string]*shelf[claim]
	guards    map[string]*shelf[guard]
	records   map[recordKey]*shelf[record]
	events    []event         // new ones
	ended     map[int64]event // positions in the feed that got a successor
	past      []*document     // for the history
	keys      []store.Key     // of documents, in the order in which they changed first
}

// shelf holds a thing as the database has it, and as it would become. Either may be nil.
type shelf[T any] struct {
	stored, next *T
	changed      bool
}

func (s *shelf[T]) put(next *T) { s.next, s.changed = next, true }

func put[K comparable, T any](shelves map[K]*shelf[T], key K, next *T) {
	if shelves[key] == nil {
		shelves[key] = &shelf[T]{}
	}
	shelves[key].put(next)
}

func get[K comparable, T any](shelves map[K]*shelf[T], key K) *T {
	if s := shelves[key]; s != nil {
		return s.next
	}
	return nil
}

func stored[K comparable, T any](shelves map[K]*shelf[T], key K, thing *T) {
	shelves[key] = &shelf[T]{stored: thing, next: thing}
}

// newStock reads what some transactions touch. The head must have been read before.
func (s *Store) newStock(ctx context.Context, h head, turn int64, txs []*store.Transaction) (*stock, error) {
	k := &stock{
		store: s, head: h, now: s.options.Now(), turn: turn, documents: map[store.Key]*shelf[document]{}, claims: map[string]*shelf[claim]{},
		guards: map[string]*shelf[guard]{}, records: map[recordKey]*shelf[record]{}, ended: map[int64]event{},
	}
	if err := k.loadDocuments(ctx, txs); err != nil {
		return nil, err
	}
	var claims, guards, records []string
	for _, d := range k.documents {
		claims = append(claims, d.stored.claimNames()...)
	}
	for _, tx := range txs {
		for _, c := range tx.Changes {
			for _, claim := range c.Claims {
				claims = append(claims, keyName(claim))
			}
		}
		for _, g := range slices.Concat(tx.Guards, tx.Expects) {
			guards = append(guards, keyName(g.Key))
		}
		for _, r := range tx.Records {
			records = append(records, recordKey{r.Bucket, r.Key}.name())
		}
	}
	if err := load(ctx, s, claimsCollection, claims, func(c *claim) { stored(k.claims, c.Name, c) }); err != nil {
		return nil, err
	}
	if err := load(ctx, s, guardsCollection, guards, func(g *guard) { stored(k.guards, g.Name, g) }); err != nil {
		return nil, err
	}
	return k, load(ctx, s, recordsCollection, records, func(r *record) { stored(k.records, recordKey{nameKey(r.Bucket), nameKey(r.Key)}, r) })
}

func (k *stock) loadDocuments(ctx context.Context, txs []*store.Transaction) error {
	ids := map[string][]string{}
	for _, tx := range txs {
		for _, c := range tx.Changes {
			if isType(c.Key.Type) {
				ids[c.Key.Type] = append(ids[c.Key.Type], c.Key.ID)
			}
		}
	}
	for typ, ids := range ids {
		err := load(ctx, k.store, currentCollection(typ), ids, func(d *document) {
			d.typ = typ
			stored(k.documents, d.key(), d)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// load reads the documents with these names.
func load[T any](ctx context.Context, s *Store, collection string, names []string, use func(*T)) error {
	slices.Sort(names)
	for part := range slices.Chunk(slices.Compact(names), lookupBatch) {
		for found, err := range rows[T](ctx, s.db.Collection(collection), bson.D{{Key: "_id", Value: oneOf(part)}}) {
			if err != nil {
				return err
			}
			use(found)
		}
	}
	return nil
}

// current is the newest version of a resource, nil if there never was one.
func (k *stock) current(key store.Key) *document { return get(k.documents, key) }
