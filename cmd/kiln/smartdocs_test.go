package main

import (
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kiln/auth/smart/smarttest"
)

// TestTheLinesOfSmart runs the lines of docs/smart.md as a person would paste them, with a browser in between.
func TestTheLinesOfSmart(t *testing.T) {
	for _, needed := range []string{"bash", "curl", "openssl", "basenc"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("the lines need %s", needed)
		}
	}
	text, err := os.ReadFile("../../docs/smart.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, block[1])
	}
	address := regexp.MustCompile(`<(http://127\.0\.0\.1:8080/auth/authorize\?.*)>`).FindStringSubmatch(string(text))
	if len(blocks) != 4 || address == nil {
		t.Fatalf("the page has %d blocks and the address %v", len(blocks), address)
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	base := "http://127.0.0.1:8080"
	here := func(text string) string {
		return strings.NewReplacer("go run ./cmd/kiln ", "kiln ", "/tmp/kiln-smart", data, "/tmp/kiln-lab", filepath.Join(dir, "lab"),
			"http://127.0.0.1:8080", base, "http%3A%2F%2F127.0.0.1%3A8080", strings.ReplaceAll(strings.ReplaceAll(base, ":", "%3A"), "/", "%2F")).Replace(text)
	}
	paste := func(block string, with ...string) string {
		cmd := exec.Command("bash", "-euc", here(block))
		cmd.Env = append(os.Environ(), with...)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, here(block), said.String())
		}
		return said.String()
	}
	want := func(said string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(said, part) {
				t.Errorf("there is no %s in\n%s", part, said)
			}
		}
	}

	newShow(t, "--data", data).end()
	want(paste(blocks[0]), "added growth, a public app", "added chart, which has a secret", "added lab, which signs")

	s := newShow(t, "--data", data)
	base = s.base
	page := smarttest.NewBrowser(t, nil, "http://127.0.0.1:9000/").Open(html.UnescapeString(here(address[1]))).SignIn("anna-berg", s.password).
		Submit(smarttest.Field{Name: "decision", Value: "allow"})
	if page.Left == nil {
		t.Fatalf("the app gets no code: %s", page.Body)
	}
	said := paste(blocks[1], "CODE="+page.Left.Query().Get("code"))
	want(said, `"patient":"anna-berg"`, `"id_token":"`, `"fullUrl":"`+base+`/fhir/Observation/anna-berg-`, `"code":"not-found"`, `"active":true`, "revoked: 200", "afterwards: 401")
	want(paste(blocks[2]), `"total":12`)
	token := strings.TrimPrefix(demoCurl.FindStringSubmatch(s.said)[1], "Bearer ")
	want(paste(blocks[3], "NURSE="+token), `{"launch_url":"`+base+`/demo/?`)
	s.end()
}
