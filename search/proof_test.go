package search_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// proofLink is a link of the table: [TestName](../path) or [name.txtar](../path).
var proofLink = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)

// TestTheProofsInTheDocsExist reads the table of docs/search.md that says what proves each feature: a
// row has links, to scripts that exist and to tests that their file has.
func TestTheProofsInTheDocsExist(t *testing.T) {
	text, err := os.ReadFile("../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n## What proves it\n")
	if !ok {
		t.Fatal("docs/search.md has no table of proofs")
	}
	rows := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| feature ") {
			continue
		}
		rows++
		links := proofLink.FindAllStringSubmatch(line, -1)
		if len(links) == 0 {
			t.Errorf("nothing proves: %s", line)
		}
		for _, link := range links {
			if wrong := checkProof(link[1], link[2]); wrong != "" {
				t.Errorf("%s: %s", strings.TrimSpace(line), wrong)
			}
		}
	}
	if rows < 40 {
		t.Errorf("the table has %d rows; expected those of all features", rows)
	}
}

// checkProof says what is wrong with a link; empty if nothing is.
func checkProof(name, path string) string {
	text, err := os.ReadFile(filepath.Join("../docs", path))
	switch {
	case err != nil:
		return path + " does not exist"
	case strings.HasSuffix(path, "_test.go") && !strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)"):
		return path + " has no test " + name
	case !strings.HasSuffix(path, "_test.go") && name != filepath.Base(path):
		return name + " is not the name of " + path
	}
	return ""
}

func TestProofsAreChecked(t *testing.T) {
	for _, link := range [][2]string{
		{"TestNothing", "../search/proof_test.go"},
		{"TestSort", "../search/nothing_test.go"},
		{"nothing.txtar", "../fhir/rest/testdata/nothing.txtar"},
		{"search.txtar", "../fhir/rest/testdata/filter.txtar"},
	} {
		if checkProof(link[0], link[1]) == "" {
			t.Errorf("%v is taken for a proof", link)
		}
	}
	if wrong := checkProof("TestProofsAreChecked", "../search/proof_test.go"); wrong != "" {
		t.Error(wrong)
	}
}
