package pebble_test

import (
	"testing"

	"kiln/store"
	"kiln/store/pebble"
	"kiln/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB, dir string, options storetest.Options) store.Store {
		s, err := pebble.Open(dir, pebble.Options{Now: options.Now, Parameters: options.Parameters, CacheSize: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, storetest.Durable)
}
