package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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
	var group errgroup.Group
	group.SetLimit(captureWidth)
	for _, bundle := range bundles {
		group.Go(func() error {
			doc, err := resources.Parse(bundle)
			if err == nil {
				_, err = service.Process(ctx, fhir.BundleRequest{Bundle: doc})
			}
			return err
		})
	}
	return batches, group.Wait()
}

// captureWidth is how many commits share an fsync while they are captured.
const captureWidth = 32

// bare opens an empty bare engine.
func (b *Bench) bare(name string) (*pebble.Bare, error) {
	return pebble.OpenBare(filepath.Join(b.Dir, name))
}

// feed applies batches durably with so many writers until the time is over, going round if there are
// too few, and returns the batches a second. There should be more than fit a few memtables: the same
// keys again soon cost less than those of a store that grows, since flushes drop the older ones.
func feed(engine *pebble.Bare, batches [][]byte, writers int, length time.Duration) (float64, error) {
	var next, done atomic.Int64
	var group errgroup.Group
	start := time.Now()
	for range writers {
		group.Go(func() error {
			for time.Since(start) < length {
				i := int(next.Add(1)-1) % len(batches)
				if err := engine.Apply(batches[i]); err != nil {
					return fmt.Errorf("the bare engine: %w", err)
				}
				done.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), err
}
