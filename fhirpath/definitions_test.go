package fhirpath_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
)

// dataDir is where the examples and oracles lie; without it those tests are skipped.
const dataDir = "../../shared/data"

func TestSearchExpressionsOfR4Compile(t *testing.T) {
	count := 0
	for _, p := range definitions.R4().AllSearchParameters() {
		expressions := []string{p.Expression}
		for _, c := range p.Components {
			expressions = append(expressions, c.Expression)
		}
		for _, source := range expressions {
			if source != "" {
				count++
				compiles(t, p.URL, source)
			}
		}
	}
	t.Logf("%d expressions compile.", count)
}

// compiles checks that an expression is read, and that its canonical form means the same.
func compiles(t *testing.T, where, source string) {
	t.Helper()
	x, err := fhirpath.Compile(source, fhirpath.AsOfType())
	if err != nil {
		t.Errorf("%s: %s: %v", where, source, err)
		return
	}
	again, err := fhirpath.Compile(x.String(), fhirpath.AsOfType())
	if err != nil || again.String() != x.String() {
		t.Errorf("%s: %s is written as %s, which is read as %v (%v)", where, source, x, again, err)
	}
}

func TestConstraintsOfR4Compile(t *testing.T) {
	seen := map[*definitions.Constraint]bool{}
	check := func(constraints []*definitions.Constraint) {
		for _, c := range constraints {
			if !seen[c] {
				seen[c] = true
				compiles(t, c.Key+" on "+c.Path, c.Expression)
			}
		}
	}
	check(definitions.R4().Everywhere())
	for typ := range definitions.R4().Types {
		eachType(typ, func(typ *definitions.Type) {
			check(typ.Constraints)
			for _, e := range typ.Elements {
				check(e.Constraint)
			}
		})
	}
	t.Logf("%d constraints compile.", len(seen))
	if len(seen) != 958 {
		t.Errorf("%d constraints were found, R4 has 958.", len(seen))
	}
}

// eachType visits a type and the types of the elements that are defined inside it.
func eachType(typ *definitions.Type, visit func(*definitions.Type)) {
	visit(typ)
	for _, e := range typ.Elements {
		if e.Content != nil && e.Content.Kind == definitions.KindBackbone && e.Content.Name == e.Path {
			eachType(e.Content, visit)
		}
	}
}

// example is a line of the example files with its name.
type example struct {
	file, name string
	resource   resources.Element
}

func examples(t *testing.T) []example {
	t.Helper()
	var all []example
	for _, file := range []string{"r4-spec", "us-core-3.1.1", "us-core-6.1.0", "ips-1.1.0"} {
		lines := gunzip(t, filepath.Join(dataDir, "examples", file+".ndjson.gz"))
		index, err := os.ReadFile(filepath.Join(dataDir, "examples", file+".index.tsv"))
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(strings.TrimSpace(string(index)), "\n")[1:]
		for i, line := range lines {
			r, err := parse(t, line).Resource()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, example{file: file, name: strings.Split(rows[i], "\t")[1], resource: r})
		}
	}
	return all
}

// gunzip reads the lines of a compressed file, or skips the test where it is not here.
func gunzip(t *testing.T, name string) [][]byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Skipf("%s is not here, so nothing was compared with it.", filepath.Base(name))
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	src, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	scanner := bufio.NewScanner(bytes.NewReader(src))
	scanner.Buffer(nil, 1<<26)
	for scanner.Scan() {
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	return lines
}

// compiled caches expressions by source.
type compiled map[string]*fhirpath.Expression

func (c compiled) get(source string) *fhirpath.Expression {
	x := c[source]
	if x == nil {
		x = fhirpath.MustCompile(source, fhirpath.AsOfType())
		c[source] = x
	}
	return x
}

