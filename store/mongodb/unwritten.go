package mongodb

import "context"

func (v *view) guard(ctx context.Context, key string) (uint64, error) { panic("unwritten") }
