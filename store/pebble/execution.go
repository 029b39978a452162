package pebble

import (
	"context"
	"io"
	"iter"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
	"kiln/store"
)

// execution is one search over one view. Its first error ends it: sets answer "no more" from then on
// and whoever began the search returns the error.
type execution struct {
	*view
	ctx   context.Context
	query *search.Query
	past  *past // the state that later pages show; nil when nothing has changed since

	wanted      map[code]*search.Parameter // parameters of the query
	sorting     map[code]*search.Parameter // those that it sorts by
	id, updated *search.Parameter          // those that only the engine knows, where the query has them
	sorter      *search.Sorter             // nil where no key follows references
	worded      []*search.Parameter        // those of words that the query has
	scanned     []*search.Parameter        // those whose values are taken from the resources, for their index is not whole

	counts    map[code]int // resources by type
	matched   int64        // all matches there are, where the search came by them; else -1
	single    bool         // one type is searched
	loose     bool         // sets may have containers in which nothing matches
	examined  int64
	leaps     int64 // seeks from one member of a set to another
	untilStop int
	err       error

	opened    []*lsm.Iterator // all there are
	idle      []*lsm.Iterator // to be used again
	iterators []*lsm.Iterator // of sets, in the order in which they were made
	keeping   int             // above 0, iterators of sets stay open to the end
	values    *lsm.Iterator
	linked    *lsm.Iterator // of links
	heads     *lsm.Iterator
	looking   *lsm.Iterator            // of versions
	looked    map[uint64]store.Version // what tests have read of the matches
	trace     *trace

	resolved map[hierarchyKey]hierarchy // of Within
}

// walk is an execution in one direction.
type walk struct {
	*execution
	reverse bool
	need    int // how many members of a set will be looked at; 0 is all
}

// checkEvery is how many steps go by between two looks at the context.
const checkEvery = 512

// stopped reports whether the search is over before its end.
func (x *execution) stopped() bool {
	if x.untilStop--; x.untilStop < 0 {
		x.untilStop = checkEvery
		x.fail(x.ctx.Err())
	}
	return x.err != nil
}

func (x *execution) fail(err error) {
	if err != nil && x.err == nil {
		x.err = err
	}
}

// check keeps the error of an iterator.
func (x *execution) check(it *lsm.Iterator) { x.fail(it.Error()) }

// borrow gives an iterator that must be given back; nil after an error.
func (x *execution) borrow(lower, upper []byte) *lsm.Iterator {
	if n := len(x.idle); n > 0 {
		it := x.idle[n-1]
		x.idle = x.idle[:n-1]
		it.SetBounds(lower, upper)
		return it
	}
	it, err := x.another(&lsm.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		x.fail(err)
		return nil
	}
	x.opened = append(x.opened, it)
	return it
}

// another makes an iterator. Without a source the first one fixes the state, and the others are copies
// of it.
func (x *execution) another(o *lsm.IterOptions) (*lsm.Iterator, error) {
	switch {
	case x.view.source != nil:
		return x.view.source.NewIter(o)
	case len(x.opened) > 0:
		return x.opened[0].Clone(lsm.CloneOptions{IterOptions: o})
	}
	return x.store.db.NewIter(o)
}

// NewIter implements source.
func (x *execution) NewIter(o *lsm.IterOptions) (*lsm.Iterator, error) {
	if len(x.opened) == 0 {
		it := x.borrow(nil, nil)
		if it == nil {
			return nil, x.err
		}
		x.giveBack(it)
	}
	return x.another(o)
}

// Get implements source. The value lives until the closer is closed.
func (x *execution) Get(key []byte) ([]byte, io.Closer, error) {
	it := x.borrow(key, nil)
	if it == nil {
		return nil, nil, x.err
	}
	if it.SeekPrefixGE(key) {
		return it.Value(), lent{x, it}, nil
	}
	err := it.Error()
	x.giveBack(it)
	if err == nil {
		err = lsm.ErrNotFound
	}
	return nil, nil, err
}

// lent is an iterator that a value lies in.
type lent struct {
	x  *execution
	it *lsm.Iterator
}

// Close implements io.Closer.
func (l lent) Close() error {
	l.x.giveBack(l.it)
	return nil
}

// giveBack keeps the error of an iterator and lets it be used again.
func (x *execution) giveBack(it *lsm.Iterator) {
	x.check(it)
	x.idle = append(x.idle, it)
}

// iterator gives one that is of a set: it lives as long as the search, or until it is recycled; nil
// after an error.
func (x *execution) iterator(lower, upper []byte) *lsm.Iterator {
	it := x.borrow(lower, upper)
	if it != nil && x.keeping == 0 {
		x.iterators = append(x.iterators, it)
	}
	return it
}

