package validation_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// shared is the path of a file of the shared data; the test is skipped when it is not there.
func shared(t testing.TB, name ...string) string {
	t.Helper()
	if !hasShared(name...) {
		t.Skipf("skipped: %s is not beside the checkout", filepath.Join(name...))
	}
	return sharedPath(name...)
}

func sharedPath(name ...string) string {
	return filepath.Join(append([]string{"..", "..", "..", "shared", "data"}, name...)...)
}

func hasShared(name ...string) bool {
	_, err := os.Stat(sharedPath(name...))
	return err == nil
}

// contents reads a file, which may be compressed.
func contents(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(path) != ".gz" {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

// lines yields the lines of a file with their numbers, from 1.
func lines(t testing.TB, path string) func(yield func(int, []byte) bool) {
	t.Helper()
	b := contents(t, path)
	return func(yield func(int, []byte) bool) {
		s := bufio.NewScanner(bytes.NewReader(b))
		s.Buffer(nil, len(b)+1)
		for i := 1; s.Scan(); i++ {
			if len(s.Bytes()) > 0 && !yield(i, bytes.Clone(s.Bytes())) {
				return
			}
		}
	}
}
