package fhir

import (
	"context"

	"kiln/store"
)

// readAhead is a reader that has read some current versions already. The caller's rights are judged by whoever
// asks for one of them.
type readAhead struct {
	store.Reader
	found map[store.Key]store.Version
}

// Read implements store.Reader.
func (r readAhead) Read(ctx context.Context, key store.Key) (store.Version, error) {
	if v, ok := r.found[key]; ok {
		return v, nil
	}
	return r.Reader.Read(ctx, key)
}

// ahead reads the resources of some keys at once, where the engine can. What is not among them is read when
// it is asked for.
func (x *inclusion) ahead(ctx context.Context, keys []store.Key) (store.Reader, error) {
	keys = keys[:min(len(keys), x.most-len(x.found))]
	batch, ok := x.reader.(store.BatchReader)
	if !ok || len(keys) < 2 {
		return x.reader, nil
	}
	list, err := batch.ReadAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	found := make(map[store.Key]store.Version, len(list))
	for _, v := range list {
		if v.ID != "" {
			found[v.Key] = v
		}
	}
	return readAhead{x.reader, found}, nil
}
