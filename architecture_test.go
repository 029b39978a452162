// Package kiln_test states the shape of the house: which room may import which, and who owns
// each third-party library. docs/architecture.md explains it.
package kiln_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms lists the packages from the ground up. A package may import those above it in this list
// (lower in the house), never those below. A name ending in /… stands for the folders below it.
var rooms = []string{
	"resources/outcome",
	"resources/ucum/…",
	"resources/definitions",
	"resources",
	"resources/datatypes",
	"resources/xmlformat/markup",
	"resources/xmlformat/…",
	"resources/narrative",
	"fhirpath",
	"search",
	"search/searchtest",
	"conformance/…",
	"store",
	"store/lease",
	"store/memory",
	"store/pebble",
	"store/mongodb/bsonjson",
	"store/mongodb",
	"store/mongodb/peer",
	"store/storetest",
	"fhir/patch",
	"fhir",
	"fhir/fhirtest",
	"auth/scope",
	"auth",
	"auth/setting",
	"auth/policy",
	"auth/access",
	"auth/account",
	"auth/federation",
	"auth/smart",
	"auth/smart/smarttest",
	"auth/smart/server",
	"fhir/rest",
	"auth/audit",
	"cmd/…",
}

// owners names who may import a library, by the start of its import path. Tests may import any
// library that is listed; one that is not listed has nobody who answers for it.
var owners = map[string][]string{
	"github.com/gin-gonic/gin":            {"fhir/rest", "auth/smart/server", "cmd/…"},
	"github.com/go-jose/go-jose/v4":       {"auth/smart/…"},
	"github.com/coreos/go-oidc/v3":        {"auth/federation"},
	"golang.org/x/oauth2":                 {"auth/federation", "cmd/kiln"},
	"golang.org/x/crypto":                 {"auth/account"},
	"github.com/go-webauthn/webauthn":     {"auth/account", "auth/smart/server"},
	"github.com/pquerna/otp":              {"auth/account"},
	"github.com/cockroachdb/pebble/v2":    {"store/pebble"},
	"github.com/cockroachdb/apd/v3":       {"resources/ucum", "resources/datatypes", "fhirpath", "search", "search/searchtest", "store", "store/pebble", "store/mongodb", "conformance/…"},
	"github.com/RoaringBitmap/roaring/v2": {"store/pebble"},
	"go.mongodb.org/mongo-driver/v2":      {"store/mongodb/…", "cmd/…"},
	"github.com/RaduBerinde/btreemap":     {"store/memory"},
	"github.com/klauspost/compress":       {"auth/audit", "resources/definitions/…", "store/pebble", "fhir/rest", "cmd/…"},
	"github.com/dustin/go-humanize":       {"cmd/…"},
	"github.com/xeipuuv/gojsonschema":     {"conformance/…", "auth/setting", "auth/policy", "auth/federation", "cmd/…"},
	"go.yaml.in/yaml/v3":                  {"auth/setting", "auth/policy", "auth/federation"},
	"github.com/hashicorp/golang-lru/v2":  {"auth/access"},
	"github.com/google/uuid":              {"fhir", "fhir/rest", "cmd/…"},
	"github.com/prometheus/client_golang": {"fhir/rest", "cmd/…"},
	"github.com/spf13/":                   {"cmd/…"},
	"github.com/knadh/koanf/":             {"cmd/…"},
	"github.com/schollz/progressbar/v3":   {"cmd/…"},
	"github.com/evanphx/json-patch/v5":    nil, // an oracle in tests
	"golang.org/x/text":                   {"auth/account", "search", "fhirpath", "resources/xmlformat", "conformance/…"},
	"golang.org/x/sync":                   {"store/…", "fhir", "fhir/rest", "cmd/…"},
	"github.com/clipperhouse/uax29/":      {"search"},
	"golang.org/x/net":                    {"search", "fhir/rest", "conformance/…", "resources/xmlformat"},
	"github.com/google/fhir/go":           nil, // an independent judge in tests
	"github.com/go-json-experiment/json":  nil,
	"github.com/google/go-cmp":            nil,
	"github.com/chromedp/chromedp":        nil, // a browser for tests of apps
	"github.com/descope/virtualwebauthn":  nil, // an authenticator for tests
	"golang.org/x/term":                   {"cmd/…"},
	"github.com/rogpeppe/go-internal":     nil,
	"pgregory.net/rapid":                  nil,
	"google.golang.org/protobuf":          nil,
}

