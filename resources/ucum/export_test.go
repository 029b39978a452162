package ucum

import (
	"maps"
	"slices"
)

// MaxReadings is the bound of the cache.
const MaxReadings = maxReadings

// Cached is the number of codes in the cache.
func Cached() int {
	lately.mu.RLock()
	defer lately.mu.RUnlock()
	return len(lately.readings)
}

// Symbols are those of the table.
func Symbols() (prefixes, metric, all []string) {
	t := table()
	for symbol, a := range t.atoms {
		all = append(all, symbol)
		if a.metric {
			metric = append(metric, symbol)
		}
	}
	return slices.Collect(maps.Keys(t.prefixes)), metric, all
}

// ReadTable reads a table anew.
func ReadTable() { readTable(unitsTable) }
