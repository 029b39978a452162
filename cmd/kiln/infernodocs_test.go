package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kiln/auth/scope"
)

// TestTheInfernoPresetFitsThePage registers what docs/inferno.md says and compares it with what the preset asks for.
func TestTheInfernoPresetFitsThePage(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the lines need bash")
	}
	page, err := os.ReadFile("../../docs/inferno.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/examples/inferno/smart_stu2_2.json")
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	lines := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(string(page))[1]
	lines += "go run ./cmd/kiln client add inferno-backend --backend --jwks http://localhost/jwks --scope 'system/*.rs' --store /tmp/kiln-inferno\n"
	out, err := exec.Command("bash", "-euc", strings.NewReplacer("go run ./cmd/kiln ", "kiln ", "/tmp/kiln-inferno", data).Replace(lines)).CombinedOutput()
	if err != nil || strings.Count(string(out), "added ") != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	var apps []struct{ ID, Scopes string }
	listing, err := exec.Command("kiln", "client", "list", "--store", data).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range regexp.MustCompile(`(?m)^(inferno-\S+) .*active +\S+ +(.*?) +\d{4}-\d\d-\d\d$`).FindAllStringSubmatch(string(listing), -1) {
		apps = append(apps, struct{ ID, Scopes string }{row[1], row[2]})
	}
	var preset struct {
		Inputs []struct{ Name, Type, Value string }
	}
	if err := json.Unmarshal(text, &preset); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, input := range preset.Inputs {
		if input.Type != "auth_info" {
			continue
		}
		var asks struct {
			Client string `json:"client_id"`
			Scopes string `json:"requested_scopes"`
			Secret string `json:"client_secret"`
		}
		if err := json.Unmarshal([]byte(input.Value), &asks); err != nil {
			t.Fatalf("%s: %v", input.Name, err)
		}
		if !strings.Contains(string(page), "echo '"+asks.Secret+"'") && asks.Secret != "" {
			t.Errorf("the page does not register the secret of %s", asks.Client)
		}
		for _, app := range apps {
			asked, unknown := scope.Parse(asks.Scopes)
			may, _ := scope.Parse(app.Scopes)
			if app.ID == asks.Client && len(unknown) == 0 && may.Covers(asked) {
				found++
			}
		}
	}
	if found != 3 {
		t.Errorf("%d of 3 apps of the preset are registered with what they ask for:\n%s", found, listing)
	}
}
