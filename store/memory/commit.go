package memory

import (
	"errors"
	"slices"
	"time"

	"kiln/search"
	"kiln/store"
)

// errNoParameters: parameters compiled here would be others than those of the caller's queries, and
// no entry would ever match.
var errNoParameters = errors.New("memory: Options.Parameters is missing, without which resources cannot be indexed")

// apply checks a transaction and then lands it. A state that it refused must not be used again.
func (s *state) apply(tx store.Transaction, options Options) ([]store.Version, error) {
	if options.Parameters == nil && len(tx.Changes) > 0 {
		return nil, errNoParameters
	}
	now := options.Now()
	for _, check := range [...]func(*state, store.Transaction, time.Time) error{
		checkDuplicates, checkPreconditions, checkGuards, checkClaims, checkRecords,
	} {
		if err := check(s, tx, now); err != nil {
			return nil, err
		}
	}
	s.bump(tx.Guards)
	s.sweep(now)
	for _, c := range tx.Records {
		s.write(c)
	}
	return s.land(tx.Changes, s.stamp(now), options.Parameters), nil
}

// stamp is the time of a commit: the clock to the millisecond, but never before the last commit.
func (s *state) stamp(now time.Time) time.Time {
	now = now.UTC().Truncate(time.Millisecond)
	if now.Before(s.lastUpdated) {
		return s.lastUpdated
	}
	return now
}

func checkDuplicates(_ *state, tx store.Transaction, _ time.Time) error {
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

func checkPreconditions(s *state, tx store.Transaction, _ time.Time) error {
	for _, c := range tx.Changes {
		version, _ := s.current(c.Key)
		switch {
		case c.If.Kind == store.IfVersion && version != c.If.Version:
			return &store.ConflictError{Kind: store.KindVersion, Key: c.Key, Current: version}
		case c.If.Kind == store.IfAbsent && version != 0:
			return &store.ConflictError{Kind: store.KindExists, Key: c.Key, Current: version}
		}
	}
	return nil
}

func checkGuards(s *state, tx store.Transaction, _ time.Time) error {
	for _, g := range slices.Concat(tx.Guards, tx.Expects) {
		if _, value, _ := s.guards.Get(g.Key); value != g.Seen {
			return &store.ConflictError{Kind: store.KindGuard, Claim: g.Key}
		}
	}
	return nil
}

// checkClaims refuses a claim that another resource holds and keeps, or takes in the same
// transaction.
func checkClaims(s *state, tx store.Transaction, _ time.Time) error {
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
				_, holder, held = s.claims.Get(claim)
				keeper, changes := changed[holder]
				held = held && (!changes || keeper.Method != store.Delete && slices.Contains(keeper.Claims, claim))
			}
			if held && holder != c.Key {
				return &store.ConflictError{Kind: store.KindClaim, Key: c.Key, Claim: claim, Holder: holder}
			}
			taken[claim] = c.Key
		}
	}
	return nil
}

func checkRecords(s *state, tx store.Transaction, now time.Time) error {
	for _, c := range tx.Records {
		if err := s.checkRevision(recordKey{c.Bucket, c.Key}, c.Revision, now); err != nil {
			return err
		}
	}
	return nil
}

// bump moves guards on; one given twice has moved already when it comes again.
func (s *state) bump(guards []store.Guard) {
	for _, g := range guards {
		s.guards.ReplaceOrInsert(g.Key, g.Seen+1)
	}
}

func (s *state) land(changes []store.Change, now time.Time, parameters *search.Parameters) []store.Version {
	s.release(changes)
	versions := make([]store.Version, len(changes))
	for i, c := range changes {
		if _, exists := s.current(c.Key); c.Method == store.Delete && !exists {
			continue
		}
		versions[i] = s.add(c, now, parameters).Version
	}
	return versions
}

// release gives up all claims of the resources that change, before any of them takes its new ones.
func (s *state) release(changes []store.Change) {
	for _, c := range changes {
		if d := s.document(c.Key); d != nil {
			for _, claim := range d.last().claims {
				s.claims.Delete(claim)
			}
		}
	}
}

// add appends a version to its document and to the feed.
func (s *state) add(c store.Change, now time.Time, parameters *search.Parameters) *version {
	d := document{key: c.Key}
	if old := s.document(c.Key); old != nil {
		d = *old
	} else {
		s.created++
		d.number = s.created
	}
	s.position++
	s.lastUpdated = now
	v := &version{
		Version: store.Version{
			Key: c.Key, VersionID: int64(len(d.versions)) + 1, LastUpdated: now, Method: c.Method,
		},
		position: s.position,
		number:   d.number,
	}
	if c.Method != store.Delete {
		v.Body = c.Content.Bytes(v.VersionID, now)
		v.entries = slices.Concat(c.Entries, parameters.Own(c.Key.ID, now))
		v.claims = slices.Clone(c.Claims)
	}
	for _, claim := range v.claims {
		s.claims.ReplaceOrInsert(claim, c.Key)
	}
	d.versions = append(slices.Clip(d.versions), v)
	s.documents.ReplaceOrInsert(c.Key, &d)
	s.feed.ReplaceOrInsert(v.position, v)
	return v
}
