package mongodb

import (
	"context"
	"math"

	"kiln/search"
)

func (v *view) count(ctx context.Context, query *search.Query) (int64, error) {
	s, err := v.searching(ctx, query)
	if err != nil {
		return 0, err
	}
	return s.count(ctx)
}

// count is how many matches there are, each decided by search.Match.
func (s *searching) count(ctx context.Context) (n int64, err error) {
	err = s.merge(ctx, place{number: math.MinInt64}, false, fullBatch, func(hit) bool {
		n++
		return false
	})
	return n, err
}
