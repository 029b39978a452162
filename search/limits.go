package search

// Limits of a query string. They bound what a request can ask for, far beyond what people write.
const (
	MaxParameters = 200   // name and value pairs
	MaxName       = 1_000 // bytes of a name
	MaxValue      = 256 << 10
	MaxOr         = 5_000 // values of one parameter, with commas between
	MaxChain      = 8     // chains and _has in one name
	MaxIncludes   = 50
	MaxSort       = 20
	MaxElements   = 500
	// MaxFilterTests and MaxFilterDepth bound one _filter: its comparisons, and how deep its
	// parentheses and brackets nest.
	MaxFilterTests = 200
	MaxFilterDepth = 32
	// maxTests bounds the tests of the whole tree: a chain without a type has one for each type
	// that the reference may point to.
	maxTests = 5_000
	// maxCodes bounds the codes that value sets and hierarchies add to the whole tree.
	maxCodes = 100_000
)

// DefaultCount and MaxCount are the sizes of a page, MaxResults bounds the number of matches on all.
const (
	DefaultCount = 20
	MaxCount     = 1_000
	MaxResults   = 1_000_000_000
)
