package pebble

import (
	"bytes"
	"encoding/binary"
	"slices"

	"kiln/search"
)

// leg is one part of a filter as the index can serve it.
type leg struct {
	expr      search.Expr
	operation string
	detail    string // for the plan; empty where expr tells it
	sorts     bool   // the order of the query is part of the detail
	negated   bool   // the operation is the opposite of the one named
	// open gives the set; nil where only a test serves. It costs opening keys at once, and little
	// where the set is read as it is walked.
	open    func(x *walk) set
	opening int
	// size is how many documents there are at most, exact below probed.
	size, probed int
	measure      func(limit int) int // counts the documents up to a limit
	of           code                // the type, where size is unsized
	guess        func() int          // how many there are, when they are too many to count
	test         int                 // cost of testing one document
	check        func(uint64) bool   // tests one document; by its values if nil
	// negative tells that open and size are of the documents to leave out.
	negative bool
	lazy     bool   // opening costs nothing; else it costs the size
	parted   bool   // opening takes seeking that counting may spare
	scans    int    // ranges to seek
	known    *known // what counting came by; nil where it comes by nothing
	broad    bool   // sizing costs more than testing what a small leg leaves
}

// known are the documents that counting the keys of scans came by.
type known struct {
	set set // of all of them, once they are counted to the end and no value has to be looked at

	keys      int    // counted
	scan      int    // to go on with
	after     []byte // the key to go on after; nil at the beginning of a scan
	documents []uint64
	unsure    bool // some key did not tell
}

// keep makes the set.
func (k *known) keep(x *walk) {
	slices.Sort(k.documents)
	k.set = &list{x, slices.Compact(k.documents)}
}

func (k *known) whole() bool { return k != nil && k.set != nil }

// legs takes a filter apart for the resources of a type.
func (x *walk) legs(typ code, e search.Expr) []leg {
	switch e := e.(type) {
	case nil:
		return nil
	case search.And:
		var list []leg
		indexed, tested := x.indexedParts(e)
		rest := append(x.windows(typ, x.dated(typ, indexed, &list), &list), tested...)
		for _, part := range rest {
			list = append(list, x.legs(typ, part)...)
		}
		return list
	case search.Or:
		if len(e) == 1 {
			return x.legs(typ, e[0])
		}
		return []leg{x.orLeg(typ, e)}
	case search.Not:
		return []leg{x.notLeg(typ, e)}
	case search.Test:
		if e.Param.SearchesWords() {
			return x.wordLegs(typ, e)
		}
		return []leg{x.testLeg(typ, e)}
	case search.Missing:
		return []leg{x.missingLeg(typ, e)}
	case search.Among:
		return []leg{x.amongLeg(typ, e)}
	case search.Chain:
		return []leg{x.chainLeg(typ, e)}
	case search.Has:
		return []leg{x.hasLeg(typ, e)}
	case search.Within:
		return []leg{x.withinLeg(typ, e)}
	case search.Contained:
		return []leg{x.containedLeg(typ, e)}
	}
	return []leg{fixed(e, "nothing", "", empty{}, 0)}
}

// fixed is a leg whose set is at hand.
func fixed(e search.Expr, operation, detail string, s set, size int) leg {
	return leg{
		expr: e, operation: operation, detail: detail, open: func(*walk) set { return s },
		size: size, probed: size + 1, test: tuned.test, lazy: true,
	}
}

// orLeg unites what the parts match.
func (x *walk) orLeg(typ code, e search.Or) leg {
	if len(e) == 0 {
		return fixed(e, "nothing", "", empty{}, 0)
	}
	parts := make([][]leg, len(e))
	for i, part := range e {
		parts[i] = x.legs(typ, part)
	}
	l := leg{expr: e, operation: "union", test: tuned.test, lazy: true}
	l.measure = func(limit int) int {
		n := 0
		for _, legs := range parts {
			n += x.smallest(typ, legs, limit)
		}
		return min(n, limit)
	}
	l.guess = func() int { return x.live(typ) }
	for _, legs := range parts {
		for i := range legs {
			l.scans += legs[i].scans
		}
	}
	if l.scans > sampled { // a set of many, such as the patients of an access predicate
		l.lazy, l.guess = false, func() int { return x.guessUnion(typ, parts) }
	}
	l.open = func(x *walk) set {
		sets := make([]set, len(e))
		for i, part := range e {
			sets[i] = x.plan(typ, part)
		}
		return unite(sets)
	}
	return l
}

