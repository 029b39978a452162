package bench

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyAStoreOfAsManyResourcesIsUsedAgain(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "loaded.json"), []byte(`{"Resources":100,"Bytes":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &Bench{Options: Options{Dir: dir, Keep: true, Resources: 100, Log: io.Discard}}
	if err := b.loadOrReuse(t.Context()); err != nil || b.loaded.bytes != 7 {
		t.Errorf("gave %+v and %v", b.loaded, err)
	}
	b.Resources = 200
	if err := b.loadOrReuse(t.Context()); err == nil {
		t.Error("a store of 100 resources was taken for one of 200")
	}
}
