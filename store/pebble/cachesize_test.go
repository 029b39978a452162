package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestTheCacheGrowsWithTheStore(t *testing.T) {
	fs := vfs.NewMem()
	for _, c := range []struct {
		added, asked, want int64
	}{
		{0, 0, 64 << 20}, {100 << 20, 0, 64 << 20}, {100 << 20, 0, 100 << 20}, {400 << 20, 0, 192 << 20}, {0, 1 << 20, 1 << 20},
	} {
		if c.added > 0 {
			grow(t, fs, c.added)
		}
		if got := cacheSize("", Options{fs: fs, CacheSize: c.asked}); got != c.want {
			t.Errorf("%d MiB were added, %d asked for: the cache has %d bytes; want %d", c.added>>20, c.asked, got, c.want)
		}
	}
}

// grow adds a file.
func grow(t *testing.T, fs vfs.FS, size int64) {
	t.Helper()
	names, _ := fs.List("")
	file, err := fs.Create(string(rune('a'+len(names))), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
}