// testOnly are packages that exist for tests of others and may import what tests may.
var testOnly = []string{"auth/smart/smarttest", "store/mongodb/peer", "store/storetest", "search/searchtest", "fhir/fhirtest"}

func TestImportsPointDown(t *testing.T) {
	for _, file := range sources(t) {
		from := room(file.folder)
		if from < 0 {
			t.Errorf("%s: the folder %s is not in the list of rooms", file.name, file.folder)
			continue
		}
		if file.test || slices.Contains(testOnly, file.folder) {
			continue
		}
		for _, imported := range file.imports {
			inside, ok := strings.CutPrefix(imported, "kiln/")
			if !ok || inside == file.folder {
				continue
			}
			if to := room(inside); to < 0 || to > from || to == from && !strings.HasSuffix(rooms[from], "/…") {
				t.Errorf("%s imports %s, which is not below it", file.name, imported)
			}
		}
	}
}

func TestEachLibraryHasAnOwner(t *testing.T) {
	for _, file := range sources(t) {
		for _, imported := range file.imports {
			if !strings.Contains(strings.Split(imported, "/")[0], ".") {
				continue // the standard library or this module
			}
			allowed, known := owner(imported)
			if !known {
				t.Errorf("%s imports %s, which no room owns", file.name, imported)
				continue
			}
			if file.test || slices.Contains(testOnly, file.folder) {
				continue
			}
			if !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, file.folder) }) {
				t.Errorf("%s imports %s, which belongs to %v", file.name, imported, allowed)
			}
		}
	}
}

// TestNoJunkDrawers keeps out the folders that say nothing of what is in them.
func TestNoJunkDrawers(t *testing.T) {
	for _, file := range sources(t) {
		for name := range strings.SplitSeq(file.folder, "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "helper", "models", "misc", "manager"}, name) {
				t.Errorf("%s is in a folder named %s", file.name, name)
			}
		}
	}
}

func owner(imported string) ([]string, bool) {
	for prefix, rooms := range owners {
		if imported == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(imported, strings.TrimSuffix(prefix, "/")+"/") {
			return rooms, true
		}
	}
	return nil, false
}

func room(folder string) int {
	best := -1
	for i, pattern := range rooms {
		if pattern == folder {
			return i
		}
		if best < 0 && matches(pattern, folder) {
			best = i
		}
	}
	if best < 0 && strings.HasPrefix(folder, "resources/definitions/") {
		return room("resources/definitions")
	}
	return best
}

func matches(pattern, folder string) bool {
	prefix, below := strings.CutSuffix(pattern, "/…")
	return folder == prefix || below && strings.HasPrefix(folder, prefix+"/")
}

type source struct {
	name, folder string
	test         bool
	imports      []string
}

// isModule reports whether a folder is a module of its own, with libraries of its own.
func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// sources reads the imports of every Go file of the module but those of the root.
func sources(t *testing.T) []source {
	t.Helper()
	var files []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != "." || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() && name != "." && isModule(name) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || !strings.Contains(filepath.ToSlash(name), "/") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		file := source{name: filepath.ToSlash(name), folder: path.Dir(filepath.ToSlash(name)), test: strings.HasSuffix(name, "_test.go")}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			file.imports = append(file.imports, imported)
		}
		files = append(files, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no source files")
	}
	return files
}

// TestEveryRoomIsOnThePlan keeps the page that shows a newcomer around whole.
func TestEveryRoomIsOnThePlan(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, house, _ := strings.Cut(string(page), "\n```\n")
	house, where, _ := strings.Cut(house, "\n```\n")
	for _, file := range sources(t) {
		if file.test || file.folder == "." {
			continue
		}
		if name := path.Base(file.folder); !strings.Contains(house, name+"/ ") && !strings.Contains(house, name+"  ") && !strings.Contains(where, file.folder) {
			t.Errorf("docs/architecture.md does not show %s", file.folder)
		}
	}
}
