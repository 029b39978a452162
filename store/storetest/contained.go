package storetest

import (
	"fmt"
	"strings"

	"kiln/search"
	"kiln/store"
)

// placed are the matches of a page; those of contained resources have ids of their own, with the place
// in the container after "#".
func placed(page store.Page) []store.Version {
	if page.Contained == nil {
		return page.Matches
	}
	list := make([]store.Version, len(page.Matches))
	for i, v := range page.Matches {
		if at := page.Contained[i]; at != search.Whole {
			v.ID = fmt.Sprintf("%s#%d", v.ID, at)
		}
		list[i] = v
	}
	return list
}

// containerKey is the key of the container of such a match, or of the match.
func containerKey(k store.Key) store.Key {
	k.ID, _, _ = strings.Cut(k.ID, "#")
	return k
}
