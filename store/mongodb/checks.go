package mongodb

import (
	"errors"
	"slices"

	"kiln/store"
)

// errNoParameters: parameters compiled here would be others than those of the caller's queries, and
// no entry would ever match.
var errNoParameters = errors.New("mongodb: Options.Parameters is missing, without which resources cannot be indexed")

func checkDuplicates(tx store.Transaction) error {
	keys := make(map[store.Key]bool, len(tx.Changes))
	for _, c := range tx.Changes {
		if keys[c.Key] {
			return &store.ConflictError{Kind: store.KindDuplicate, Key: c.Key}
		}
		keys[c.Key] = true
	}
	records := make(map[[2]string]bool, len(tx.Records))
	for _, c := range tx.Records {
		key := [2]string{c.Bucket, c.Key}
		if records[key] {
			return &store.ConflictError{Kind: store.KindDuplicate, Claim: c.Key}
		}
		records[key] = true
	}
	return nil
}

func (j *judgement) checkPreconditions(tx store.Transaction) error {
	for _, c := range tx.Changes {
		version := int64(0)
		if d := j.documents[c.Key].current(); d != nil {
			version = d.Version
		}
		switch {
		case c.If.Kind == store.IfVersion && version != c.If.Version:
			return &store.ConflictError{Kind: store.KindVersion, Key: c.Key, Current: version}
		case c.If.Kind == store.IfAbsent && version != 0:
			return &store.ConflictError{Kind: store.KindExists, Key: c.Key, Current: version}
		}
	}
	return nil
}

func (j *judgement) checkGuards(tx store.Transaction) error {
	for _, g := range slices.Concat(tx.Guards, tx.Expects) {
		if j.slot(guardsCollection, slotName(g.Key)).Number != g.Seen {
			return &store.ConflictError{Kind: store.KindGuard, Claim: g.Key}
		}
	}
	return nil
}

// bump moves guards on; one given twice has moved already when it comes again.
func (j *judgement) bump(guards []store.Guard) {
	for _, g := range guards {
		j.setSlot(guardsCollection, slotName(g.Key), state{Number: g.Seen + 1})
	}
}

// checkClaims refuses a claim that another resource holds and keeps, or takes in the same transaction.
func (j *judgement) checkClaims(tx store.Transaction) error {
	changed := make(map[store.Key]store.Change, len(tx.Changes))
	for _, c := range tx.Changes {
		changed[c.Key] = c
	}
	taken := map[string]store.Key{}
	for _, c := range tx.Changes {
		if c.Method == store.Delete {
			continue
		}
		for _, claim := range c.Claims {
			holder, held := taken[claim]
			if !held {
				holder = j.slot(claimsCollection, slotName(claim)).holder()
				keeper, changes := changed[holder]
				held = holder != store.Key{} && (!changes || keeper.Method != store.Delete && slices.Contains(keeper.Claims, claim))
			}
			if held && holder != c.Key {
				return &store.ConflictError{Kind: store.KindClaim, Key: c.Key, Claim: claim, Holder: holder}
			}
			taken[claim] = c.Key
		}
	}
	return nil
}

// passClaims gives up the claims of the resources that change, and then takes the new ones.
func (j *judgement) passClaims(changes []store.Change) {
	for _, c := range changes {
		for _, claim := range j.documents[c.Key].current().claims() {
			j.setSlot(claimsCollection, slotName(claim), state{})
		}
	}
	for _, c := range changes {
		if c.Method == store.Delete {
			continue
		}
		for _, claim := range c.Claims {
			j.setSlot(claimsCollection, slotName(claim), state{Type: c.Key.Type, ID: c.Key.ID})
		}
	}
}

func (j *judgement) checkRecords(tx store.Transaction) error {
	for _, c := range tx.Records {
		found := j.slot(recordsCollection, recordName(c.Bucket, c.Key))
		if revision := found.revision(j.now); c.Revision != store.AnyRevision && c.Revision != revision {
			return &store.ConflictError{Kind: store.KindRecord, Claim: c.Key}
		}
	}
	return nil
}

// writeRecords puts or, for a nil value, removes records.
func (j *judgement) writeRecords(changes []store.RecordChange) []store.Record {
	written := make([]store.Record, len(changes))
	for i, c := range changes {
		name := recordName(c.Bucket, c.Key)
		if c.Value == nil {
			if j.slot(recordsCollection, name).Number > 0 {
				j.setSlot(recordsCollection, name, state{})
			}
			continue
		}
		j.head.Revision++
		to := state{Number: uint64(j.head.Revision), Value: slices.Clone(c.Value)}
		if !c.Expires.IsZero() {
			to.Ends, to.Expires = true, dateTime(c.Expires)
		}
		j.setSlot(recordsCollection, name, to)
		written[i] = to.record(c.Key)
	}
	return written
}
