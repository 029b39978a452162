package rest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/fhir/rest"
)

// TestDocs sends the curl lines of docs/rest.md in their order and expects the status behind them.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/rest.md")
	if err != nil {
		t.Fatal(err)
	}
	validator, err := validation.New(validation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandlerOn(t, "memory", fhir.Options{Validator: validator}, rest.Options{})
	_, script, _ := strings.Cut(string(text), "```sh\n")
	script, _, _ = strings.Cut(script, "```")
	lines := curlLine.FindAllStringSubmatch(strings.ReplaceAll(script, "\\\n", ""), -1)
	if len(lines) < 40 {
		t.Fatalf("found %d curl lines", len(lines))
	}
	for _, line := range lines {
		request := curl(t, line[1])
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, request)
		if want, _ := strconv.Atoi(line[2]); answer.Code != want {
			t.Errorf("%s\ngot %d %s, want %d", line[0], answer.Code, answer.Body, want)
		}
	}
}

var (
	curlLine = regexp.MustCompile(`(?m)^curl (.*?) +# (\d{3})$`)
	word     = regexp.MustCompile(`'[^']*'|\S+`)
)

// curl reads the few options that the page uses.
func curl(t *testing.T, arguments string) *http.Request {
	t.Helper()
	words := word.FindAllString(arguments, -1)
	method, address, body := "", "", ""
	header := http.Header{}
	for i := 0; i < len(words); i++ {
		value := func() string {
			i++
			return strings.Trim(words[i], "'")
		}
		switch words[i] {
		case "-i":
		case "-I":
			method = http.MethodHead
		case "-X":
			method = value()
		case "-H":
			name, text, _ := strings.Cut(value(), ": ")
			header.Set(name, text)
		case "-d":
			body = value()
		default:
			address = strings.Trim(words[i], "'")
		}
	}
	if body != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if method == "" {
		method = http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
	}
	request := httptest.NewRequest(method, address, strings.NewReader(body))
	request.Header = header
	return request
}
