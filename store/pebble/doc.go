// Package pebble is the embedded durable engine: a folder on disk, through
// github.com/cockroachdb/pebble/v2. It implements store.Store, and beyond it Check, Repair, Backup and
// Restore.
//
//	s, err := pebble.Open("./kiln-data", pebble.Options{Parameters: parameters})
//	versions, err := s.Commit(ctx, store.Transaction{Changes: changes})
//
// # Layout
//
// The versions are the truth; all other keys but records, guards and the dictionary are derived from
// them, and Repair makes them again. Numbers in keys are big-endian. Types (t) and parameters (p) are
// two bytes, systems and units four, from a dictionary whose codes are never given again. A document
// (doc) is a resource as the index knows it: eight bytes, given when it is first created, ascending over all
// types, kept when it is deleted and created again. A position (pos) is the number of a version in the feed,
// without gaps.
//
//	m name               format, last revision of a record
//	d kind text          code of a type, parameter, system or unit
//	D kind code          and back
//	z number             vocabulary that resources of a type are compressed with
//	r t id               head: document, newest version, position, time, method
//	v doc ~version       the version: checksum, method, type, position, time, claims, text
//	f doc ~version       its packed index values (tombstones have none)
//	e pos                feed: document, version, time, type
//	h t pos              history of a type: the same
//	n t                  number of resources of a type that are there
//	i t p kind body doc  index
//	c claim              who holds it
//	g guard              its value
//	x bucket key         record: checksum, revision, end, value
//	t time bucket key    records by their end
//
// A text is stored once, whether it is read, searched or history: without version id and time, which are
// put in when it is read, and compressed on its own with a vocabulary that is learned from resources
// of its type. Reading by id takes two keys and no parsing. What many resources share is in a vocabulary,
// so parts of resources may be found there after these are gone; it lies in the same folder.
//
// Index keys are of the current versions only. By kind, the body is
//
//	s folded text, text            strings: prefix, :exact, sort
//	c code, system                 tokens: with any system or one, sort
//	t folded text                  tokens: :text, over the distinct texts
//	r id, type   u url             references; u also for uri parameters
//	k code, system                 references: :identifier
//	l low high   h high low        dates that are short and alone in their resource
//	L low high   H high low        all other spans of dates, and of numbers
//	p number                       numbers, in order whatever their digits; q unit, then p, L or H
//	g band, longitude, latitude    positions: band by band of latitude, near
//	x first second                 composites: the key of one component, then of the other
//	d date, body of c or r, class  dated: the value together with a date; class 0 and 1 go on with low and span
//	X                              values that only the packed list tells
//
// and under parameter 0: "a", the resource is there; "y", which parameters it has values for, as one key
// (:missing); "w", which systems its tokens have (system|); "o", whose value has its id and what it refers to
// by which parameters, for joins; "N" and a word of the narrative, "W" and one that
// is elsewhere alone (_text, _content). Words are in no packed list: what their keys do not tell, and which of
// them an update removes, is told by the text of the version, of which they are taken again. The value of any other key, empty for the
// usual case, tells whether resources are sorted by this value of theirs. Texts are cut; what a key cannot
// decide is decided by the primitives of package search on the packed values, so that answers are
// those of search.Match.
//
// Dated postings are there for few parameters (the table paired): what a patient, or a code, has in the order
// of time. Classes 0 (a second at most) and 1 (a day) have dates that are alone in their resource, as a low
// and five bytes of span; class 2 has the document only, whose date is looked at. A resource without a date
// has none. What is walked by low comes nearly in the order of high: what follows in a class can end later
// than where it is by the longest span of the class, and by no more.
//
// Contained resources have index keys as resources do, with the document of their container, under the
// code of a space, which is named by both types ("Observation#Patient") and stands where that of a type does;
// dated postings they have none. So a leg of a space is a superset: what it leaves is decided by the packed
// values of each contained resource, which lie in those of its container.
//
// # Writing
//
// Commit first does what needs no order (values, keys, compression), then judges and applies one
// transaction at a time under a lock, then waits for the disk without it: one fsync serves all who
// wait. Pebble shows a batch before its fsync has ended, so whoever reads something that is not on disk yet
// waits until it is, be it by Read, Search, History, Snapshot, Preview, a record, the feed or the refusal of a
// commit: nothing is ever told that a crash could take back. LastUpdated is the clock to the
// millisecond, and never before that of the version before. After a failed write to the log the
// store writes no more; what was acknowledged is read at the next Open.
//
// # Reindexing
//
// Reindex replaces the values of some parameters in the packed list of each resource and the index keys by
// difference, in chunks that were made without a lock and land under that of the commits, unless the feed tells
// that one of their resources has changed since. A chunk is not waited for: what it says of a parameter may be
// seen before it is on disk, but whatever lands later lies behind it in the log, and the step ends with one fsync.
// A parameter is known by base, code and type, here and in the dictionary, so that a definition that changes
// keeps its code. Lists and keys are walked by codes: values of a definition that is not in use cost
// nothing but room, go with the version that has them, and are left alone by Check and Repair.
//
// # Searching
//
// A filter becomes legs, each a set of documents: postings of one index key are in order of documents
// and leapfrog by seeking; ranges are collected, into a list or a roaring bitmap; chains and _has go from
// the cheaper side, by keys "o" and not by values, and where they go from all that is inside, they follow
// many references at once, in the order of keys. Legs are sized by counting a little, which goes on until one of them turns out to be
// small; what is counted to its end need not be read again. A leg that costs more to collect than to test
// on what the others leave is tested, until testing has cost as much as collecting would have. A sort walks the index of its
// parameter, or collects and sorts, with the same kind of bound. One by what references lead to walks the index
// of the parameter at their end, and goes back over the references, or collects. One by a date, with an equality that has
// dated postings of it, walks these; so does a filter by both, where the span is not wide. What is below or
// above a resource is walked once, down the postings of the parents or up the values, and becomes a test of
// references; where there is very much below, candidates are walked up from. Query.Explain shows it.
//
// A parameter whose index is not whole (search.Parameter.Building) is never looked up in it: what the rest of
// the filter leaves is tested on its text.
//
// A cursor holds a fingerprint of the query, the position of the first page's state and a document; it
// needs no index of the past. That of the last page, which there is once the total is known, has no document:
// the page is found from the end, and has what full pages before it leave. What has changed since, told by the
// feed and usually little, is taken out of the index's answer, and what it was then, told by its packed values
// of then, is put in its place. Matches that were deleted since keep their place on the page but are not shown.
package pebble