// guessUnion is how many documents the parts of a union have together, about.
func (x *walk) guessUnion(typ code, parts [][]leg) int {
	n, all := 0, x.live(typ)
	for _, legs := range parts {
		least := all
		for i := range legs {
			if l := &legs[i]; !l.negative && l.guess != nil {
				least = min(least, l.guess())
			}
		}
		n += least
	}
	return min(n, all)
}

// smallest is how many documents the most selective leg has, up to a limit.
func (x *walk) smallest(typ code, legs []leg, limit int) int {
	least := min(limit, x.live(typ))
	for i := range legs {
		if l := &legs[i]; !l.negative && l.open != nil {
			least = min(least, l.sized(least))
		}
	}
	return least
}

// sized counts the documents of a leg up to a limit.
func (l *leg) sized(limit int) int {
	if l.probed < limit && l.measure != nil {
		l.size, l.probed = l.measure(limit), limit
	}
	return min(l.size, limit)
}

// notLeg leaves out what its part matches.
func (x *walk) notLeg(typ code, e search.Not) leg {
	if inner, ok := e.Of.(search.Not); ok {
		return leg{
			expr: inner.Of, operation: "not", open: func(x *walk) set { return x.plan(typ, inner.Of) },
			measure: func(limit int) int { return x.smallest(typ, x.legs(typ, inner.Of), limit) },
			guess:   func() int { return x.live(typ) }, test: tuned.test, lazy: true,
		}
	}
	legs := x.legs(typ, e.Of)
	l := leg{expr: e, operation: "not", test: tuned.test, negative: true, lazy: true}
	if len(legs) == 1 && !legs[0].negative && legs[0].open != nil {
		l = legs[0]
		l.expr, l.negative, l.negated = e, true, true
		if met := l.check; met != nil {
			l.check = func(document uint64) bool { return !met(document) }
		}
		return l
	}
	l.open = func(x *walk) set { return x.plan(typ, e.Of) }
	l.measure = func(limit int) int { return x.smallest(typ, legs, limit) }
	l.guess = func() int { return x.live(typ) }
	return l
}

// testLeg lowers the criteria of a parameter.
func (x *walk) testLeg(typ code, t search.Test) leg {
	if x.isScanned(t.Param) {
		return unindexedLeg(t)
	}
	if isID(t.Param) {
		if l, ok := x.idLeg(typ, t); ok {
			return l
		}
		return leg{expr: t, operation: "scan", test: tuned.test}
	}
	param := x.store.dictionary.parameterCode(t.Param)
	if param == 0 {
		return fixed(t, "nothing", "", empty{}, 0) // no resource ever had a value
	}
	return x.scanLeg(t, x.testScans(typ, param, t))
}

// testScans are the ranges of keys that hold what meets the criteria.
func (x *walk) testScans(typ, param code, t search.Test) (scans []scan) {
	prefix := indexPrefix(nil, typ, param)
	l := lowering{x: x, prefix: prefix, single: true}
	if t.Param.Nearby() && manyRanges(t) {
		return []scan{l.anywhere(t)}
	}
	for _, c := range t.Any {
		if token, ok := c.(search.TokenCriterion); ok && token.AnyCode && t.Modifier == search.Plain {
			scans = append(scans, x.systemScans(typ, param, token)...)
			continue
		}
		more, ok := l.lower(t.Modifier, c)
		if !ok {
			return []scan{whole(prefix, always(maybe))}
		}
		scans = append(scans, more...)
	}
	return scans
}

// scanLeg makes a leg of scans. Few postings are walked, anything else is collected.
func (x *walk) scanLeg(t search.Test, scans []scan) leg {
	l := leg{expr: t, test: tuned.test, known: &known{}, scans: len(scans)}
	found := l.known
	l.measure = func(limit int) int { return x.peek(found, scans, limit) }
	l.guess = func() int {
		n, step := 0, max(1, len(scans)/sampled)
		for i := 0; i < len(scans); i += step {
			n += step * x.guess(scans[i].lower, scans[i].upper)
		}
		return n
	}
	l.operation, l.lazy = "equal", len(scans) <= tuned.scans
	for _, s := range scans {
		l.parted = l.parted || s.tail > 0
		l.lazy = l.lazy && (s.posting || s.tail > 0)
	}
	if !l.lazy {
		l.operation = "range"
	}
	lazy := l.lazy
	l.open = func(x *walk) set {
		switch {
		case found.whole():
			return found.set
		case lazy:
			return x.equal(t, scans)
		}
		return x.collect(t, scans).set(x)
	}
	return l
}

