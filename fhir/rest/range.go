package rest

import (
	"strconv"
	"strings"
)

// byteRange is a part of a content, from start up to end.
type byteRange struct{ start, end int64 }

// rangeVerdict is what a Range header comes to.
type rangeVerdict uint8

const (
	rangeWhole         rangeVerdict = iota // no range, or one that may be ignored: the whole content
	rangePart                              // 206
	rangeUnsatisfiable                     // 416
)

// parseRange reads a Range header for a content of size bytes. Several ranges, other units and
// malformed text are answered with the whole, which RFC 9110 section 14.2 allows.
func parseRange(header string, size int64) (byteRange, rangeVerdict) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	from, to, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return byteRange{}, rangeWhole
	}
	if from == "" {
		return suffixRange(to, size)
	}
	start, err := strconv.ParseInt(from, 10, 64)
	if err != nil || start < 0 {
		return byteRange{}, rangeWhole
	}
	end := size - 1
	if to != "" {
		if end, err = strconv.ParseInt(to, 10, 64); err != nil || end < start {
			return byteRange{}, rangeWhole
		}
	}
	if start >= size {
		return byteRange{}, rangeUnsatisfiable
	}
	return byteRange{start, min(end, size-1) + 1}, rangePart
}

// suffixRange is "-n": the last n bytes.
func suffixRange(n string, size int64) (byteRange, rangeVerdict) {
	length, err := strconv.ParseInt(n, 10, 64)
	switch {
	case err != nil || length < 0:
		return byteRange{}, rangeWhole
	case length == 0 || size == 0:
		return byteRange{}, rangeUnsatisfiable
	}
	return byteRange{size - min(length, size), size}, rangePart
}

func (r byteRange) contentRange(size int64) string {
	return "bytes " + strconv.FormatInt(r.start, 10) + "-" + strconv.FormatInt(r.end-1, 10) + "/" + strconv.FormatInt(size, 10)
}
