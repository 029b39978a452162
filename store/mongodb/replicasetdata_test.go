package mongodb

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// tables are collections by name, and in them documents by their _id as text. Neither collections nor documents are
// changed in place.
type tables map[string]map[string]bson.D

// apply puts documents, and removes those that are nil.
func (t tables) apply(wrote tables) {
	for name, rows := range wrote {
		c := maps.Clone(t[name])
		if c == nil {
			c = map[string]bson.D{}
		}
		for id, d := range rows {
			if c[id] = d; d == nil {
				delete(c, id)
			}
		}
		t[name] = c
	}
}

// unit is a transaction: what it began with, and what it has written.
type unit struct {
	number int64
	before tables
	wrote  tables // nil for a document removed
}

func (u *unit) get(name, id string) bson.D {
	if d, wrote := u.wrote[name][id]; wrote {
		return d
	}
	return u.before[name][id]
}

// find gives the documents that match and that the transaction sees.
func (u *unit) find(name string, filter, sort bson.D, limit int64) []bson.D {
	seen := tables{name: u.before[name]}
	if len(u.wrote[name]) > 0 {
		seen.apply(tables{name: u.wrote[name]})
	}
	return seen.find(name, filter, sort, limit)
}

// same reports whether two documents are one.
func same(a, b bson.D) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

func member(d bson.D, path string) any {
	name, rest, deeper := strings.Cut(path, ".")
	for _, e := range d {
		if e.Key == name {
			if sub, ok := e.Value.(bson.D); ok && deeper {
				return member(sub, rest)
			}
			return e.Value
		}
	}
	return nil
}

func idOf(d bson.D) string { return fmt.Sprintf("%T %v", number(member(d, "_id")), member(d, "_id")) }

func number(v any) any {
	switch n := v.(type) {
	case int32:
		return int64(n)
	case bson.DateTime:
		return int64(n)
	}
	return v
}

func compare(a, b any) (int, bool) {
	switch x := number(a).(type) {
	case int64:
		y, ok := number(b).(int64)
		return cmp.Compare(x, y), ok
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case bson.Binary:
		y, ok := b.(bson.Binary)
		return bytes.Compare(x.Data, y.Data), ok
	case bool:
		return 0, a == b
	}
	return 0, a == nil && b == nil
}

func matches(d, filter bson.D) bool {
	for _, e := range filter {
		switch e.Key {
		case "$or", "$and":
			some := func(one any) bool { return matches(d, one.(bson.D)) }
			all := !slices.ContainsFunc(e.Value.(bson.A), func(one any) bool { return !some(one) })
			if e.Key == "$or" && !slices.ContainsFunc(e.Value.(bson.A), some) || e.Key == "$and" && !all {
				return false
			}
		default:
			if !holds(member(d, e.Key), e.Value) {
				return false
			}
		}
	}
	return true
}

func holds(value, condition any) bool {
	conditions, ok := condition.(bson.D)
	if !ok || len(conditions) == 0 || conditions[0].Key[0] != '$' {
		return equals(value, condition)
	}
	for _, c := range conditions {
		order, fits := compare(value, c.Value)
		switch c.Key {
		case "$eq":
			fits = equals(value, c.Value)
		case "$in":
			fits = slices.ContainsFunc(c.Value.(bson.A), func(one any) bool { return equals(value, one) })
		case "$gt":
			fits = fits && order > 0
		case "$gte":
			fits = fits && order >= 0
		case "$lt":
			fits = fits && order < 0
		case "$lte":
			fits = fits && order <= 0
		case "$exists":
			fits = (value != nil) == c.Value.(bool)
		default:
			panic("the replica set of the test does not know " + c.Key)
		}
		if !fits {
			return false
		}
	}
	return true
}

func equals(value, wanted any) bool {
	if list, ok := value.(bson.A); ok {
		return slices.ContainsFunc(list, func(one any) bool { return equals(one, wanted) })
	}
	if pattern, ok := wanted.(bson.Regex); ok {
		text, ok := value.(string)
		return ok && regexp.MustCompile(pattern.Pattern).MatchString(text)
	}
	order, fits := compare(value, wanted)
	return fits && order == 0
}

// find gives the documents that match, in order.
func (t tables) find(name string, filter, sort bson.D, limit int64) []bson.D {
	var found []bson.D
	if len(filter) == 1 && filter[0].Key == "_id" {
		if d := t[name][idOf(filter)]; d != nil {
			return []bson.D{d}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t[name])) {
		if d := t[name][id]; matches(d, filter) {
			found = append(found, d)
		}
	}
	slices.SortStableFunc(found, func(a, b bson.D) int {
		for _, e := range sort {
			order, _ := compare(member(a, e.Key), member(b, e.Key))
			if order != 0 {
				return order * int(number(e.Value).(int64))
			}
		}
		return 0
	})
	if limit > 0 {
		found = found[:min(len(found), int(limit))]
	}
	return found
}

func with(d bson.D, name string, value any) bson.D {
	d = slices.Clone(d)
	for i := range d {
		if d[i].Key == name {
			d[i].Value = value
			return d
		}
	}
	return append(d, bson.E{Key: name, Value: value})
}

// changed is a document after an update, which may be a whole one.
func changed(d, update bson.D) bson.D {
	if len(update) == 0 || update[0].Key[0] != '$' {
		whole := bson.D{{Key: "_id", Value: member(d, "_id")}}
		for _, e := range update {
			whole = with(whole, e.Key, e.Value)
		}
		return whole
	}
	for _, operator := range update {
		for _, e := range operator.Value.(bson.D) {
			value := e.Value
			switch old := member(d, e.Key); operator.Key {
			case "$set":
			case "$inc":
				n, _ := number(old).(int64)
				value = n + number(value).(int64)
			case "$addToSet":
				list, _ := old.(bson.A)
				added := bson.A{e.Value}
				if each, ok := e.Value.(bson.D); ok {
					added = member(each, "$each").(bson.A)
				}
				for _, one := range added {
					if !equals(list, one) {
						list = append(slices.Clone(list), one)
					}
				}
				value = list
			case "$pull":
				list, ok := old.(bson.A)
				if !ok {
					continue
				}
				value = slices.DeleteFunc(slices.Clone(list), func(one any) bool { return equals(one, e.Value) })
			case "$currentDate":
				value = dateTime(time.Now())
			default:
				panic("the replica set of the test does not know " + operator.Key)
			}
			d = with(d, e.Key, value)
		}
	}
	return d
}
