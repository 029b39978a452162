package mongodb

import "kiln/search"

// indexKeys are the keys (ix.k) of a resource, each once, in order; words (of _text and _content) included
// where the entries have them.
func indexKeys(typ string, entries []search.Entry) []string { return nil }