// rest takes back all iterators but those that are kept; no set must be used any more.
func (x *execution) rest() {
	x.recycle(0)
	for _, it := range [...]**lsm.Iterator{&x.values, &x.linked, &x.heads} {
		if *it != nil {
			x.giveBack(*it)
			*it = nil
		}
	}
}

// recycle takes back the iterators of the sets that were made after there were n; those sets must
// not be used any more.
func (x *execution) recycle(n int) {
	x.idle = append(x.idle, x.iterators[n:]...)
	x.iterators = x.iterators[:n]
}

// keep makes sets that outlive what is going on: they belong to a set that was made before.
func (x *execution) keep(open func() set) set {
	x.keeping++
	defer func() { x.keeping-- }()
	return open()
}

// close ends the iterators and gives the error of the search.
func (x *execution) close() error {
	for _, it := range x.opened {
		x.fail(it.Close())
	}
	x.opened, x.idle, x.iterators = nil, nil, nil
	x.values, x.linked, x.heads = nil, nil, nil
	return x.err
}

// want notes the parameters of a tree, whose values are to be read.
func (x *execution) want(e search.Expr) {
	switch e := e.(type) {
	case search.And:
		for _, part := range e {
			x.want(part)
		}
	case search.Or:
		for _, part := range e {
			x.want(part)
		}
	case search.Not:
		x.want(e.Of)
	case search.Test:
		x.wantParameter(e.Param)
	case search.Missing:
		x.wantParameter(e.Param)
	case search.Among:
		for _, param := range e.Params {
			x.wantParameter(param)
		}
	case search.Contained:
		x.wantParameter(search.Containment())
		for _, b := range e.Branches {
			x.want(b.Filter)
		}
	case search.Chain:
		x.wantParameter(search.Containment())
		x.wantParameter(e.Param)
		for _, b := range e.Branches {
			x.want(b.Filter)
		}
	case search.Has:
		x.wantParameter(e.Param)
		x.want(e.Filter)
	case search.Within:
		x.wantParameter(e.Param)
		for _, h := range e.By {
			x.wantParameter(h.Parent)
			x.want(h.Filter)
		}
	}
}

func (x *execution) wantParameter(p *search.Parameter) {
	switch {
	case isLastUpdated(p):
		x.updated = p
	case p.SearchesWords():
		x.wantWords(p)
	default:
		if isID(p) {
			x.id = p // packed of contained resources alone
		}
		if c := x.store.dictionary.parameterCode(p); c != 0 {
			x.wanted[c] = p
		}
	}
}

// wantKey notes the parameters of a sort key, and those of the resources that it leads to.
func (x *execution) wantKey(key search.SortKey) {
	if len(key.Via) == 0 {
		for _, p := range key.Params {
			x.wantSorted(p)
		}
		return
	}
	for i, link := range key.Via {
		x.want(link.Filter)
		for _, p := range link.Params {
			if i == 0 {
				x.wantSorted(p)
			} else {
				x.wantParameter(p)
			}
		}
	}
	x.wantParameter(key.Of)
}

// wantSorted is wantParameter for one that is sorted by.
func (x *execution) wantSorted(p *search.Parameter) {
	x.wantParameter(p)
	if c := x.store.dictionary.parameterCode(p); c != 0 {
		if x.sorting == nil {
			x.sorting = map[code]*search.Parameter{}
		}
		x.sorting[c] = p
	}
}

// resource reads the values of a document that is there, as of the state searched.
func (x *execution) resource(document uint64) (search.Resource, bool) {
	r, ok := x.valuesOf(document, x.wanted)
	if ok && len(x.scanned) > 0 {
		r.Entries = append(r.Entries, x.scan(document)...)
	}
	return r, ok
}

// valuesOf is resource with the values of some parameters.
func (x *execution) valuesOf(document uint64, wanted map[code]*search.Parameter) (search.Resource, bool) {
	if x.past != nil {
		if old, changed := x.past.documents[document]; changed {
			return x.oldResource(document, old.version, wanted)
		}
	}
	if x.values == nil {
		if x.values = x.borrow([]byte{keyValues}, []byte{keyValues + 1}); x.values == nil {
			return search.Resource{}, false
		}
	}
	x.spend(1)
	var buffer [9]byte
	key := documentKey(buffer[:0], keyValues, document)
	if !x.values.SeekGE(key) {
		x.check(x.values)
		return search.Resource{}, false
	}
	found, version, ok := readDocumentKey(x.values.Key())
	if !ok || found != document {
		x.fail(corrupt("index values are missing"))
		return search.Resource{}, false
	}
	r, ok := x.readResource(x.values.Value(), wanted)
	x.deferWords(&r, document, version)
	return r, ok
}

