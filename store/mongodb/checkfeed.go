package mongodb

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/resources"
	"kiln/store"
)

// feed walks the positions, each of which has one event with its version.
func (a *audit) feed(ctx context.Context) error {
	for next := int64(1); next <= a.at; {
		end := min(next+auditBatch-1, a.at)
		filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: next}, {Key: "$lte", Value: end}}}}
		var events []*event
		for e, err := range rows[event](ctx, a.store.db.Collection(feedCollection), filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}})) {
			if err != nil {
				return err
			}
			for ; next < e.Position; next++ {
				a.problem("feed", store.Key{}, 0, "position %d is missing", next)
			}
			next = e.Position + 1
			events = append(events, e)
		}
		for ; next <= end; next++ {
			a.problem("feed", store.Key{}, 0, "position %d is missing", next)
		}
		if err := a.events(ctx, events); err != nil {
			return err
		}
	}
	return nil
}

// events holds events against the versions that they tell of, and each of these against the one before.
func (a *audit) events(ctx context.Context, events []*event) error {
	var names []edition
	for _, e := range events {
		name := e.edition()
		names = append(names, name)
		if name.version > 1 {
			name.version--
			names = append(names, name)
		}
		if !slices.Contains(a.types, e.Type) && isType(e.Type) {
			a.types = append(a.types, e.Type)
		}
	}
	found, err := a.editions(ctx, names)
	if err != nil {
		return err
	}
	for _, e := range events {
		name := e.edition()
		d := found[name]
		if d == nil {
			a.problem("feed", name.Key, e.Version, "position %d tells of it, and it is not there", e.Position)
			continue
		}
		a.told(e, d)
		if e.Version > 1 {
			name.version--
			if before := found[name]; before == nil {
				a.problem("history", name.Key, e.Version, "the version before is missing")
			} else if before.To != e.Position || before.Number != d.Number {
				a.problem("history", name.Key, e.Version, "the version before does not lead to it")
			}
		}
		if err := a.content(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// told holds an event against the version it tells of. A version that was superseded after the state has a successor that
// the state does not know.
func (a *audit) told(e *event, d *document) {
	if e.Position != d.Position || e.Method != d.Method || e.Updated != d.Updated {
		a.problem("feed", d.key(), d.Version, "position %d tells of another", e.Position)
	}
	if e.To != d.To && (e.To != 0 && e.To <= a.at || d.To != 0 && d.To <= a.at) {
		a.problem("feed", d.key(), d.Version, "feed and history disagree on when it was superseded")
	}
	if deleted := store.Method(d.Method) == store.Delete; deleted != d.Deleted {
		a.problem("history", d.key(), d.Version, "method and tombstone disagree")
	}
}

// content reads the body of a version, and holds it against what the version is said to be.
func (a *audit) content(ctx context.Context, d *document) error {
	if d.Deleted {
		return nil
	}
	body, err := a.store.body(ctx, d)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		a.problem("resource", d.key(), d.Version, "its body cannot be read")
		return nil
	}
	doc, err := resources.Parse(body)
	if err != nil {
		a.problem("resource", d.key(), d.Version, "its body is not the JSON of a resource")
		return nil
	}
	root, err := doc.Resource()
	if err != nil || root.Type().Name != d.typ || root.First("id").Text() != d.ID {
		a.problem("resource", d.key(), d.Version, "its body is that of another resource")
		return nil
	}
	updated, err := time.Parse(time.RFC3339Nano, root.First("meta").First("lastUpdated").Text())
	if err != nil || !updated.Equal(d.Updated.Time()) || root.First("meta").First("versionId").Text() != itoa(d.Version) {
		a.problem("resource", d.key(), d.Version, "its body says another version or time")
	}
	return nil
}
