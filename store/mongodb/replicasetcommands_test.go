package mongodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Errors: https://www.mongodb.com/docs/manual/reference/error-codes/
const (
	noSuchTransaction = 251
	duplicateKey      = 11000
	unknownCommand    = 59
	steppedDown       = 189
	notInTransactions = 263
)

const transientLabel = "TransientTransactionError"

func refusal(code int32, labels ...string) bson.D {
	d := bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: code}, {Key: "codeName", Value: fmt.Sprint("Code", code)}, {Key: "errmsg", Value: "refused"}}
	if len(labels) > 0 {
		d = append(d, bson.E{Key: "errorLabels", Value: labels})
	}
	return d
}

var fine = bson.D{{Key: "ok", Value: 1}}

// answer does a command. nil hangs up.
func (r *replicaSet) answer(c bson.D) bson.D {
	switch c[0].Key {
	case "hello", "isMaster", "ismaster":
		address := r.listener.Addr().String()
		r.mu.Lock()
		hosts := append([]string{address}, r.others...)
		r.mu.Unlock()
		return append(bson.D{
			{Key: "isWritablePrimary", Value: true},
			{Key: "ismaster", Value: true},
			{Key: "setName", Value: "rs0"},
			{Key: "setVersion", Value: 1},
			{Key: "hosts", Value: hosts},
			{Key: "me", Value: address},
			{Key: "primary", Value: address},
			{Key: "maxBsonObjectSize", Value: 16 << 20},
			{Key: "maxMessageSizeBytes", Value: 48000000},
			{Key: "maxWriteBatchSize", Value: 100000},
			{Key: "localTime", Value: dateTime(time.Now())},
			{Key: "logicalSessionTimeoutMinutes", Value: 30},
			{Key: "minWireVersion", Value: 0},
			{Key: "maxWireVersion", Value: 21},
		}, fine...)
	case "ping", "endSessions", "killCursors", "dropDatabase":
		return fine
	}
	r.mu.Lock()
	build := r.build
	r.mu.Unlock()
	if c[0].Key == "createIndexes" && build != nil {
		build(fmt.Sprint(c[0].Value))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c[0].Key == "create" || c[0].Key == "createIndexes" {
		return r.create(c)
	}
	body, _ := bson.Marshal(c)
	s := said{c[0].Key, body}
	r.said = append(r.said, s)
	if r.fail == nil {
		return r.timed(r.do(c))
	}
	f := r.fail(s)
	switch {
	case f == nil:
		return r.timed(r.do(c))
	case f.done:
		r.do(c)
	}
	if f.hangUp {
		return nil
	}
	if slices.Contains(f.labels, transientLabel) {
		r.drop(session(c)) // a transaction that is to begin again has ended
	}
	return refusal(f.code, f.labels...)
}

// create makes a collection, or indexes with theirs.
func (r *replicaSet) create(c bson.D) bson.D {
	name := fmt.Sprint(member(c, "$db"), ".", c[0].Value)
	if r.created[name] && c[0].Key == "create" {
		return refusal(namespaceExists)
	}
	r.created[name] = true
	return fine
}

// timed is an answer with the time of the newest that it shows.
func (r *replicaSet) timed(answer bson.D) bson.D {
	r.clock++
	return append(slices.Clone(answer), bson.E{Key: "operationTime", Value: bson.Timestamp{T: 1, I: r.clock}})
}

func session(c bson.D) string { return fmt.Sprint(member(c, "lsid.id")) }

// do does a command, in its transaction.
func (r *replicaSet) do(c bson.D) bson.D {
	n, _ := member(c, "txnNumber").(int64)
	if member(c, "autocommit") != false {
		return r.alone(c)
	}
	id := session(c)
	if member(c, "startTransaction") == true {
		r.drop(id)
		r.transactions[id] = &unit{number: n, before: maps.Clone(r.data), wrote: tables{}}
	}
	u := r.transactions[id]
	if c[0].Key == "commitTransaction" && u == nil && r.decided[id] == n && n > 0 {
		return fine
	}
	if u == nil || u.number != n {
		return refusal(noSuchTransaction, transientLabel)
	}
	switch c[0].Key {
	case "commitTransaction":
		r.data.apply(u.wrote)
		r.decided[id] = n
		r.drop(id)
		return fine
	case "abortTransaction":
		r.drop(id)
		return fine
	}
	answer := r.perform(c, u)
	for name := range u.wrote {
		if !r.created[name] && len(u.before[name]) == 0 { // a cross-shard transaction may not make a collection
			answer = refusal(notInTransactions)
		}
	}
	if member(answer, "ok") != 1 || member(answer, "writeErrors") != nil {
		r.drop(id) // any error ends a transaction
	}
	return answer
}

func (r *replicaSet) drop(id string) {
	delete(r.transactions, id)
	r.ended.Broadcast()
}

// alone does a command outside of transactions; it waits for those that have written what it writes.
func (r *replicaSet) alone(c bson.D) bson.D {
	for {
		u := &unit{before: r.data, wrote: tables{}}
		answer := r.perform(c, u)
		if member(answer, "code") == int32(writeConflict) {
			r.ended.Wait()
			continue
		}
		r.data.apply(u.wrote)
		return answer
	}
}

// write puts a document, unless another transaction has, or has since u began.
func (r *replicaSet) write(u *unit, name, id string, d bson.D) bool {
	for _, other := range r.transactions {
		if _, wrote := other.wrote[name][id]; wrote && other != u {
			return false
		}
	}
	if _, mine := u.wrote[name][id]; !mine && !same(r.data[name][id], u.before[name][id]) {
		return false
	}
	if u.wrote[name] == nil {
		u.wrote[name] = map[string]bson.D{}
	}
	u.wrote[name][id] = d
	return true
}

func (r *replicaSet) perform(c bson.D, u *unit) bson.D {
	name, _ := c[0].Value.(string)
	name = fmt.Sprint(member(c, "$db"), ".", name)
	document := func(path string) bson.D { d, _ := member(c, path).(bson.D); return d }
	switch c[0].Key {
	case "find":
		limit, _ := number(member(c, "limit")).(int64)
		batch := bson.A{}
		for _, d := range u.find(name, document("filter"), document("sort"), limit) {
			batch = append(batch, d)
		}
		return rowsOf(name, batch)
	case "aggregate": // a count; change streams are refused, so that the head is asked for
		match, ok := member(member(c, "pipeline").(bson.A)[0].(bson.D), "$match").(bson.D)
		if !ok {
			return refusal(unknownCommand)
		}
		found := u.find(name, match, nil, 0)
		if len(found) == 0 {
			return rowsOf(name, bson.A{})
		}
		return rowsOf(name, bson.A{bson.D{{Key: "n", Value: len(found)}}})
	case "listIndexes":
		return rowsOf(name, bson.A{})
	case "listCollections":
		names := bson.A{}
		for _, full := range slices.Sorted(maps.Keys(u.before)) {
			if own, ok := strings.CutPrefix(full, fmt.Sprint(member(c, "$db"), ".")); ok {
				names = append(names, bson.D{{Key: "name", Value: own}, {Key: "type", Value: "collection"}})
			}
		}
		return rowsOf(name, names)
	case "insert":
		return r.each(c, "documents", func(d bson.D) int32 {
			if u.get(name, idOf(d)) != nil {
				return duplicateKey
			}
			return conflict(r.write(u, name, idOf(d), d))
		})
	case "update":
		return r.each(c, "updates", func(one bson.D) int32 { return r.update(u, name, one) })
	case "delete":
		return r.each(c, "deletes", func(one bson.D) int32 {
			for _, d := range u.find(name, member(one, "q").(bson.D), nil, number(member(one, "limit")).(int64)) {
				if !r.write(u, name, idOf(d), nil) {
					return writeConflict
				}
			}
			return 0
		})
	case "findAndModify":
		found := u.find(name, document("query"), nil, 1)
		if len(found) == 0 {
			return append(bson.D{{Key: "value", Value: nil}}, fine...)
		}
		after := changed(found[0], document("update"))
		if !r.write(u, name, idOf(after), after) {
			return refusal(writeConflict, transientLabel)
		}
		return append(bson.D{{Key: "value", Value: after}}, fine...)
	}
	return refusal(unknownCommand)
}

func rowsOf(name string, rows bson.A) bson.D {
	cursor := bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: name}, {Key: "firstBatch", Value: rows}}
	return append(bson.D{{Key: "cursor", Value: cursor}}, fine...)
}

