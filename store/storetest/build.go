package storetest

import (
	"context"
	"strings"
	"sync"
	"time"

	"kiln/resources"
	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
)

// Start is the time that a new Clock shows.
var Start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// Clock is a clock that stands still until it is set. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that shows Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now is the time it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set makes it show a time.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Advance moves it on, or back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Key reads "Patient/a".
func Key(s string) store.Key {
	typ, id, ok := strings.Cut(s, "/")
	if !ok {
		panic("storetest: not a key: " + s)
	}
	return store.Key{Type: typ, ID: id}
}

// Put is an update of "Patient/a" to a resource of its type with these members: `"active":true`.
// It panics when they are not JSON.
func Put(key string, members ...string) store.Change {
	k := Key(key)
	return Content(k.ID, `{"resourceType":"`+k.Type+`"`+strings.Join(append([]string{""}, members...), ",")+`}`)
}

// Content is an update of the resource with this id to a whole JSON text. It panics when that is no
// resource.
func Content(id, text string) store.Change {
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		panic("storetest: " + err.Error())
	}
	resource, err := doc.Resource()
	if err != nil {
		panic("storetest: " + err.Error())
	}
	entries, err := Parameters().Extract(context.Background(), resource)
	if err != nil {
		panic("storetest: " + err.Error())
	}
	return store.Change{
		Key:     store.Key{Type: resource.Type().Name, ID: id},
		Method:  store.Update,
		Content: doc.Stamp(id),
		Entries: entries,
	}
}

// Parameters are the search parameters of all entries and queries of the suite.
var Parameters = sync.OnceValue(func() *search.Parameters {
	parameters, err := search.NewParameters(search.Options{
		BaseURL: searchtest.BaseURL,
		Now:     func() time.Time { return Start },
	})
	if err == nil {
		err = searchtest.Define(parameters)
	}
	if err != nil {
		panic("storetest: " + err.Error())
	}
	return parameters
})

// Query reads "Patient?family=Lind&_sort=-birthdate"; with no type before the question mark it is
// a search of the whole system. It panics when that is no query.
func Query(text string) *search.Query {
	typ, filter, _ := strings.Cut(text, "?")
	pairs, err := search.ReadQueryString(filter)
	if err != nil {
		panic("storetest: " + err.Error())
	}
	var types []string
	if typ != "" {
		types = []string{typ}
	}
	query, _, err := Parameters().Parse(types, pairs, search.ParseOptions{Terminology: searchtest.Terminology{}})
	if err != nil {
		panic("storetest: " + text + ": " + err.Error())
	}
	return query
}

// Delete is the deletion of "Patient/a".
func Delete(key string) store.Change { return store.Change{Key: Key(key), Method: store.Delete} }

// As is the change by another method.
func As(method store.Method, c store.Change) store.Change {
	c.Method = method
	return c
}

// IfVersion is the change on condition that the current version is this one.
func IfVersion(version int64, c store.Change) store.Change {
	c.If = store.Precondition{Kind: store.IfVersion, Version: version}
	return c
}

// IfAbsent is the change on condition that there never was such a resource.
func IfAbsent(c store.Change) store.Change {
	c.If = store.Precondition{Kind: store.IfAbsent}
	return c
}

// Claiming is the change with the claims that the new version holds.
func Claiming(c store.Change, claims ...string) store.Change {
	c.Claims = claims
	return c
}
