package fhir_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// shared is where the data that is not part of the project lies, as seen from this package.
const shared = "../../shared/data"

func unpack(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.Open(filepath.Join(shared, name))
	if os.IsNotExist(err) {
		t.Skipf("skipped, since %s is not there", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacker, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(unpacker); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// TestBundlesOfOthers does the batches and transactions of another server's tests (see the README
// of the suite): what must happen to each is written here, entry by entry.
func TestBundlesOfOthers(t *testing.T) {
	files := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(unpack(t, "suites/ms-fhir-server/files.ndjson.gz")))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var file struct{ Name, Content string }
		if err := json.Unmarshal(lines.Bytes(), &file); err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(file.Name), ".json")] = file.Content
	}
	found := []string{`{"resourceType":"Patient","id":"found","identifier":[{"system":"http:/example.org/fhir/ids","value":"234234"}]}`}
	for name, test := range map[string]struct {
		before   []string
		statuses string       // of the answers
		refused  outcome.Code // of the whole
		words    string
	}{
		"Bundle-Batch": {statuses: "201 201 201 201 412 204 204 0 200 404"},
		"Bundle-BatchWithConditionalUpdateByIdentifier":              {statuses: "422 422 422 422"}, // their systems are empty texts
		"Bundle-BatchWithDuplicatedItems":                            {statuses: "201 201 200 200 204 204 0 200 404"},
		"Bundle-BatchWithInvalidEleEnums":                            {statuses: "422 201 422 201 412 204 204 0 200 404"},
		"Bundle-BinaryPatch":                                         {statuses: "201 200"},
		"Bundle-FhirPatch":                                           {statuses: "201 200 200"},
		"Bundle-InvalidBundleType":                                   {refused: outcome.Value, words: "invalid-type"},
		"Bundle-MissingIdentifier":                                   {statuses: "0"},
		"Bundle-Transaction":                                         {refused: outcome.NotSupported, words: "Bundle.entry[7]"}, // ValueSet/$lookup
		"Bundle-TransactionForRollBack":                              {refused: outcome.NotFound, words: "Bundle.entry[1]"},
		"Bundle-TransactionWithConditionalCreateAndReference":        {refused: outcome.Value, words: "Bundle.entry[1].resource.series[0].modality"},
		"Bundle-TransactionWithConditionalReferenceInResourceBody":   {refused: outcome.NotFound, words: "Bundle.entry[0]"},
		"Bundle-TransactionWithInvalidProcessingRecord":              {refused: outcome.Invalid, words: "Bundle.entry[5].resource.id"},
		"Bundle-TransactionWithInvalidProcessingRoutes":              {refused: outcome.NotSupported, words: "Bundle.entry[1]"},
		"Bundle-TransactionWithMetaHistory":                          {statuses: "201"},
		"Bundle-TransactionWithMultipleEntriesModifyingSameResource": {refused: outcome.Invalid, words: "Bundle.entry[1]"}, // the PUT lacks its id
		"Bundle-TransactionWithMultipleResourcesWithSameFullUrl":     {refused: outcome.Duplicate, words: "Bundle.entry[1]"},
		"Bundle-TransactionWithPOSTFullUrlMatchesWithPUTRequestUrl":  {statuses: "201 201"},
		"Bundle-TransactionWithValidBundleEntry":                     {statuses: "201 201 201 201"},
		"Bundle-TypeMissing":                                         {refused: outcome.Value},
		"Bundle-TransactionWithReferenceInResourceBody":              {before: found, statuses: "201 201 201 201 201 201"},
		"SearchDataBatch":                                            {statuses: "201 422 422 201 201 201 201 201 201 422 422 201 201 201 422"}, // lists that are none
	} {
		t.Run(name, func(t *testing.T) {
			text, ok := files[name]
			if !ok {
				t.Fatal("the suite does not hold it")
			}
			h := open(t)
			for _, text := range test.before {
				h.put(text)
			}
			b, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: h.doc(text), Status: statusOf})
			if err != nil {
				refused := outcome.As(err)
				if refused.Code() != test.refused || !strings.Contains(strings.Join(places(refused), " "), test.words) && !strings.Contains(err.Error(), test.words) {
					t.Errorf("got %v (%s); want %s, %s", err, refused.Code(), test.refused, test.words)
				}
				return
			}
			a := decode(t, b)
			equal(t, "statuses", statuses(a), test.statuses)
			if statuses(a) != test.statuses {
				for i, e := range a.Entry {
					t.Logf("entry %d: %s %s", i, e.Response.Status, e.Response.Outcome)
				}
			}
		})
	}
}

func places(refused *outcome.Error) []string {
	var list []string
	for _, issue := range refused.Issues {
		list = append(list, issue.Expression...)
	}
	return list
}

// TestSyntheaTransactions loads whole patients by transaction and follows every reference.
func TestSyntheaTransactions(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(shared, "synthea", "*.json.gz"))
	if err != nil || len(names) == 0 {
		t.Skip("skipped, since the Synthea bundles are not there")
	}
	if testing.Short() || raceEnabled {
		names = names[:2]
	}
	h := with(t, fhir.Options{NewID: newUUIDs()})
	entries, references := 0, 0
	for _, name := range names {
		bundle, err := resources.Parse(unpack(t, filepath.Join("synthea", filepath.Base(name))))
		if err != nil {
			t.Fatal(err)
		}
		answers, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: bundle, Return: fhir.ReturnRepresentation})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
			continue
		}
		n := 0
		for e := range bundle.Children(bundle.Member(0, "entry")) {
			sent := bundle.Member(e, "resource")
			got, err := resources.Parse(answers.Entries[n].Resource)
			if err != nil {
				t.Fatal(err)
			}
			if bundle.Text(bundle.Member(sent, "resourceType")) != got.Text(got.Member(0, "resourceType")) {
				t.Fatalf("%s: entry %d is another resource", name, n)
			}
			references += h.resolveAll(got)
			n++
		}
		equal(t, "entries", len(answers.Entries), n)
		entries += n
	}
	t.Logf("%d bundles, %d entries, %d references", len(names), entries, references)
	if references < entries {
		t.Errorf("%d references in %d entries were followed", references, entries)
	}
}

// resolveAll reads whatever a resource refers to, and counts it.
func (h harness) resolveAll(doc *resources.Document) int {
	count := 0
	for n := range resources.Node(doc.Len()) {
		if doc.Name(n) != "reference" || doc.Kind(n) != resources.String {
			continue
		}
		reference := doc.Text(n)
		if strings.HasPrefix(reference, "#") {
			continue
		}
		typ, id, ok := strings.Cut(reference, "/")
		if !ok || strings.HasPrefix(reference, "urn:") {
			h.Errorf("the reference %q was not replaced", reference)
			continue
		}
		if _, err := h.Read(h.Context(), store.Key{Type: typ, ID: id}); err != nil {
			h.Error(err)
		}
		count++
	}
	return count
}
