package mongodb

import (
	"context"
	"errors"
	"slices"

	"kiln/store"
)

// judge looks for what stands in the way of a transaction, in the order of the contract.
func (k *stock) judge(tx *store.Transaction) error {
	for _, check := range [...]func(*store.Transaction) error{
		k.checkDuplicates, k.checkPreconditions, k.checkGuards, k.checkClaims, k.checkRecords,
	} {
		if err := check(tx); err != nil {
			return err
		}
	}
	return nil
}

func (k *stock) checkDuplicates(tx *store.Transaction) error {
	keys := make(map[store.Key]bool, len(tx.Changes))
	for _, c := range tx.Changes {
		if keys[c.Key] {
			return &store.ConflictError{Kind: store.KindDuplicate, Key: c.Key}
		}
		keys[c.Key] = true
	}
	records := make(map[recordKey]bool, len(tx.Records))
	for _, c := range tx.Records {
		key := recordKey{c.Bucket, c.Key}
		if records[key] {
			return &store.ConflictError{Kind: store.KindDuplicate, Claim: c.Key}
		}
		records[key] = true
	}
	return nil
}

func (k *stock) checkPreconditions(tx *store.Transaction) error {
	for _, c := range tx.Changes {
		version := int64(0)
		if d := k.current(c.Key); d != nil {
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

func (k *stock) checkGuards(tx *store.Transaction) error {
	for _, g := range slices.Concat(tx.Guards, tx.Expects) {
		value := uint64(0)
		if found := get(k.guards, keyName(g.Key)); found != nil {
			value = uint64(found.Value)
		}
		if value != g.Seen {
			return &store.ConflictError{Kind: store.KindGuard, Claim: g.Key}
		}
	}
	return nil
}

// checkClaims refuses a claim that another resource holds and keeps, or takes in the same
// transaction.
func (k *stock) checkClaims(tx *store.Transaction) error {
	changed := make(map[store.Key]*store.Change, len(tx.Changes))
	for i := range tx.Changes {
		changed[tx.Changes[i].Key] = &tx.Changes[i]
	}
	taken := map[string]store.Key{}
	for _, c := range tx.Changes {
		if c.Method == store.Delete {
			continue
		}
		for _, name := range c.Claims {
			holder, held := taken[name]
			if found := get(k.claims, keyName(name)); !held && found != nil && !found.Free {
				holder = store.Key{Type: found.Type, ID: found.ID}
				keeper := changed[holder]
				held = keeper == nil || keeper.Method != store.Delete && slices.Contains(keeper.Claims, name)
			}
			if held && holder != c.Key {
				return &store.ConflictError{Kind: store.KindClaim, Key: c.Key, Claim: name, Holder: holder}
			}
			taken[name] = c.Key
		}
	}
	return nil
}

func (k *stock) checkRecords(tx *store.Transaction) error {
	for _, c := range tx.Records {
		current := uint64(0)
		if r := get(k.records, recordKey{c.Bucket, c.Key}); r.live(k.now) {
			current = uint64(r.Now.Revision)
		}
		if c.Revision != store.AnyRevision && c.Revision != current {
			return &store.ConflictError{Kind: store.KindRecord, Claim: c.Key}
		}
	}
	return nil
}

// judge judges a transaction on the newest state and gives the view of what it would do.
func (s *Store) judge(ctx context.Context, tx store.Transaction) (*view, error) {
	k, err := s.stockAtRest(ctx, &tx)
	if err != nil {
		return nil, err
	}
	k.preview = true
	v := &view{store: s, at: k.head.Position, turn: k.head.Turn, shown: shownAt(ctx)}
	if err := k.judge(&tx); err != nil {
		return nil, err
	}
	if _, err := k.apply(ctx, &tx); err != nil {
		return nil, err
	}
	v.over = &overlay{number: s.previewed.Add(1), documents: map[store.Key]*document{}, guards: map[string]uint64{}}
	for _, key := range k.keys {
		d := get(k.documents, key)
		v.over.documents[key] = d
		v.over.order = append(v.over.order, d)
	}
	for name, g := range k.guards {
		if g.changed {
			v.over.guards[nameKey(name)] = uint64(g.next.Value)
		}
	}
	return v, nil
}

// stockAtRest reads what a transaction touches as of one committed state.
func (s *Store) stockAtRest(ctx context.Context, tx *store.Transaction) (*stock, error) {
	for {
		if _, err := s.now(ctx); err != nil { // which waits for the commits of this process
			return nil, err
		}
		h, err := s.readHead(ctx)
		if err != nil {
			return nil, err
		}
		k, err := s.newStock(ctx, h, h.Turn+1, []*store.Transaction{tx})
		if err != nil || !k.newer() {
			return k, err
		}
		if err := s.rest(ctx); err != nil {
			return nil, err
		}
	}
}

// rest waits for who is landing. In ordered steps that may be somebody who is not there any more.
func (s *Store) rest(ctx context.Context) error {
	if !s.options.WithoutTransactions {
		return nil
	}
	_, turn, err := s.takeTurn(ctx)
	if err == nil {
		err = s.giveTurnBack(ctx, turn)
	}
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// newer reports whether something in the stock is newer than its head, from a landing that came between, or is under
// way.
func (k *stock) newer() bool {
	for _, d := range k.documents {
		if d.stored.Position > k.head.Position {
			return true
		}
	}
	for _, c := range k.claims {
		if c.stored.Turn > k.head.Turn {
			return true
		}
	}
	for _, g := range k.guards {
		if g.stored.Turn > k.head.Turn {
			return true
		}
	}
	for _, r := range k.records {
		if r.stored.Turn > k.head.Turn {
			return true
		}
	}
	return false
}