// equal unites postings, or collects them where there are many.
func (x *walk) equal(t search.Test, scans []scan) set {
	scans = partings(x, scans)
	sets := make([]set, 0, len(scans))
	for _, s := range scans {
		if !s.posting || len(scans) > tuned.scans {
			return x.collect(t, scans).set(x)
		}
		sets = append(sets, x.postings(s.lower))
	}
	return unite(sets)
}

// peek counts the keys of scans up to a limit, going on from where it was last time.
func (x *walk) peek(k *known, scans []scan, limit int) int {
	for k.scan < len(scans) && k.keys < limit && !x.stopped() {
		s := scans[k.scan]
		lower := s.lower
		if k.after != nil {
			lower = append(bytes.Clone(k.after), 0)
		}
		if (s.upper == nil || bytes.Compare(lower, s.upper) < 0) && !x.peekScan(k, s, lower, limit) {
			return k.keys
		}
		k.scan, k.after = k.scan+1, nil
	}
	if k.scan == len(scans) && !k.unsure && k.set == nil && x.err == nil {
		k.keep(x)
	}
	return k.keys
}

// peekScan goes on with one scan; false before its end.
func (x *walk) peekScan(k *known, s scan, lower []byte, limit int) bool {
	it := x.borrow(lower, s.upper)
	if it == nil {
		return false
	}
	defer x.giveBack(it)
	ok := it.First()
	for ; ok && k.keys < limit; ok = it.Next() {
		x.spend(1)
		if k.keys++; k.keys%checkEvery == 0 && x.stopped() {
			return false
		}
		key, document := splitIndexKey(it.Key())
		v := yes
		if s.judge != nil {
			v = s.judge(key[indexPrefixSize:])
		}
		if v == yes {
			k.documents = append(k.documents, document)
		}
		k.unsure = k.unsure || v == maybe
		if k.keys == limit {
			k.after = append(k.after[:0], it.Key()...)
		}
	}
	x.check(it)
	return !ok && x.err == nil
}

// measured counts the keys of a scan up to a limit.
func (x *walk) measured(s scan, limit int) int {
	return x.countKeys(s.lower, s.upper, limit)
}

// bytesPerKey is about what an index key takes on disk.
const bytesPerKey = 10

// sampled is how many of many ranges are looked at to guess the size of all.
const sampled = 64

// guess tells from the size on disk how many keys there are in a range.
func (x *execution) guess(lower, upper []byte) int {
	if upper == nil || bytes.Compare(lower, upper) >= 0 {
		return 0
	}
	size, err := x.store.db.EstimateDiskUsage(lower, upper)
	if err != nil {
		return 0
	}
	return int(size / bytesPerKey)
}

// collect reads scans into a set, looking at the values where keys do not tell.
func (x *walk) collect(t search.Expr, scans []scan) *collector {
	var met, unsure collector
	for _, s := range scans {
		if s.upper != nil && bytes.Compare(s.lower, s.upper) >= 0 {
			continue
		}
		it := x.borrow(s.lower, s.upper)
		if it == nil {
			break
		}
		for ok := it.First(); ok && !x.stopped(); ok = it.Next() {
			x.spend(1)
			prefix, document := splitIndexKey(it.Key())
			v := yes
			if s.judge != nil {
				v = s.judge(prefix[indexPrefixSize:])
			}
			switch v {
			case yes:
				met.add(document)
			case maybe:
				unsure.add(document)
			}
		}
		x.giveBack(it)
	}
	unsure.each(func(document uint64) bool {
		if x.unchangedDocument(document) && x.matches(document, t) {
			met.add(document)
		}
		return !x.stopped()
	})
	return &met
}

