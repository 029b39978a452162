package mongodb

import (
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// condition is what all matches of a filter meet, and others may. It asks for what the database has an
// index of: keys, names and times.
type condition interface {
	// filter is the condition for a server, with the operators that all of them know.
	filter(id string) bson.D
	// holds reports whether a document meets it.
	holds(d *document) bool
	// tells what it looks at, without values.
	tells() string
}

type (
	// anything is no condition.
	anything struct{}
	// never is met by nothing.
	never struct{}
	// oneKey is one of some keys.
	oneKey struct {
		name string // of the parameter
		keys []string
	}
	// beginning is a key that begins in one of some ways.
	beginning struct {
		name     string
		prefixes []string
	}
	// named is one of some ids.
	named []string
	// updated is a time of the last change, from and to in milliseconds, both included.
	updated struct{ from, to int64 }
	allOf   []condition
	anyOf   []condition
)

func (anything) filter(string) bson.D { return bson.D{} }
func (anything) holds(*document) bool { return true }
func (anything) tells() string        { return "" }

func (never) filter(id string) bson.D { return bson.D{{Key: id, Value: ""}} } // no resource has that id
func (never) holds(*document) bool    { return false }
func (never) tells() string           { return "nothing" }

func (c oneKey) filter(string) bson.D { return bson.D{{Key: "ix.k", Value: oneOf(c.keys)}} }

func (c oneKey) holds(d *document) bool {
	return slices.ContainsFunc(c.keys, func(key string) bool {
		_, ok := slices.BinarySearch(d.Index.Keys, key)
		return ok
	})
}

func (c oneKey) tells() string { return c.name }

func (c beginning) filter(string) bson.D {
	list := make(bson.A, len(c.prefixes))
	for i, prefix := range c.prefixes {
		list[i] = bson.D{{Key: "ix.k", Value: bson.Regex{Pattern: "^" + regexp.QuoteMeta(prefix)}}}
	}
	return oneFilter("$or", list)
}

func (c beginning) holds(d *document) bool {
	return slices.ContainsFunc(d.Index.Keys, func(key string) bool {
		return slices.ContainsFunc(c.prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	})
}

func (c beginning) tells() string { return c.name }

func (c named) filter(id string) bson.D { return bson.D{{Key: id, Value: oneOf(c)}} }
func (c named) holds(d *document) bool  { return slices.Contains(c, d.ID) }
func (c named) tells() string           { return "_id" }

func (c updated) filter(string) bson.D {
	return bson.D{{Key: "lu", Value: bson.D{{Key: "$gte", Value: bson.DateTime(c.from)}, {Key: "$lte", Value: bson.DateTime(c.to)}}}}
}

func (c updated) holds(d *document) bool {
	return c.from <= int64(d.Updated) && int64(d.Updated) <= c.to
}
func (c updated) tells() string { return "_lastUpdated" }

func (c allOf) filter(id string) bson.D { return oneFilter("$and", filters(c, id)) }
func (c allOf) holds(d *document) bool {
	return !slices.ContainsFunc(c, func(part condition) bool { return !part.holds(d) })
}
func (c allOf) tells() string { return tellAll(c, " and ") }

func (c anyOf) filter(id string) bson.D { return oneFilter("$or", filters(c, id)) }
func (c anyOf) holds(d *document) bool {
	return slices.ContainsFunc(c, func(part condition) bool { return part.holds(d) })
}
func (c anyOf) tells() string { return tellAll(c, " or ") }

func filters(parts []condition, id string) bson.A {
	list := make(bson.A, len(parts))
	for i, part := range parts {
		list[i] = part.filter(id)
	}
	return list
}

func oneFilter(operator string, list bson.A) bson.D {
	if len(list) == 1 {
		return list[0].(bson.D)
	}
	return bson.D{{Key: operator, Value: list}}
}

func tellAll(parts []condition, with string) string {
	var list []string
	for _, part := range parts {
		if told := part.tells(); !slices.Contains(list, told) {
			list = append(list, told)
		}
	}
	return strings.Join(list, with)
}

// maxParts bounds how many parts a condition has, and how many keys one of them: a server takes some
// thousands, but what asks for so much is hardly better than a walk.
const (
	maxParts = 200
	maxAsked = 2000
	maxKeys  = 10_000 // of all parts together, which are some megabytes at most
)

// size is how many keys, beginnings and ids a condition names.
func size(c condition) (n int) {
	switch c := c.(type) {
	case oneKey:
		return len(c.keys)
	case beginning:
		return len(c.prefixes)
	case named:
		return len(c)
	case allOf:
		for _, part := range c {
			n += size(part)
		}
		return n
	case anyOf:
		for _, part := range c {
			n += size(part)
		}
		return n
	}
	return 1
}

// all is the condition that every part holds.
func all(parts ...condition) condition {
	var list allOf
	for _, part := range parts {
		switch part := part.(type) {
		case never:
			return never{}
		case anything:
		case allOf:
			list = append(list, part...)
		default:
			list = append(list, part)
		}
	}
	switch {
	case len(list) == 0:
		return anything{}
	case len(list) == 1:
		return list[0]
	}
	list = list[:min(len(list), maxParts)] // fewer parts are met by more
	for i, keys := 0, 0; i < len(list); i++ {
		if keys += size(list[i]); keys > maxKeys {
			list = list[:max(i, 1)]
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// some is the condition that a part holds. Where one is met by anything, it is.
func some(parts ...condition) condition {
	var list anyOf
	keys := map[string]int{} // parts that are keys of one parameter, by its name
	var ids named
	total := 0
	for _, part := range parts {
		if total += size(part); total > maxKeys {
			return anything{}
		}
		switch part := part.(type) {
		case anything:
			return anything{}
		case never:
		case named:
			ids = append(ids, part...)
		case anyOf:
			list = append(list, part...)
		case oneKey:
			i, ok := keys[part.name]
			if !ok {
				keys[part.name] = len(list)
				list = append(list, oneKey{part.name, slices.Clip(part.keys)}) // the part's own stay as they are
				continue
			}
			list[i] = oneKey{part.name, append(list[i].(oneKey).keys, part.keys...)}
		default:
			list = append(list, part)
		}
	}
	if len(ids) > 0 {
		list = append(list, ids)
	}
	switch {
	case len(list) == 0:
		return never{}
	case len(list) > maxParts:
		return anything{}
	case len(list) == 1:
		return list[0]
	}
	return list
}