// TestConstraintsOnExamples evaluates every invariant on every element of the examples: none may
// fail to evaluate, and those of the resource's own definition agree with what another engine
// found (shared/data/suites/invariant-oracle), but for the keys below.
func TestConstraintsOnExamples(t *testing.T) {
	all := examples(t)
	oracle := map[string][]string{}
	for _, line := range gunzip(t, filepath.Join(dataDir, "suites/invariant-oracle/invariants.ndjson.gz")) {
		var row struct {
			File, Name string
			NotTrue    [][]any
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		found := []string{}
		for _, c := range row.NotTrue {
			if key := c[0].(string); differs[key] == "" {
				found = append(found, key)
			}
		}
		oracle[row.File+"/"+row.Name] = found
	}
	cache := compiled{}
	evaluations, disagreements := 0, 0
	for _, e := range all {
		v := invariants{t: t, cache: cache, where: e.file + "/" + e.name, root: e.resource, own: map[*definitions.Constraint]bool{}}
		v.ownConstraints()
		v.visit(e.resource)
		evaluations += v.evaluations
		want, ok := oracle[v.where]
		if !ok {
			continue
		}
		v.notTrue, want = once(v.notTrue), once(want)
		if !slices.Equal(v.notTrue, want) {
			disagreements++
			t.Errorf("%s: not true are %v, expected %v", v.where, v.notTrue, want)
		}
	}
	t.Logf("%d examples, %d evaluations, %d examples that disagree with the oracle.", len(all), evaluations, disagreements)
}

// differs are the invariants on which the oracle and this engine differ, with the reason.
var differs = map[string]string{
	"dom-3": "the oracle's engine refuses 'as' on lists",
}

// oracleLeavesOut are the functions whose invariants the oracle does not hold.
var oracleLeavesOut = []string{"resolve", "memberOf", "conformsTo", "htmlChecks"}

// invariants evaluates constraints over a resource.
type invariants struct {
	t           *testing.T
	cache       compiled
	where       string
	root        resources.Element
	own         map[*definitions.Constraint]bool // of the resource's own definition
	notTrue     []string
	evaluations int
}

func (v *invariants) ownConstraints() {
	eachType(v.root.Type(), func(t *definitions.Type) {
		for _, c := range t.Constraints {
			v.own[c] = true
		}
		for _, e := range t.Elements {
			for _, c := range e.Constraint {
				v.own[c] = true
			}
		}
	})
}

func (v *invariants) visit(e resources.Element) {
	v.check(e, definitions.R4().Everywhere()[:1])
	v.check(e, e.Type().Constraints)
	if def := e.Definition(); def != nil {
		v.check(e, def.Constraint)
	}
	for c := e.All(); c.Next(); {
		v.visit(c.Element)
	}
}

func (v *invariants) check(e resources.Element, constraints []*definitions.Constraint) {
	for _, c := range constraints {
		v.evaluations++
		result, err := v.cache.get(c.Expression).Evaluate(context.Background(), e, nil)
		if err != nil {
			v.t.Errorf("%s: %s at %s: %v", v.where, c.Key, e.Path(), err)
			continue
		}
		if value, ok := result.Truth(); value && ok || !v.own[c] || differs[c.Key] != "" || leftOut(c.Expression) {
			continue
		}
		if e.IsResource() && e != v.root {
			continue // a contained resource's, not the resource's own
		}
		v.notTrue = append(v.notTrue, c.Key)
	}
}

// once sorts keys and drops duplicates: the oracle looks at all places of an element together.
func once(keys []string) []string {
	slices.Sort(keys)
	return slices.Compact(keys)
}

func leftOut(expression string) bool {
	return slices.ContainsFunc(oracleLeavesOut, func(name string) bool { return strings.Contains(expression, name+"(") })
}

// TestSearchValuesOnExamples compares what the search parameters' expressions select with what
// another engine selected (shared/data/suites/search-oracle).
func TestSearchValuesOnExamples(t *testing.T) {
	byName := map[string]resources.Element{}
	for _, e := range examples(t) {
		byName[e.file+"/"+e.name] = e.resource
	}
	cache := compiled{}
	compared, different := 0, 0
	for _, line := range gunzip(t, filepath.Join(dataDir, "suites/search-oracle/search-values.ndjson.gz")) {
		var row struct {
			File, Name, ResourceType string
			Values                   map[string][]any
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		resource, ok := byName[row.File+"/"+row.Name]
		if !ok {
			t.Fatalf("the oracle knows %s/%s, the examples do not", row.File, row.Name)
		}
		for _, p := range definitions.R4().SearchParameters(row.ResourceType) {
			if p.Type == "composite" || p.Expression == "" {
				continue
			}
			result, err := cache.get(p.Expression).Evaluate(context.Background(), resource, nil)
			if err != nil {
				t.Errorf("%s/%s: %s: %v", row.File, row.Name, p.Code, err)
				continue
			}
			compared++
			got, want := oracleText(t, result.AppendJSON(nil)), oracleValues(t, row.Values[p.Code])
			reason, listed := searchDiffers[row.Name+" "+p.Code]
			if got == want && listed {
				t.Errorf("%s/%s: %s agrees, but is listed (%s); take it off the list.", row.File, row.Name, p.Code, reason)
			}
			if got != want && !listed {
				different++
				t.Errorf("%s/%s: %s selects\n %s, expected\n %s", row.File, row.Name, p.Code, got, want)
			}
		}
	}
	t.Logf("%d parameters compared, %d differ.", compared, different)
}

// searchDiffers are the values on which the oracle and this engine differ, with the reason.
var searchDiffers = map[string]string{
	"Observation-1minute-apgar-score.json patient":      contained,
	"Observation-20minute-apgar-score.json patient":     contained,
	"QuestionnaireResponse-3141.json patient":           contained,
	"Observation-decimal.json combo-value-quantity":     "1e-245 is not equal to 0 here",
	"Observation-decimal.json component-value-quantity": "1e-245 is not equal to 0 here",
	"Observation-f205.json combo-value-quantity":        comparator,
	"Observation-f205.json component-value-quantity":    comparator,
}

const (
	contained  = "the oracle does not look at contained resources"
	comparator = "the oracle's engine fails on quantities with a comparator in a union"
)

// oracleText writes values as the oracle does: numbers as JavaScript has them. Duplicates, which
// a union drops, do not count.
func oracleText(t *testing.T, raw []byte) string {
	var values []any
	if err := json.Unmarshal(raw, &values); err != nil {
		t.Fatal(err)
	}
	return oracleValues(t, values)
}

func oracleValues(t *testing.T, values []any) string {
	if len(values) == 0 {
		return "[]"
	}
	var texts []string
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(texts, string(text)) {
			texts = append(texts, string(text))
		}
	}
	return strings.Join(texts, ",")
}
