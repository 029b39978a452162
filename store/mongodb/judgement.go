package mongodb

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
)

// judgement is what transactions come to, one after the other, on a committed state. All of them land together.
type judgement struct {
	*view          // the state
	head      head // as it will be
	now       time.Time
	documents map[store.Key]*line
	slots     map[string]map[string]*slot // by collection and name; those that there are, or will be
	written   []slotKey                   // in the order of the first change
	made      []*document                 // all versions, in order
}

// line is a resource in a landing.
type line struct {
	first *document // before, nil where there is none
	made  []*document
}

func (l *line) current() *document {
	switch {
	case l == nil:
		return nil
	case len(l.made) > 0:
		return l.made[len(l.made)-1]
	}
	return l.first
}

type slotKey struct{ collection, name string }

// judgementOn reads what transactions are judged by. What lands meanwhile may be in it: then the head has moved.
func (s *Store) judgementOn(ctx context.Context, h head, txs []store.Transaction) (*judgement, error) {
	j := &judgement{view: h.view(s), head: h, now: s.options.Now(), slots: map[string]map[string]*slot{}}
	j.head.Turn++
	j.head.Updated = max(h.Updated, dateTime(j.now))
	if err := j.loadDocuments(ctx, txs); err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, tx := range txs {
		for _, g := range slices.Concat(tx.Guards, tx.Expects) {
			names[guardsCollection] = append(names[guardsCollection], slotName(g.Key))
		}
		for _, c := range tx.Changes {
			for _, claim := range slices.Concat(c.Claims, j.documents[c.Key].current().claims()) {
				names[claimsCollection] = append(names[claimsCollection], slotName(claim))
			}
		}
		for _, c := range tx.Records {
			names[recordsCollection] = append(names[recordsCollection], recordName(c.Bucket, c.Key))
		}
	}
	for _, collection := range [...]string{guardsCollection, claimsCollection, recordsCollection} {
		slices.Sort(names[collection])
		found, err := s.slots(ctx, collection, slices.Compact(names[collection]))
		if err != nil {
			return nil, err
		}
		j.slots[collection] = found
	}
	return j, nil
}

func (j *judgement) loadDocuments(ctx context.Context, txs []store.Transaction) error {
	var keys []store.Key
	seen := map[store.Key]bool{}
	for _, tx := range txs {
		for _, c := range tx.Changes {
			if !seen[c.Key] {
				seen[c.Key] = true
				keys = append(keys, c.Key)
			}
		}
	}
	found, err := j.lookups(ctx, keys)
	if err != nil {
		return err
	}
	j.documents = make(map[store.Key]*line, len(keys))
	for _, key := range keys {
		j.documents[key] = &line{first: found[key]}
	}
	return nil
}

// claims are those that the version holds.
func (d *document) claims() []string {
	if d == nil {
		return nil
	}
	claims := make([]string, len(d.Claims))
	for i, claim := range d.Claims {
		claims[i] = string(claim.Data)
	}
	return claims
}

// outcome is what a transaction has made.
type outcome struct {
	versions []store.Version
	records  []store.Record
}

// judge refuses a transaction or adds what it makes; a transaction that is refused adds nothing.
func (j *judgement) judge(ctx context.Context, tx store.Transaction) (outcome, error) {
	if j.store.options.Parameters == nil && len(tx.Changes) > 0 {
		return outcome{}, errNoParameters
	}
	for _, check := range [...]func(store.Transaction) error{
		checkDuplicates, j.checkPreconditions, j.checkGuards, j.checkClaims, j.checkRecords,
	} {
		if err := check(tx); err != nil {
			return outcome{}, err
		}
	}
	made, err := j.prepare(ctx, tx.Changes)
	if err != nil {
		return outcome{}, err
	}
	j.bump(tx.Guards)
	j.passClaims(tx.Changes)
	return outcome{j.land(tx.Changes, made), j.writeRecords(tx.Records)}, nil
}

// prepare makes the versions of changes with all that belongs to them but their place; nil for one that
// changes nothing.
func (j *judgement) prepare(ctx context.Context, changes []store.Change) ([]*document, error) {
	made := make([]*document, len(changes))
	for i, c := range changes {
		old := j.documents[c.Key].current()
		if c.Method == store.Delete && (old == nil || old.Deleted) {
			continue
		}
		d := &document{
			Name: c.Key.ID, ID: c.Key.ID, Version: 1, Updated: j.head.Updated,
			Method: int32(c.Method), Deleted: c.Method == store.Delete, typ: c.Key.Type,
		}
		if old != nil {
			d.Version, d.Number = old.Version+1, old.Number
		}
		if !d.Deleted {
			if err := j.fill(ctx, d, c); err != nil {
				return nil, err
			}
		}
		made[i] = d
	}
	return made, nil
}

// fill gives a version its content.
func (j *judgement) fill(ctx context.Context, d *document, c store.Change) error {
	updated := d.Updated.Time().UTC()
	entries := slices.Concat(c.Entries, j.store.options.Parameters.Own(d.ID, updated))
	d.Index = &index{Keys: indexKeys(d.typ, entries), Values: appendValues(nil, entries)}
	for _, claim := range c.Claims {
		d.Claims = append(d.Claims, bson.Binary{Data: []byte(claim)})
	}
	d.text = c.Content.Bytes(d.Version, updated)
	return j.store.setBody(ctx, d, d.text)
}

// land gives versions their places.
func (j *judgement) land(changes []store.Change, made []*document) []store.Version {
	versions := make([]store.Version, len(changes))
	for i, d := range made {
		if d == nil {
			continue
		}
		if d.Number == 0 {
			j.head.Numbers++
			d.Number = j.head.Numbers
		}
		j.head.Position++
		d.Position = j.head.Position
		l := j.documents[changes[i].Key]
		l.made = append(l.made, d)
		j.made = append(j.made, d)
		versions[i] = d.bare()
		versions[i].Body = d.text
	}
	return versions
}

// slot is what one holds, nothing where there is none.
func (j *judgement) slot(collection, name string) state {
	if c := j.slots[collection][name]; c != nil {
		return c.State
	}
	return state{}
}

func (j *judgement) setSlot(collection, name string, to state) {
	to.Turn = j.head.Turn
	before := j.slots[collection][name]
	if before == nil || before.State.Turn != to.Turn {
		j.written = append(j.written, slotKey{collection, name})
	}
	after := before.next(collection, name, to)
	if collection == recordsCollection {
		after.TTL = j.uselessFrom(to)
	}
	j.slots[collection][name] = after
}

// uselessFrom is when a record has expired by the clock of the server, which is not that of the engine.
func (j *judgement) uselessFrom(s state) *bson.DateTime {
	left := time.Duration(0)
	switch {
	case s.Number > 0 && !s.Ends:
		return nil
	case s.Number > 0:
		left = s.Expires.Time().Sub(j.now)
	}
	at := dateTime(time.Now().Add(left))
	return &at
}
