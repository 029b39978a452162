package mongodb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
)

// outcome is what a transaction made.
type outcome struct {
	versions []store.Version
	records  []store.Record
}

// apply does what a transaction asks for, which was judged, over the stock.
func (k *stock) apply(ctx context.Context, tx *store.Transaction) (outcome, error) {
	made := outcome{versions: make([]store.Version, len(tx.Changes))}
	documents, err := k.make(ctx, tx)
	if err != nil {
		return outcome{}, err
	}
	k.bump(tx.Guards)
	for _, c := range tx.Records {
		made.records = append(made.records, k.write(c))
	}
	k.release(tx.Changes)
	for i, d := range documents {
		if d.document == nil {
			continue
		}
		k.land(d.document, tx.Changes[i].Claims)
		made.versions[i] = d.bare()
		made.versions[i].Body = d.text
	}
	return made, nil
}

// drafted is a version with its text.
type drafted struct {
	*document
	text []byte
}

// make makes the versions, before anything is changed: an error leaves the stock as it was.
func (k *stock) make(ctx context.Context, tx *store.Transaction) ([]drafted, error) {
	stamp := max(k.head.Updated, dateTime(k.now.UTC().Truncate(time.Millisecond)))
	next := k.head
	list := make([]drafted, len(tx.Changes))
	for i, c := range tx.Changes {
		old := k.current(c.Key)
		if c.Method == store.Delete && (old == nil || old.Deleted) {
			continue
		}
		if !isType(c.Key.Type) {
			return nil, fmt.Errorf("mongodb: %q is no resource type", c.Key.Type)
		}
		next.Position++
		d := &document{
			Name: c.Key.ID, ID: c.Key.ID, Version: 1, Position: next.Position, Updated: stamp, Method: int32(c.Method),
			Deleted: c.Method == store.Delete, typ: c.Key.Type,
		}
		if old != nil {
			d.Version, d.Number = old.Version+1, old.Number
		} else {
			next.Numbers++
			d.Number = next.Numbers
		}
		list[i].document = d
		if d.Deleted {
			continue
		}
		d.Index = &index{Keys: indexKeys(d.typ, c.Entries), Values: appendValues(nil, c.Entries)}
		d.Claims = claimsOf(c.Claims)
		list[i].text = c.Content.Bytes(d.Version, stamp.Time().UTC())
		if k.preview {
			d.Raw = list[i].text
		} else if err := k.store.setBody(ctx, d, list[i].text); err != nil {
			return nil, err
		}
	}
	next.Updated = k.head.Updated
	if next.Position > k.head.Position {
		next.Updated = stamp
	}
	next.Revision = k.head.Revision
	k.head = next
	return list, nil
}

func claimsOf(names []string) []bson.Binary {
	names = slices.Clone(names)
	slices.Sort(names)
	var list []bson.Binary
	for _, name := range slices.Compact(names) {
		list = append(list, bson.Binary{Data: []byte(name)})
	}
	return list
}

// claimNames are the names of the claims that a version holds.
func (d *document) claimNames() []string {
	if d == nil {
		return nil
	}
	names := make([]string, len(d.Claims))
	for i, c := range d.Claims {
		names[i] = keyName(string(c.Data))
	}
	return names
}

// bump moves guards on; one given twice has moved already when it comes again.
func (k *stock) bump(guards []store.Guard) {
	for _, g := range guards {
		name := keyName(g.Key)
		next := &guard{Name: name, Value: int64(g.Seen + 1), Turn: k.turn}
		if s := k.guards[name]; s != nil && s.stored != nil {
			next.Was = s.stored.past()
		}
		put(k.guards, name, next)
	}
}

// release gives up all claims of the resources that change, before any of them takes its new ones.
func (k *stock) release(changes []store.Change) {
	for _, c := range changes {
		for _, name := range k.current(c.Key).claimNames() {
			put(k.claims, name, &claim{Name: name, Turn: k.turn, Free: true, Since: dateTime(k.now)})
		}
	}
}

// land puts a version in the place of the one before it.
func (k *stock) land(d *document, claims []string) {
	if !d.Deleted {
		for _, name := range claims {
			name = keyName(name)
			put(k.claims, name, &claim{Name: name, Type: d.typ, ID: d.ID, Turn: k.turn})
		}
	}
	key := d.key()
	if old := k.current(key); old != nil {
		past := *old
		past.Name, past.To = edition{key, old.Version}.historyName(), d.Position
		k.past = append(k.past, &past)
		k.ended[old.Position] = event{To: d.Position, Until: d.Updated}
	}
	if s := k.documents[key]; s == nil || !s.changed {
		k.keys = append(k.keys, key)
	}
	put(k.documents, key, d)
	k.events = append(k.events, event{Position: d.Position, Type: d.typ, ID: d.ID, Version: d.Version, Method: d.Method, Updated: d.Updated})
}
