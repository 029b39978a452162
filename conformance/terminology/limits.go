package terminology

// Limits bound the work of a Service. Zero is the default of each.
type Limits struct {
	// Codes is how many codes a value set may have. Default: 100,000.
	Codes int
	// Depth is how many value sets may refer to each other in a row. Default: 16.
	Depth int
	// Parts is how many includes and excludes one value set may have, those of the value sets that
	// it refers to too. Default: 10,000.
	Parts int
	// Cached is how many composed value sets and code systems are kept; CachedCodes is how many
	// codes they may have together. Defaults: 1,000 and 500,000.
	Cached, CachedCodes int
}

// maxRegex bounds the pattern of a filter.
const maxRegex = 1000

// EnsureDefaults sets what is unset.
func (l *Limits) EnsureDefaults() {
	for _, limit := range []struct {
		value     *int
		otherwise int
	}{{&l.Codes, 100_000}, {&l.Depth, 16}, {&l.Parts, 10_000}, {&l.Cached, 1000}, {&l.CachedCodes, 500_000}} {
		if *limit.value <= 0 {
			*limit.value = limit.otherwise
		}
	}
}
