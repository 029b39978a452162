// Package mongodb is the engine for a database that grows, through
// go.mongodb.org/mongo-driver/v2. It implements store.Store. Several processes may share one database: what
// one of them knows about the store, it has read there.
//
//	s, err := mongodb.Open(ctx, "mongodb://localhost/kiln?replicaSet=rs0", mongodb.Options{Parameters: parameters})
//	versions, err := s.Commit(ctx, store.Transaction{Changes: changes})
//
// # Layout
//
// A position is the number of a version in the feed, without gaps over the whole store; a number, that
// of a resource in the order of first creation. Both are given by the head when a commit lands.
//
//	kiln             _id "head": position, time, numbers and revisions given so far; "format"; "turn"; "intent"
//	<Type>           the newest version of each resource, tombstones (del) included: _id is the id
//	<Type>_history   the versions that have a successor: _id is id/version, to the position of the successor
//	feed             a version each, by position: type, id, version, method, time; when superseded, to and by when
//	claims           who holds it
//	guards           its value, and what it was before
//	records          by bucket and key: value, end, revision, and what it was before; removed by TTL
//	large.*          GridFS: bodies that do not fit into a document
//
// A version has the resource as native BSON (r) with members in their order, and beside it the text (raw)
// where BSON does not give the same text back; ix.k are its index keys, legible strings that a multikey index
// serves; ix.v are its exact index values.
//
// # States
//
// A state is a position S: it shows of each resource the version with pos <= S and, in the history, S < to. So
// snapshots and later pages need nothing of the database but its documents, and stay for as long as one likes.
// Who reads looks at the newest versions first and at the history afterwards; a writer puts a
// version into the history before its successor takes its place. So a version that moves meanwhile is seen at
// least once, and what is seen twice is told by its resource.
//
// # Writing
//
// One commit lands at a time over all processes, since all write the head; those of one process that wait
// land together. With transactions of the database a landing is one of them, with majority write concern, and
// what another process wrote meanwhile makes it begin again. Without, which an operator must ask for, a landing
// takes the turn (with a term that fences off who had it before), writes all that it will do as an intent, does
// it, and moves the head, which is the marker of the commit: nothing is shown before. Who finds an intent
// that was left finishes it.
//
// # Searching
//
// A filter is lowered to conditions on ix.k that all matches meet: equality, or a prefix, each served by the
// index. What the database finds is decided by search.Match on ix.v, so that answers are its own. Ranges of dates
// and numbers are prefixes of fixed-width keys. Chains and _has are searched from their inner end first.
// A search that nothing serves walks the resources of its types by their number, and ends with the budget.
package mongodb
