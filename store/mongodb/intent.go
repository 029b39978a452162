package mongodb

import (
	"context"
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

// intent is all that a landing does. Each part is written only where it has not been yet, so that an intent may be done
// again, by anybody and however late.
type intent struct {
	Head    head          `bson:"head"` // as it is afterwards
	Newest  []replacement `bson:"new,omitempty"`
	History []placed      `bson:"old,omitempty"`
	Feed    []event       `bson:"feed,omitempty"`
	Past    []event       `bson:"past,omitempty"` // events of before, with their end
	Slots   []written     `bson:"slots,omitempty"`
}

// placed is a document of a type.
type placed struct {
	Type     string    `bson:"t"`
	Document *document `bson:"d"`
}

// replacement takes the place of the version at a position, 0 where there is none.
type replacement struct {
	placed `bson:",inline"`
	Before int64 `bson:"before"`
}

type written struct {
	Collection string `bson:"c"`
	Slot       *slot  `bson:"d"`
}

// intent is what the landing has to do, nil for nothing.
func (j *judgement) intent() *intent {
	if len(j.made) == 0 && len(j.written) == 0 {
		return nil
	}
	i := &intent{Head: j.head}
	for _, d := range j.made {
		i.Feed = append(i.Feed, event{
			Position: d.Position, Type: d.typ, ID: d.ID, Version: d.Version, Method: d.Method, Updated: d.Updated,
		})
	}
	for _, l := range j.documents {
		i.replace(l, j.at)
	}
	for _, key := range j.written {
		i.Slots = append(i.Slots, written{key.collection, j.slots[key.collection][key.name]})
	}
	return i
}

// replace moves the versions of a resource that have a successor into the history.
func (i *intent) replace(l *line, at int64) {
	if len(l.made) == 0 {
		return
	}
	newest, before := l.current(), int64(0)
	if l.first != nil {
		before = l.first.Position
	}
	i.Newest = append(i.Newest, replacement{placed{newest.typ, newest}, before})
	for n, next := range l.made {
		old := l.first
		if n > 0 {
			old = l.made[n-1]
		}
		if old == nil {
			continue
		}
		past := *old
		past.Name, past.To = edition{old.key(), old.Version}.historyName(), next.Position
		i.History = append(i.History, placed{old.typ, &past})
		if old.Position > at {
			e := &i.Feed[old.Position-at-1]
			e.To, e.Until = next.Position, next.Updated
		} else {
			i.Past = append(i.Past, event{Position: old.Position, To: next.Position, Until: next.Updated})
		}
	}
}

// preview is the view of what would land.
func (j *judgement) preview() *view {
	over := &overlay{number: rand.Uint64() | 1, documents: map[store.Key]*document{}, order: j.made, guards: map[string]uint64{}}
	for key, l := range j.documents {
		if len(l.made) > 0 {
			over.documents[key] = l.current()
		}
	}
	for _, key := range j.written {
		if key.collection == guardsCollection {
			over.guards[key.name] = j.slots[key.collection][key.name].State.Number
		}
	}
	v := *j.view
	v.over = over
	return &v
}

// do writes what belongs to a landing but the head. Versions are in the history before another takes their place.
func (i *intent) do(ctx context.Context, db *mongo.Database) error {
	for _, writes := range [...]map[string][]mongo.WriteModel{i.history(), i.newest(), {feedCollection: i.feed()}, i.slots()} {
		for collection, models := range writes {
			if err := writeAll(ctx, db.Collection(collection), models); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeAll writes; what is there already has been written before.
func writeAll(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel) error {
	if len(models) == 0 {
		return nil
	}
	_, err := c.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(mongo.SessionFromContext(ctx) != nil))
	if mongo.SessionFromContext(ctx) == nil && allDuplicates(err) {
		return nil
	}
	return err
}

func (i *intent) history() map[string][]mongo.WriteModel {
	writes := map[string][]mongo.WriteModel{}
	for _, p := range i.History {
		name := historyCollection(p.Type)
		writes[name] = append(writes[name], mongo.NewInsertOneModel().SetDocument(p.Document))
	}
	return writes
}

func (i *intent) newest() map[string][]mongo.WriteModel {
	writes := map[string][]mongo.WriteModel{}
	for _, r := range i.Newest {
		name := currentCollection(r.Type)
		var write mongo.WriteModel = mongo.NewInsertOneModel().SetDocument(r.Document)
		if r.Before > 0 {
			before := bson.D{{Key: "_id", Value: r.Document.Name}, {Key: "pos", Value: r.Before}}
			write = mongo.NewReplaceOneModel().SetFilter(before).SetReplacement(r.Document)
		}
		writes[name] = append(writes[name], write)
	}
	return writes
}

func (i *intent) feed() (writes []mongo.WriteModel) {
	for _, e := range i.Feed {
		writes = append(writes, mongo.NewInsertOneModel().SetDocument(e))
	}
	for _, e := range i.Past {
		end := bson.D{{Key: "$set", Value: bson.D{{Key: "to", Value: e.To}, {Key: "lut", Value: e.Until}}}}
		writes = append(writes, mongo.NewUpdateOneModel().SetFilter(byID(e.Position)).SetUpdate(end))
	}
	return writes
}

func (i *intent) slots() map[string][]mongo.WriteModel {
	writes := map[string][]mongo.WriteModel{}
	for _, w := range i.Slots {
		var write mongo.WriteModel = mongo.NewInsertOneModel().SetDocument(w.Slot)
		if len(w.Slot.Was) > 0 {
			before := bson.D{{Key: "_id", Value: w.Slot.Name}, {Key: "turn", Value: bson.D{{Key: "$lt", Value: w.Slot.State.Turn}}}}
			write = mongo.NewReplaceOneModel().SetFilter(before).SetReplacement(w.Slot)
		}
		writes[w.Collection] = append(writes[w.Collection], write)
	}
	return writes
}
