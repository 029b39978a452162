package pebble

// The bounds of a cache whose size was left open.
const (
	leastCache = 64 << 20
	mostCache  = 192 << 20
)

// cacheSize is how many bytes of blocks are held in memory. Searches of a large store jump about in more
// blocks than those of a small one, and a block that is not there is read and decompressed for one key.
func cacheSize(dir string, options Options) int64 {
	if options.CacheSize > 0 {
		return options.CacheSize
	}
	names, err := options.fs.List(dir)
	if err != nil {
		return leastCache // opening tells what is wrong
	}
	var size int64
	for _, name := range names {
		if file, err := options.fs.Stat(options.fs.PathJoin(dir, name)); err == nil && !file.IsDir() {
			size += file.Size()
		}
	}
	return min(max(size/2, leastCache), mostCache)
}
