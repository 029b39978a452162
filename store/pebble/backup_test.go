package pebble

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kiln/store"
)

func backupOf(t *testing.T, s *Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestABackupRestoresEverything(t *testing.T) {
	s := furnished(t)
	dir := filepath.Join(t.TempDir(), "restored")
	if err := Restore(bytes.NewReader(backupOf(t, s)), dir); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, dir)
	isClean(t, again)
	before, after := contents(t, s), contents(t, again)
	for key, value := range before {
		if after[key] != value {
			t.Errorf("%q is %q, and was %q", key, after[key], value)
		}
	}
	left, err := filepath.Glob(filepath.Join(s.dir, checkpointPrefix+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the backup leaves %v, %v", left, err)
	}
}

func TestABackupWhileOthersWriteHoldsWholeTransactions(t *testing.T) {
	s := openAt(t, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var acks []ack
	var writing sync.WaitGroup
	writing.Go(func() {
		_ = writeAll(ctx, s, 1, func(a ack) {
			mu.Lock()
			defer mu.Unlock()
			acks = append(acks, a)
		})
	})
	for range 3 {
		mu.Lock()
		known := append([]ack(nil), acks...)
		mu.Unlock()
		dir := filepath.Join(t.TempDir(), "restored")
		if err := Restore(bytes.NewReader(backupOf(t, s)), dir); err != nil {
			t.Fatal(err)
		}
		holdsWhatWasAcknowledged(t, openAt(t, dir), known)
	}
	stop()
	writing.Wait()
}

func TestRestoreRefuses(t *testing.T) {
	s := furnished(t)
	whole := backupOf(t, s)
	cut := func(n int) []byte { return whole[:len(whole)*n/10] }
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, content := range map[string][]byte{
		"NoBackup": []byte("not a backup"), "Nothing": nil, "ABackupCutShort": cut(9), "ABackupCutVeryShort": cut(1), "ADamagedBackup": flipped,
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "restored")
			if err := Restore(bytes.NewReader(content), dir); err == nil {
				t.Fatal("it was restored")
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something is left: %v", err)
			}
			if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) > 0 {
				t.Errorf("something is left: %v", left)
			}
		})
	}
	t.Run("AFolderThatIsNotEmpty", func(t *testing.T) {
		if err := Restore(bytes.NewReader(whole), s.dir); err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("the refusal is %v", err)
		}
	})
}

func TestBackupOfAClosedStoreFails(t *testing.T) {
	s := furnished(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), &bytes.Buffer{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("it fails with %v", err)
	}
}
