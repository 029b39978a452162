package pebble

import (
	"slices"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
	"kiln/store"
)

// scanUnindexed finds the parameters whose index is not whole: what it has of them is not looked at,
// and every resource that the rest of the filter leaves is tested on its text.
func (x *execution) scanUnindexed() {
	params, err := store.Unindexed(x.query)
	if err == nil && len(params) > 0 && x.store.options.Parameters == nil {
		err = &store.UnindexedError{Param: params[0]}
	}
	x.fail(err)
	x.scanned = params
}

func (x *execution) isScanned(p *search.Parameter) bool { return slices.Contains(x.scanned, p) }

// scan takes the values of a document, as of the state searched, from its text.
func (x *execution) scan(document uint64) []search.Entry {
	it := x.borrow([]byte{keyVersion}, []byte{keyVersion + 1})
	if it == nil {
		return nil
	}
	version := x.textOf(it, document)
	x.giveBack(it)
	if x.err != nil || version.Deleted() {
		return nil
	}
	entries, err := store.Scan(x.ctx, x.store.options.Parameters, version, x.scanned)
	x.fail(err)
	return entries
}

// textOf reads the version of a document that is there in the state searched.
func (x *execution) textOf(it *lsm.Iterator, document uint64) (version store.Version) {
	x.spend(1)
	var err error
	if x.past != nil {
		if old, changed := x.past.documents[document]; changed {
			version, err = x.store.getVersion(x, document, old.version)
			x.fail(err)
			return version
		}
	}
	return x.version(it, document)
}

// unindexedLeg is a test on the text of each resource.
func unindexedLeg(e search.Expr) leg {
	return leg{expr: e, operation: "scan", test: tuned.test}
}

// indexedParts parts a conjunction into what the index may serve and tests of parameters that are
// scanned for, which must not be joined with others into postings.
func (x *walk) indexedParts(e search.And) (indexed, tested search.And) {
	if len(x.scanned) == 0 {
		return e, nil
	}
	for _, part := range e {
		if t, ok := part.(search.Test); ok && x.isScanned(t.Param) {
			tested = append(tested, part)
		} else {
			indexed = append(indexed, part)
		}
	}
	return indexed, tested
}
