package searchtest

import (
	"math/rand/v2"

	"kiln/search"
)

// RandomAmong is a condition on a type such as a predicate of access has: what some of its references, or the resources
// themselves, are among. At times there are no targets, at times more than the world has.
func (w *World) RandomAmong(r *rand.Rand, typ string) search.Among {
	to := pick(r, w.Types())
	var params []*search.Parameter
	for _, param := range w.Parameters.Of(typ) {
		if param.Type == search.TypeReference && r.IntN(3) == 0 {
			params = append(params, param)
		}
	}
	if to == typ && (len(params) == 0 || r.IntN(2) == 0) {
		params = append(params, w.Parameters.ID())
	}
	var ids []string
	for range r.IntN(60) {
		if r.IntN(10) == 0 {
			ids = append(ids, "none-"+string(rune('a'+r.IntN(26))))
		} else {
			ids = append(ids, w.Resources[pick(r, w.byType[to])].ID)
		}
	}
	r.Shuffle(len(params), func(i, j int) { params[i], params[j] = params[j], params[i] })
	return search.Among{Params: params, Targets: search.NewTargets(to, ids...)}
}
