package mongodb

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

// write is one document to be written. Doing it again is harmless, whatever was written since: a new document
// is not put over another of its name, and one that is replaced or changed must be what it was when the landing was
// planned.
type write struct {
	Collection string   `bson:"c"`
	Name       any      `bson:"n"`           // its _id
	Seen       bson.Raw `bson:"s,omitempty"` // condition on the one that is replaced; none for a new one
	Document   bson.Raw `bson:"d,omitempty"` // put in its place
	Set        bson.Raw `bson:"u,omitempty"` // or: members set
	// Expiring is set where the database may have removed the one that is replaced: then it is a new one.
	Expiring bool `bson:"x,omitempty"`
}

// plan is what a landing does.
type plan struct {
	Turn   int64   `bson:"_id"`
	Name   string  `bson:"name"` // no other has it
	Head   head    `bson:"head"`
	Past   []write `bson:"past"` // into histories: before anything takes their place
	Others []write `bson:"others"`
	bytes  int
}

// empty reports whether nothing is to be done.
func (p *plan) empty() bool { return len(p.Past)+len(p.Others) == 0 }

// plan makes the plan of all that has changed. The error is a *store.LimitError beyond the most bytes.
func (k *stock) plan(most int64) (*plan, error) {
	p := &plan{Turn: k.turn, Name: rand.Text(), Head: k.head}
	p.Head.Turn = k.turn
	p.Head.Plans = slices.Insert(slices.Clone(p.Head.Plans), 0, p.Name)
	p.Head.Plans = p.Head.Plans[:min(len(p.Head.Plans), plansKept)]
	for _, d := range k.past {
		if err := p.insert(&p.Past, historyCollection(d.typ), d.Name, d); err != nil {
			return nil, err
		}
	}
	if err := k.planFeed(p); err != nil {
		return nil, err
	}
	for _, key := range k.keys {
		s := k.documents[key]
		if err := p.put(currentCollection(key.Type), s.next.Name, position(s.stored), s.next); err != nil {
			return nil, err
		}
	}
	for name, s := range k.claims {
		if err := planShelf(p, claimsCollection, name, s, func(c *claim) (int64, bool) { return c.Turn, c.Since != 0 }); err != nil {
			return nil, err
		}
	}
	for name, s := range k.guards {
		if err := planShelf(p, guardsCollection, name, s, func(g *guard) (int64, bool) { return g.Turn, false }); err != nil {
			return nil, err
		}
	}
	for key, s := range k.records {
		if err := planShelf(p, recordsCollection, key.name(), s, func(r *record) (int64, bool) { return r.Turn, r.Removed != 0 }); err != nil {
			return nil, err
		}
	}
	if size := int64(p.bytes); size > most {
		return nil, &store.LimitError{Bytes: size, Most: most}
	}
	return p, nil
}

func (k *stock) planFeed(p *plan) error {
	for _, e := range k.events {
		if end, ok := k.ended[e.Position]; ok { // by a later transaction of the same landing
			e.To, e.Until = end.To, end.Until
			delete(k.ended, e.Position)
		}
		if err := p.insert(&p.Others, feedCollection, e.Position, &e); err != nil {
			return err
		}
	}
	for position, end := range k.ended {
		set, err := bson.Marshal(bson.D{{Key: "to", Value: end.To}, {Key: "lut", Value: end.Until}})
		if err != nil {
			return err
		}
		p.add(&p.Others, write{Collection: feedCollection, Name: position, Set: set})
	}
	return nil
}

// position is the condition to be at one's place in the feed.
func position(d *document) bson.D {
	if d == nil {
		return nil
	}
	return bson.D{{Key: "pos", Value: d.Position}}
}

// planShelf replaces what is on a shelf; from tells of the turn it is of, and whether it expires.
func planShelf[T any](p *plan, collection, name string, s *shelf[T], from func(*T) (turn int64, expires bool)) error {
	if !s.changed {
		return nil
	}
	if s.stored == nil {
		return p.put(collection, name, nil, s.next)
	}
	turn, expires := from(s.stored)
	err := p.put(collection, name, bson.D{{Key: "turn", Value: turn}}, s.next)
	if err == nil {
		p.Others[len(p.Others)-1].Expiring = expires
	}
	return err
}

func (p *plan) insert(list *[]write, collection string, name any, document any) error {
	raw, err := sendable(document)
	if err != nil {
		return err
	}
	p.add(list, write{Collection: collection, Name: name, Document: raw})
	return nil
}

func (p *plan) put(collection, name string, seen bson.D, document any) error {
	if seen == nil {
		return p.insert(&p.Others, collection, name, document)
	}
	raw, err := sendable(document)
	if err != nil {
		return err
	}
	condition, err := bson.Marshal(seen)
	if err != nil {
		return err
	}
	p.add(&p.Others, write{Collection: collection, Name: name, Seen: condition, Document: raw})
	return nil
}

func (p *plan) add(list *[]write, w write) {
	const around = 96
	*list = append(*list, w)
	p.bytes += len(w.Document) + len(w.Set) + len(w.Seen) + len(w.Collection) + around
}

// model is the write as the driver has it.
func (w *write) model() mongo.WriteModel {
	filter := byID(w.Name)
	switch {
	case w.Set != nil:
		return mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(bson.D{{Key: "$set", Value: w.Set}})
	case w.Seen != nil:
		var seen bson.D
		_ = bson.Unmarshal(w.Seen, &seen) // which put wrote
		return mongo.NewReplaceOneModel().SetFilter(append(filter, seen...)).SetReplacement(w.Document).SetUpsert(w.Expiring)
	}
	return mongo.NewInsertOneModel().SetDocument(w.Document)
}

// carryOut does writes, those of one collection together.
func (s *Store) carryOut(ctx context.Context, writes []write, bulk func(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel) error) error {
	var order []string
	models := map[string][]mongo.WriteModel{}
	for i := range writes {
		name := writes[i].Collection
		if models[name] == nil {
			order = append(order, name)
		}
		models[name] = append(models[name], writes[i].model())
	}
	for _, name := range order {
		if err := s.options.step("write " + name); err != nil {
			return err
		}
		if err := bulk(ctx, s.db.Collection(name), models[name]); err != nil {
			return fmt.Errorf("writing to %s: %w", name, err)
		}
	}
	return nil
}

// anyOrder lets a failed write not keep the others from being done.
func anyOrder() *options.BulkWriteOptionsBuilder { return options.BulkWrite().SetOrdered(false) }