func conflict(wrote bool) int32 {
	if wrote {
		return 0
	}
	return writeConflict
}

func (r *replicaSet) update(u *unit, name string, one bson.D) int32 {
	filter, update := member(one, "q").(bson.D), member(one, "u").(bson.D)
	found := u.find(name, filter, nil, 1)
	if len(found) == 0 {
		if member(one, "upsert") != true {
			return -1
		}
		if u.get(name, idOf(filter)) != nil {
			return duplicateKey
		}
		found = []bson.D{{{Key: "_id", Value: member(filter, "_id")}}}
	}
	return conflict(r.write(u, name, idOf(found[0]), changed(found[0], update)))
}

// each does the parts of a command and counts them; below 0 a part does nothing.
func (r *replicaSet) each(c bson.D, list string, do func(bson.D) int32) bson.D {
	n, refused := int32(0), bson.A{}
	parts, _ := member(c, list).(bson.A)
	for i, part := range parts {
		switch code := do(part.(bson.D)); code {
		case -1:
		case 0:
			n++
		case writeConflict:
			return refusal(writeConflict, transientLabel)
		default:
			refused = append(refused, bson.D{{Key: "index", Value: int32(i)}, {Key: "code", Value: code}, {Key: "errmsg", Value: "E11000 duplicate key"}})
			if member(c, "ordered") != false {
				return append(bson.D{{Key: "n", Value: n}, {Key: "writeErrors", Value: refused}}, fine...)
			}
		}
	}
	answer := bson.D{{Key: "n", Value: n}, {Key: "nModified", Value: n}}
	if len(refused) > 0 {
		answer = append(answer, bson.E{Key: "writeErrors", Value: refused})
	}
	return append(answer, fine...)
}
