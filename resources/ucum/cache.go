package ucum

import (
	"strings"
	"sync"
)

// cache holds what codes were read as. When it is full it begins anew: those in use are back at once,
// and codes made up to fill it are gone.
type cache struct {
	mu       sync.RWMutex
	readings map[string]reading
}

// maxReadings bounds the cache; a server meets some hundred units.
const maxReadings = 2048

var lately cache

func (c *cache) find(code string) (reading, bool) {
	if len(code) > MaxLength {
		return reading{}, false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, ok := c.readings[code]
	return r, ok
}

func (c *cache) keep(code string, r reading) {
	if len(code) > MaxLength {
		return
	}
	code = strings.Clone(code) // it may be part of a document
	if r.unit != nil {
		r.unit.code = code
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readings == nil || len(c.readings) >= maxReadings {
		c.readings = make(map[string]reading)
	}
	c.readings[code] = r
}