func (x *execution) readResource(value []byte, wanted map[code]*search.Parameter) (search.Resource, bool) {
	record, err := readValues(value)
	if err != nil {
		x.fail(err)
		return search.Resource{}, false
	}
	r := search.Resource{ID: record.id}
	if r.Type, err = x.store.dictionary.typeName(record.typ); err != nil {
		x.fail(err)
		return search.Resource{}, false
	}
	if r.Entries, err = x.store.dictionary.unpack(record.list, wanted); err != nil {
		x.fail(err)
		return search.Resource{}, false
	}
	if x.id != nil {
		r.Entries = append(r.Entries, search.Entry{Param: x.id, Value: search.TokenValue{Code: record.id}})
	}
	if x.updated != nil {
		low := record.lastUpdated * 1000
		r.Entries = append(r.Entries, search.Entry{Param: x.updated, Value: search.DateValue{Low: low, High: low + timeSpan}})
	}
	return r, true
}

// matches tests a document that is there on a filter.
func (x *execution) matches(document uint64, filter search.Expr) bool {
	r, ok := x.resource(document)
	if !ok {
		return false
	}
	return x.meets(r, filter)
}

func (x *execution) meets(r search.Resource, filter search.Expr) bool {
	ok, err := search.Match(x.ctx, filter, r, x)
	x.fail(err)
	return ok && err == nil
}

// locate finds the document of a resource that is there.
func (x *execution) locate(typ code, id string) (document uint64, ok bool) {
	var buffer [96]byte
	return x.locateHead(headKey(buffer[:0], typ, id))
}

// locateHead is locate with the key of the head.
func (x *execution) locateHead(key []byte) (document uint64, ok bool) {
	if x.heads == nil {
		if x.heads = x.borrow([]byte{keyHead}, []byte{keyHead + 1}); x.heads == nil {
			return 0, false
		}
	}
	x.spend(1)
	if !x.heads.SeekPrefixGE(key) {
		x.check(x.heads)
		return 0, false
	}
	h, err := readHead(x.heads.Value())
	x.fail(err)
	if err != nil || h.version == 0 {
		return 0, false
	}
	if x.past != nil {
		if old, changed := x.past.documents[h.document]; changed {
			return h.document, old.there
		}
		if h.document > x.past.last {
			return 0, false
		}
	}
	return h.document, !h.deleted()
}

// Lookup implements search.Source.
func (x *execution) Lookup(_ context.Context, typ, id string) (search.Resource, bool, error) {
	c := x.store.dictionary.typeCode(typ)
	if c == 0 {
		return search.Resource{}, false, nil
	}
	document, ok := x.locate(c, id)
	if !ok {
		return search.Resource{}, false, x.err
	}
	r, ok := x.resource(document)
	return r, ok && x.err == nil, x.err
}

// Referrers implements search.Source.
func (x *execution) Referrers(_ context.Context, typ string, param *search.Parameter, targetType, targetID string) iter.Seq2[search.Resource, error] {
	return func(yield func(search.Resource, error) bool) {
		c := x.store.dictionary.typeCode(typ)
		if c == 0 {
			return
		}
		open := len(x.iterators)
		defer func() { x.recycle(open) }()
		w := &walk{execution: x}
		s := w.restore(c, w.referring(c, param, targetType, targetID), search.Test{
			Param: param, Any: []search.Criterion{search.ReferenceCriterion{Type: targetType, ID: targetID}},
		})
		for d := s.seek(0); d != end && x.err == nil; d = s.seek(d + 1) {
			r, ok := x.resource(d)
			if ok && !yield(r, nil) {
				return
			}
		}
		if x.err != nil {
			yield(search.Resource{}, x.err)
		}
	}
}

// referring are the resources of a type that now refer to a target.
func (x *walk) referring(typ code, param *search.Parameter, targetType, targetID string) set {
	p, target := x.store.dictionary.parameterCode(param), x.store.dictionary.typeCode(targetType)
	if p == 0 || target == 0 {
		return empty{}
	}
	return x.postings(referenceKey(nil, typ, p, target, appendID(nil, targetID)))
}

// referenceKey begins the index keys of the references of a parameter to an id as appendID wrote it.
func referenceKey(b []byte, typ, param, target code, id []byte) []byte {
	return appendCode(append(append(indexPrefix(b, typ, param), indexReference), id...), target)
}

// collected notes how many matches of a type there are.
func (x *execution) collected(n int64) {
	if x.single {
		x.matched = n
	}
}
