package pebble

// tuning are the numbers that choose between ways of finding the same thing. Costs are in index keys
// read one after another, about a tenth of a microsecond each; docs/decisions/0002 tells how they
// were measured. Tests set them so that every way is taken with little data.
type tuning struct {
	test  int // looking at the values of a document
	words int // looking at the words of a document
	seek  int // asking a set for one document
	join  int // following a resource to those that refer to it
	chase int // following a resource to one that it refers to

	lookup int // reading the values of what a resource refers to, or of what refers to it

	probe     int // how far legs are counted before their size on disk is asked for
	joinProbe int // how far the inner set of a chain is counted
	fanOut    int // about how many resources refer to one
	scans     int // ranges that one criterion is lowered to before a wider one is better
	listed    int // documents kept as a list; more are a bitmap
	group     int // documents of equal sort value that are read at once and put in order in memory
	below     int // resources below one that are looked up; more are found by looking at what refers to them
	gather    int // members of an inner set, for each candidate, that are worth taking into memory
	total     int // what is read on for a total that was not asked for
	steps     int // references to one resource that are gone through before leaping among them
	batch     int // bytes of keys that a join puts in order at once
}

var tuned = tuning{
	test: 16, words: 160, seek: 8, join: 45, chase: 28, lookup: 120,
	probe: 64, joinProbe: 128, fanOut: 16, scans: 16, listed: 1 << 16, group: 128, below: 4096, gather: 64, total: 256, steps: 64, batch: 64 << 10,
}
