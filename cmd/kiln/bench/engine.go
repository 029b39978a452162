package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/resources"
	"kiln/search"
	"kiln/store/pebble"
)

// capture commits resources through a service on a new store and keeps what each commit wrote: the
// keys and values that the bare engine is fed with.
func (b *Bench) capture(ctx context.Context, name string, bundles [][]byte) ([][]byte, error) {
	parameters, err := search.NewParameters(search.Options{})
	if err != nil {
		return nil, err
	}
	validator, err := validation.New(validation.Options{})
	if err != nil {
		return nil, err
	}
	var batches [][]byte
	s, err := pebble.Open(filepath.Join(b.Dir, name), pebble.Options{
		Parameters: parameters,
		Trace:      func(batch []byte) { batches = append(batches, append([]byte(nil), batch...)) },
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	service, err := fhir.New(fhir.Options{Store: s, Parameters: parameters, Validator: validator})
	if err != nil {
		return nil, err
	}
	batches = nil // what opening wrote does not count
	for _, bundle := range bundles {
		doc, err := resources.Parse(bundle)
		if err != nil {
			return nil, err
		}
		if _, err := service.Process(ctx, fhir.BundleRequest{Bundle: doc}); err != nil {
			return nil, err
		}
	}
	return batches, nil
}

// bare opens an empty bare engine.
func (b *Bench) bare(name string) (*pebble.Bare, error) {
	return pebble.OpenBare(filepath.Join(b.Dir, name))
}

// feed applies batches durably with so many writers until the time is over, going round if there
// are too few, and returns the batches a second.
func feed(engine *pebble.Bare, batches [][]byte, writers int, length time.Duration) (float64, error) {
	var next, done atomic.Int64
	var failure atomic.Pointer[error]
	var group sync.WaitGroup
	start := time.Now()
	for range writers {
		group.Go(func() {
			for time.Since(start) < length {
				i := int(next.Add(1)-1) % len(batches)
				if err := engine.Apply(batches[i]); err != nil {
					failure.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	if err := failure.Load(); err != nil {
		return 0, fmt.Errorf("the bare engine: %w", *err)
	}
	return float64(done.Load()) / time.Since(start).Seconds(), nil
}
