package terminology

import (
	"container/list"
	"sync"
)

type kind uint8

const (
	kindValueSet kind = iota
	kindCodeSystem
)

// origin is a definition that something was made of. Revision "" is one that no source had.
type origin struct {
	kind                   kind
	url, version, revision string
}

// name is what is kept in a cache under a key.
type name struct {
	kind         kind
	url, version string
}

// kept is a set or code system with what it was made of.
type kept struct {
	name   name
	value  any // *Set or *CodeSystem
	weight int // codes
	from   []origin
}

// cache keeps what was used last, by number and by weight.
type cache struct {
	mutex  sync.Mutex
	byName map[name]*list.Element
	order  *list.List // of *kept, the last used first
	weight int
	limits Limits
}

func newCache(limits Limits) *cache {
	return &cache{byName: map[name]*list.Element{}, order: list.New(), limits: limits}
}

func (c *cache) get(n name) (*kept, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	at, ok := c.byName[n]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(at)
	return at.Value.(*kept), true
}

func (c *cache) put(k *kept) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if at, ok := c.byName[k.name]; ok {
		c.drop(at)
	}
	c.byName[k.name] = c.order.PushFront(k)
	c.weight += k.weight
	for c.order.Len() > c.limits.Cached || c.weight > c.limits.CachedCodes && c.order.Len() > 1 {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(at *list.Element) {
	k := c.order.Remove(at).(*kept)
	delete(c.byName, k.name)
	c.weight -= k.weight
}
