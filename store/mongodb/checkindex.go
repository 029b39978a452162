package mongodb

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/resources"
	"kiln/store"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// collections walks the versions of each type that the feed tells of, and looks for those that it does not tell of; of the
// newest it compares what they are found by.
func (a *audit) collections(ctx context.Context) error {
	for _, typ := range a.types {
		for _, collection := range [...]string{currentCollection(typ), historyCollection(typ)} {
			var batch []*document
			for d, err := range rows[document](ctx, a.store.db.Collection(collection), bson.D{}, options.Find().SetBatchSize(auditBatch)) {
				if err != nil {
					return err
				}
				d.typ = typ
				if batch = append(batch, d); len(batch) == auditBatch {
					if err := a.documents(ctx, batch); err != nil {
						return err
					}
					batch = nil
				}
			}
			if err := a.documents(ctx, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// documents holds versions against the feed, and the newest against their indexes.
func (a *audit) documents(ctx context.Context, batch []*document) error {
	positions := bson.A{}
	for _, d := range batch {
		positions = append(positions, d.Position)
	}
	told := map[int64]edition{}
	for e, err := range rows[event](ctx, a.store.db.Collection(feedCollection), bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: positions}}}}) {
		if err != nil {
			return err
		}
		told[e.Position] = e.edition()
	}
	for _, d := range batch {
		if d.Position > a.at {
			continue // landed after the state
		}
		if told[d.Position] != (edition{d.key(), d.Version}) {
			a.problem("history", d.key(), d.Version, "the feed does not tell of it")
		}
		newest := d.Name == d.ID
		if newest == (d.To != 0) || !newest && d.Name != (edition{d.key(), d.Version}).historyName() {
			a.problem("history", d.key(), d.Version, "it lies in the wrong place")
			continue
		}
		if newest && !d.Deleted {
			if err := a.found(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// found compares what a resource is found by with what it gives now. Of a search parameter that is being indexed not all
// values are there, so that it is left out.
func (a *audit) found(ctx context.Context, d *document) error {
	if a.store.options.Parameters == nil {
		return nil
	}
	body, err := a.store.body(ctx, d)
	if err != nil {
		return ctx.Err() // told by the feed's walk
	}
	doc, err := resources.Parse(body)
	if err != nil {
		return nil
	}
	root, err := doc.Resource()
	if err != nil {
		return nil
	}
	entries, err := a.store.options.Parameters.Extract(ctx, root)
	if err != nil {
		return ctx.Err()
	}
	want := index{Keys: indexKeys(d.typ, entries), Values: appendValues(nil, entries)}
	if d.Index != nil && a.alike(d.Index, &want) {
		return nil
	}
	if a.repair {
		if d.Index == nil {
			d.Index = &index{}
		}
		if _, err := a.store.restoreIndex(ctx, d, want); err != nil {
			return err
		}
	}
	a.repaired("index", d.key(), d.Version, "what it is found by is not what it gives")
	return nil
}

// alike compares two indexes, but for what belongs to search parameters that are not indexed to the end.
func (a *audit) alike(have, want *index) bool {
	unfinished := map[string]bool{}
	for _, c := range a.store.options.Parameters.Customs() {
		if !c.Progress().Complete {
			for _, p := range c.Parameters {
				unfinished[p.Code] = true
			}
		}
	}
	if len(unfinished) == 0 {
		return bytes.Equal(have.Values, want.Values) && slices.Equal(have.Keys, want.Keys)
	}
	settled := func(keys []string) []string {
		return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
			name, _, _ := strings.Cut(key, "=")
			return unfinished[strings.TrimRight(name, "<>")]
		})
	}
	return slices.Equal(settled(have.Keys), settled(want.Keys))
}

// restoreIndex puts an index in the place of what d has, unless there is another version by now.
func (s *Store) restoreIndex(ctx context.Context, d *document, made index) (ok bool, err error) {
	s.snapshots.keep(d)
	same := bson.D{{Key: "_id", Value: d.ID}, {Key: "pos", Value: d.Position}}
	result, err := s.db.Collection(currentCollection(d.typ)).UpdateOne(ctx, same, bson.D{{Key: "$set", Value: bson.D{{Key: "ix", Value: made}}}})
	if err != nil {
		return false, err
	}
	return result.MatchedCount == 1, nil
}

// claims compares the claims that the newest versions hold with who is noted to hold them.
func (a *audit) claims(ctx context.Context) error {
	noted := map[string]claim{} // those whose holder was not seen yet
	for c, err := range rows[claim](ctx, a.store.db.Collection(claimsCollection), bson.D{}) {
		if err != nil {
			return err
		}
		if !c.Free && c.Turn <= a.turn {
			noted[c.Name] = *c
		}
	}
	for _, typ := range a.types {
		holders := bson.D{{Key: "claims.0", Value: bson.D{{Key: "$exists", Value: true}}}}
		for d, err := range rows[document](ctx, a.store.db.Collection(currentCollection(typ)), holders, options.Find().SetProjection(bson.D{{Key: "ix", Value: 0}, {Key: "r", Value: 0}, {Key: "raw", Value: 0}})) {
			if err != nil {
				return err
			}
			d.typ = typ
			if d.Position > a.at {
				a.forget(noted, d)
				continue
			}
			for _, held := range d.claimNames() {
				name := keyName(held)
				c, ok := noted[name]
				if delete(noted, name); ok && c.Type == d.typ && c.ID == d.ID {
					continue
				}
				if err := a.lostClaim(ctx, d, name); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(noted)) {
		if err := a.idleClaim(ctx, noted[name]); err != nil {
			return err
		}
	}
	return nil
}

// forget leaves out what a version holds that landed after the state.
func (a *audit) forget(noted map[string]claim, d *document) {
	maps.DeleteFunc(noted, func(_ string, c claim) bool { return c.Type == d.typ && c.ID == d.ID })
}

func (a *audit) lostClaim(ctx context.Context, d *document, name string) error {
	if a.repair {
		note := claim{Name: name, Type: d.typ, ID: d.ID, Turn: a.turn}
		if _, err := a.store.db.Collection(claimsCollection).ReplaceOne(ctx, byID(name), note, options.Replace().SetUpsert(true)); err != nil {
			return err
		}
	}
	a.repaired("claim", d.key(), d.Version, "it holds a claim that is not noted as its own")
	return nil
}

func (a *audit) idleClaim(ctx context.Context, c claim) error {
	if a.repair {
		if _, err := a.store.db.Collection(claimsCollection).DeleteOne(ctx, bson.D{{Key: "_id", Value: c.Name}, {Key: "turn", Value: c.Turn}}); err != nil {
			return err
		}
	}
	a.repaired("claim", store.Key{Type: c.Type, ID: c.ID}, 0, "it is noted to hold a claim that it does not hold")
	return nil
}

// indexes looks for the database's own indexes, without which searches would look at every document.
func (a *audit) indexes(ctx context.Context) error {
	var found made
	err := a.store.db.Collection(kilnCollection).FindOne(ctx, byID("indexes")).Decode(&found)
	if err != nil {
		return err
	}
	wanted := maps.Clone(sharedIndexes)
	for _, typ := range found.Types {
		wanted[currentCollection(typ)], wanted[historyCollection(typ)] = currentIndexes, historyIndexes
	}
	for _, collection := range slices.Sorted(maps.Keys(wanted)) {
		if err := a.indexesOf(ctx, collection, wanted[collection]); err != nil {
			return err
		}
	}
	return nil
}

func (a *audit) indexesOf(ctx context.Context, collection string, models []mongo.IndexModel) error {
	specifications, err := a.store.db.Collection(collection).Indexes().ListSpecifications(ctx)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, s := range specifications {
		have[shapeOf(s.KeysDocument)] = true
	}
	for _, model := range models {
		text, err := bson.Marshal(model.Keys)
		if err != nil {
			return err
		}
		if have[shapeOf(text)] || a.store.options.WithoutTransactions && expires(model) {
			continue
		}
		if a.repair {
			if err := a.store.makeIndexes(ctx, collection, []mongo.IndexModel{model}); err != nil {
				return err
			}
		}
		a.repaired("database", store.Key{}, 0, "the collection %s has no index on %s", collection, shapeOf(text))
	}
	return nil
}

// shapeOf are the names that an index is on, in their order.
func shapeOf(keys bson.Raw) string {
	elements, _ := keys.Elements()
	names := make([]string, len(elements))
	for i, e := range elements {
		names[i] = e.Key()
	}
	return strings.Join(names, ", ")
}

// expires reports whether an index removes documents, which some servers without transactions do not do.
func expires(model mongo.IndexModel) bool { return model.Options != nil }
