package pebble

import (
	"bytes"
	"io"
	"sync"

	lsm "github.com/cockroachdb/pebble/v2"
)

// overlay freezes the present state together with a batch that is never applied. Every read goes
// through copies of one iterator, which keep its state.
func (s *Store) overlay(batch *lsm.Batch) (*frozen, error) {
	base, err := batch.NewIter(nil)
	if err != nil {
		_ = batch.Close()
		return nil, err
	}
	return &frozen{
		source:  &overlay{base: base},
		preview: s.previews.Add(1),
		end:     []io.Closer{base, batch},
	}, nil
}

type overlay struct {
	mu   sync.Mutex
	base *lsm.Iterator
}

// NewIter implements source.
func (o *overlay) NewIter(options *lsm.IterOptions) (*lsm.Iterator, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if options == nil {
		options = &lsm.IterOptions{}
	}
	return o.base.Clone(lsm.CloneOptions{IterOptions: options})
}

// Get implements source.
func (o *overlay) Get(key []byte) ([]byte, io.Closer, error) {
	it, err := o.NewIter(&lsm.IterOptions{LowerBound: key})
	if err != nil {
		return nil, nil, err
	}
	if it.First() && bytes.Equal(it.Key(), key) {
		return it.Value(), it, nil
	}
	err = it.Error()
	_ = it.Close()
	if err == nil {
		err = lsm.ErrNotFound
	}
	return nil, nil, err
}
