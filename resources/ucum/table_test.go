package ucum_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTableIsCurrent: go generate gives the table that is embedded.
func TestTableIsCurrent(t *testing.T) {
	source := filepath.Join("..", "..", "..", "shared", "data", "ucum", "ucum-essence.xml")
	if _, err := os.Stat(source); err != nil {
		t.Skip("skipped comparing the embedded table with its source: it is not beside the checkout")
	}
	out := filepath.Join(t.TempDir(), "units.tsv")
	if text, err := exec.Command("go", "run", "./generate", "-data", source, "-out", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("units.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("units.tsv is not what go generate writes")
	}
}
