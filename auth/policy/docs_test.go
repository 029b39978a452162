package policy

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var write = flag.Bool("write", false, "write the tables of docs/security.md")

const docs = "../../docs/security.md"

// The tables of ranks and powers say what the shipped policy says. go test ./auth/policy -run Docs -write makes them.
func TestDocsHaveTheShippedPolicy(t *testing.T) {
	var f file
	if err := yaml.Unmarshal(defaultText, &f); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range map[string]string{"ranks": rankTable(f), "powers": powerTable(shipped(t))} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(want, begin)
		_, after, ended := strings.Cut(rest, end)
		if !ok || !ended {
			t.Fatalf("%s has no place for the %s", docs, name)
		}
		want = before + begin + table + end + after
	}
	if *write {
		if err := os.WriteFile(docs, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s does not say what the policy says; run this test with -write", docs)
	}
}

func rankTable(f file) string {
	names := slices.SortedFunc(maps.Keys(f.Ranks), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.Ranks[a].Level, f.Ranks[b].Level), cmp.Compare(a, b))
	})
	var b strings.Builder
	b.WriteString("| rank | audience, level | may | labels | powers |\n|---|---|---|---|---|\n")
	for _, name := range names {
		r := f.Ranks[name]
		rights := make([]string, len(r.Rights))
		for i, given := range r.Rights {
			rights[i] = fmt.Sprintf("`%s` %s: %s", given.May, given.Reach, strings.Join(given.Types, ", "))
		}
		powers := make([]string, len(r.Powers))
		for i, p := range r.Powers {
			powers[i] = string(p)
		}
		fmt.Fprintf(&b, "| `%s` | %s, %d | %s | %s | %s |\n", name, r.Audience, r.Level, strings.Join(rights, "<br>"), strings.Join(r.Labels, ", "), strings.Join(powers, ", "))
	}
	return b.String()
}

func powerTable(p *Policy) string {
	var b strings.Builder
	b.WriteString("| power | level of sign-in | not older than | persons |\n|---|---|---|---|\n")
	for _, power := range slices.Sorted(maps.Keys(p.powers)) {
		need := p.Requirement(power)
		age := "any age"
		if need.MaxAge > 0 {
			age = fmt.Sprintf("%g min", need.MaxAge.Minutes())
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d |\n", power, cmp.Or(strings.Join(need.ACR, " or "), "any"), age, need.Persons)
	}
	return b.String()
}
