package pebble

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

func openAt(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{Parameters: testParameters(), CacheSize: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestOpen(t *testing.T) {
	refused := func(t *testing.T, dir, why string) {
		t.Helper()
		s, err := Open(dir, Options{Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			_ = s.Close()
			t.Fatalf("the store was opened; expected a refusal that says %q", why)
		}
		if !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), dir) {
			t.Errorf("the refusal is %q; expected the folder and %q", err, why)
		}
	}
	t.Run("MakesFoldersThatAreMissing", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a", "b")
		if err := openAt(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		openAt(t, dir)
	})
	t.Run("RefusesAStoreThatIsInUse", func(t *testing.T) {
		dir := t.TempDir()
		s := openAt(t, dir)
		refused(t, dir, "in use by another process")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		openAt(t, dir)
	})
	t.Run("RefusesAFolderWithOtherFiles", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, "holds other files (thesis.txt)")
	})
	t.Run("RefusesAFormatThatItDoesNotKnow", func(t *testing.T) {
		dir := t.TempDir()
		s := openAt(t, dir)
		if err := s.db.Set(metaFormat, []byte("kiln 99"), lsm.Sync); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, `the format "kiln 99"`)
		refused(t, dir, "the program that wrote it")
	})
	t.Run("RefusesAnotherProgramsDatabase", func(t *testing.T) {
		dir := t.TempDir()
		db, err := lsm.Open(dir, &lsm.Options{Logger: engineLogger{slog.New(slog.DiscardHandler), nil}})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Set([]byte("x"), nil, lsm.Sync); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, "of another program")
	})
	t.Run("ClearsAwayWhatAnInterruptedBackupLeft", func(t *testing.T) {
		dir := t.TempDir()
		if err := openAt(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		left := filepath.Join(dir, checkpointPrefix+"0123")
		if err := os.MkdirAll(left, 0o750); err != nil {
			t.Fatal(err)
		}
		openAt(t, dir)
		if _, err := os.Stat(left); err == nil {
			t.Error("the copy is still there")
		}
	})
}

// put stores a Basic resource.
func put(t *testing.T, s *Store, id, text string, claims ...string) store.Version {
	t.Helper()
	c := benchChange(id, `{"resourceType":"Basic","id":"`+id+`","code":{"text":"`+text+`"},"identifier":[{"system":"urn:x","value":"`+text+`"}]}`)
	c.Claims = claims
	versions, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{c}})
	if err != nil {
		t.Fatal(err)
	}
	return versions[0]
}
