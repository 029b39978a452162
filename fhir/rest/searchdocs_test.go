package rest_test

import (
	"cmp"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/fhir/rest"
)

var (
	searchLine = regexp.MustCompile(`(?m)^curl (?:-g?s )?(.*?)  # (?:(\d{3})|finds (\d+))$`)
	fileOfBody = regexp.MustCompile(`-d @(\S+)`)
)

// TestDocsOfSearch sends the curl lines of the pages about search in their order and expects what stands
// behind them.
func TestDocsOfSearch(t *testing.T) {
	for page, least := range map[string]int{"search.md": 26, "terminology.md": 4} {
		t.Run(page, func(t *testing.T) { sendPage(t, page, least) })
	}
}

func sendPage(t *testing.T, page string, least int) {
	text, err := os.ReadFile(filepath.Join("../../docs", page))
	if err != nil {
		t.Fatal(err)
	}
	validator, err := validation.New(validation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandlerOn(t, "memory", fhir.Options{Validator: validator}, rest.Options{})
	lines := searchLine.FindAllStringSubmatch(string(text), -1)
	if all := strings.Count(string(text), "\ncurl "); len(lines) != all || all < least {
		t.Fatalf("%d of %d curl lines tell what they give", len(lines), all)
	}
	for _, line := range lines {
		arguments := fileOfBody.ReplaceAllStringFunc(line[1], func(argument string) string {
			body, err := os.ReadFile(filepath.Join("../..", fileOfBody.FindStringSubmatch(argument)[1]))
			if err != nil {
				t.Fatal(err)
			}
			return "-d '" + string(body) + "'"
		})
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, curl(t, arguments))
		if want := number(cmp.Or(line[2], "200")); answer.Code != want {
			t.Errorf("%s\ngot %d %s; want %d", line[0], answer.Code, answer.Body, want)
		}
		if line[3] != "" && matchesIn(t, answer.Body.Bytes()) != number(line[3]) {
			t.Errorf("%s\ngot %s", line[0], answer.Body)
		}
	}
}

func number(text string) (n int) {
	_ = json.Unmarshal([]byte(text), &n)
	return n
}

// matchesIn is the total of a searchset.
func matchesIn(t *testing.T, body []byte) int {
	t.Helper()
	var bundle struct {
		Total *int `json:"total"`
	}
	if err := json.Unmarshal(body, &bundle); err != nil || bundle.Total == nil {
		t.Fatalf("%s has no total: %v", body, err)
	}
	return *bundle.Total
}
