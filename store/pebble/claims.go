package pebble

import (
	"slices"

	"kiln/store"
)

// checkClaims refuses a claim that another resource holds and keeps, or takes in the same
// transaction.
func (l *landing) checkClaims(_ store.Transaction, changes []prepared) error {
	if !slices.ContainsFunc(changes, func(p prepared) bool { return p.Method != store.Delete && len(p.Claims) > 0 }) {
		return nil
	}
	changed := make(map[store.Key]*store.Change, len(changes))
	for i := range changes {
		changed[changes[i].Key] = changes[i].Change
	}
	taken := map[string]store.Key{}
	for i := range changes {
		c := changes[i].Change
		if c.Method == store.Delete {
			continue
		}
		for _, claim := range c.Claims {
			holder, held := taken[claim]
			if !held {
				var err error
				if holder, held, err = l.holder(claim); err != nil {
					return err
				}
				keeper := changed[holder]
				held = held && (keeper == nil || keeper.Method != store.Delete && slices.Contains(keeper.Claims, claim))
			}
			if held && holder != c.Key {
				return &store.ConflictError{Kind: store.KindClaim, Key: c.Key, Claim: claim, Holder: holder}
			}
			taken[claim] = c.Key
		}
	}
	return nil
}

// holder tells who holds a claim.
func (l *landing) holder(claim string) (store.Key, bool, error) {
	value, closer, err := l.store.db.Get(claimKey(nil, claim))
	if err != nil {
		return store.Key{}, false, ignoreNotFound(err)
	}
	defer closer.Close()
	key, err := l.store.dictionary.readKey(value)
	return key, err == nil, err
}

// readKey reads the type code and id that name a resource.
func (d *dictionary) readKey(b []byte) (store.Key, error) {
	r := unpacker{rest: b}
	typ := code(r.byte())<<8 | code(r.byte())
	key := store.Key{ID: r.id()}
	if r.err != nil || len(r.rest) > 0 {
		return store.Key{}, corrupt("a claim")
	}
	var err error
	key.Type, err = d.typeName(typ)
	return key, err
}

// release gives up the claims of all resources that change, then takes the new ones.
func (l *landing) release(changes []prepared) error {
	for i := range changes {
		if !l.heads[i].claims {
			continue
		}
		claims, err := l.oldClaims(l.heads[i])
		if err != nil {
			return err
		}
		for _, claim := range claims {
			if err := l.batch.Delete(claimKey(nil, claim), nil); err != nil {
				return err
			}
		}
	}
	for i := range changes {
		if changes[i].Method == store.Delete {
			continue
		}
		for _, claim := range changes[i].Claims {
			value := appendID(appendCode(nil, changes[i].typ), changes[i].Key.ID)
			if err := l.batch.Set(claimKey(nil, claim), value, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *landing) oldClaims(h head) ([]string, error) {
	value, closer, err := l.store.db.Get(versionKey(nil, h.document, h.version))
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	record, _, err := readVersionRecord(value)
	if err != nil {
		return nil, err
	}
	return record.claims, nil
}
