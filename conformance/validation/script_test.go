package validation_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"kiln/conformance/validation"
	"kiln/resources"
)

var update = flag.Bool("update", false, "write the issues that are found into testdata")

// TestRules reads testdata/*.txtar: files NAME.json, each followed by NAME.issues with what is
// wrong with it, a line for each issue. No file of issues: nothing is wrong. What is above the
// first file says what the rules are. What answers and reports are judged against is a file of the
// same script.
func TestRules(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("there are no scripts", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(script)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			definitions := library{}
			v := newValidator(t, validation.Options{Definition: definitions.definition})
			for _, file := range archive.Files {
				definitions.add(file.Data)
				want[file.Name] = string(file.Data)
			}
			written := &txtar.Archive{Comment: archive.Comment}
			for _, file := range archive.Files {
				name, ok := strings.CutSuffix(file.Name, ".json")
				if !ok {
					continue
				}
				got := found(v, file.Data)
				written.Files = append(written.Files, file)
				if got != "" {
					written.Files = append(written.Files, txtar.File{Name: name + ".issues", Data: []byte(got)})
				}
				if !*update && got != want[name+".issues"] {
					t.Errorf("%s has the issues\n%sexpected\n%s", name, got, want[name+".issues"])
				}
			}
			if *update {
				if err := os.WriteFile(script, txtar.Format(written), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// found lists the issues of a text, but for dom-6, which nearly every short example has.
func found(v *validation.Validator, text []byte) string {
	doc, err := resources.Parse(text)
	if err != nil {
		return err.Error() + "\n"
	}
	resource, err := doc.Resource()
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, issue := range v.Validate(context.Background(), resource) {
		if !strings.Contains(issue.Diagnostics, "(dom-6)") {
			fmt.Fprintf(&b, "%s %s %d:%d %s: %s\n", issue.Severity, issue.Code, issue.Line, issue.Column, strings.Join(issue.Expression, " "), issue.Diagnostics)
		}
	}
	return b.String()
}