// idLeg looks ids up.
func (x *walk) idLeg(typ code, t search.Test) (leg, bool) {
	if t.Modifier != search.Plain {
		return leg{}, false
	}
	var found []uint64
	for _, c := range t.Any {
		token, ok := c.(search.TokenCriterion)
		if !ok || token.AnyCode {
			return leg{}, false
		}
		if !token.AnySystem && token.System != "" || token.Code == "" {
			continue
		}
		if document, ok := x.locate(typ, token.Code); ok {
			found = append(found, document)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	l := fixed(t, "id", "", nil, len(found))
	l.open = func(x *walk) set { return &list{x, found} }
	return l, true
}

// systemScans find the resources with a token of a system, or any token, by what systems each
// resource has.
func (x *walk) systemScans(typ, param code, c search.TokenCriterion) []scan {
	want := appendCode(nil, param)
	if !c.AnySystem {
		system, ok := (lowering{x: x}).system(c.System)
		if !ok {
			return nil
		}
		want = binary.BigEndian.AppendUint32(want, system)
	}
	const size = 6
	return x.shapes(typ, indexSystems, size, func(members []byte) bool { return hasMember(members, size, want) })
}

// hasMember reports whether one of the members begins with want.
func hasMember(members []byte, size int, want []byte) bool {
	for ; len(members) >= size; members = members[size:] {
		if bytes.HasPrefix(members, want) {
			return true
		}
	}
	return false
}

// missingLeg finds the resources that have, or lack, values of a parameter by their shapes.
func (x *walk) missingLeg(typ code, m search.Missing) leg {
	if x.isScanned(m.Param) {
		return unindexedLeg(m)
	}
	param := x.store.dictionary.parameterCode(m.Param)
	if isID(m.Param) || isLastUpdated(m.Param) || param == 0 {
		if m.Present == (isID(m.Param) || isLastUpdated(m.Param)) {
			return x.allLeg(typ, m)
		}
		return fixed(m, "nothing", "", empty{}, 0)
	}
	scans := x.missingScans(typ, param, m.Present)
	l := x.scanLeg(search.Test{Param: m.Param}, scans)
	l.expr, l.operation = m, "missing"
	if !l.lazy {
		l.open = func(x *walk) set {
			var c collector
			for _, s := range scans {
				x.gather(s, &c, m)
			}
			return c.set(x)
		}
	}
	return l
}

// missingScans are the postings of the shapes that have, or lack, values of a parameter.
func (x *walk) missingScans(typ, param code, present bool) []scan {
	const size = 2
	want := appendCode(nil, param)
	return x.shapes(typ, indexShape, size, func(members []byte) bool {
		return hasMember(members, size, want) == present
	})
}

// gather adds the documents of a shape; those of an open shape are looked at.
func (x *walk) gather(s scan, c *collector, e search.Expr) {
	it := x.borrow(s.lower, s.upper)
	if it == nil {
		return
	}
	defer x.giveBack(it)
	for ok := it.First(); ok && !x.stopped(); ok = it.Next() {
		x.spend(1)
		_, document := splitIndexKey(it.Key())
		if s.posting || x.unchangedDocument(document) && x.matches(document, e) {
			c.add(document)
		}
	}
	x.check(it)
}

// allLeg is every resource of the type.
func (x *walk) allLeg(typ code, e search.Expr) leg {
	l := fixed(e, "all", "", nil, x.live(typ))
	l.open = func(x *walk) set { return x.alive(typ) }
	return l
}

// alive are all resources of a type that are there.
func (x *walk) alive(typ code) set {
	return x.postings(append(indexPrefix(nil, typ, 0), indexAlive))
}

// live is how many resources of a type are there now.
func (x *execution) live(typ code) int {
	if n, ok := x.counts[typ]; ok {
		return n
	}
	n, err := getNumber(x, liveKey(nil, typ))
	x.fail(err)
	x.counts[typ] = int(n)
	return int(n)
}

// shapes lists the postings of all shapes of a kind that qualify. Open shapes come as scans to be
// looked at.
func (x *walk) shapes(typ code, kind byte, size int, qualify func(members []byte) bool) []scan {
	prefix := append(indexPrefix(nil, typ, 0), kind)
	it := x.borrow(prefix, after(prefix))
	if it == nil {
		return nil
	}
	defer x.giveBack(it)
	var scans []scan
	for ok := it.First(); ok && !x.stopped(); {
		x.spend(1)
		shape, _ := splitIndexKey(it.Key())
		shape = bytes.Clone(shape)
		if len(shape) < len(prefix)+2 {
			ok = it.Next()
			continue
		}
		members := shape[len(prefix)+2:]
		switch count := binary.BigEndian.Uint16(shape[len(prefix):]); {
		case count == shapeOpen:
			scans = append(scans, whole(shape, always(maybe)))
		case len(members) == int(count)*size && qualify(members):
			scans = append(scans, posting(shape))
		}
		following := after(shape)
		if following == nil {
			break
		}
		ok = it.SeekGE(following)
	}
	x.check(it)
	return scans
}
