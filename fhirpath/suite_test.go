package fhirpath_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
)

// Oracles: the official suite, the cases of fhirpath.js, and what fhirpath.js selects and finds on
// all examples (definitions_test.go). Another Go engine, github.com/gofhir/fhirpath v1.2.0, was
// tried as a differential oracle and is not one: it passes 436 of the 629 official cases (name =
// name is empty there), so a difference from it says nothing.

// suiteDir is where the suites lie that others wrote; without it those tests are skipped.
const suiteDir = "../../shared/data/suites/fhirpath"

// suiteLines reads a file of the suites line by line.
func suiteLines[T any](t *testing.T, name string) []T {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(suiteDir, name))
	if err != nil {
		t.Skipf("The suite %s is not here, so none of its cases was run.", name)
	}
	var cases []T
	lines := bufio.NewScanner(bytes.NewReader(src))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var c T
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

// inputs are the parsed input files by name. XML is read from its JSON twin.
type inputs map[string]*resources.Document

func (in inputs) read(t *testing.T, name string) *resources.Document {
	t.Helper()
	name = strings.TrimSuffix(name, filepath.Ext(name)) + ".json"
	if d, ok := in[name]; ok {
		return d
	}
	src, err := os.ReadFile(filepath.Join(suiteDir, "input", name))
	if err != nil {
		t.Fatal(err)
	}
	in[name] = parse(t, src)
	return in[name]
}

func parse(t testing.TB, src []byte) *resources.Document {
	t.Helper()
	d, err := resources.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fixedNow keeps the suites from depending on the day they run on.
var fixedNow = time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)

// unexpected compares the outcome of a case with the list of known failures: a listed case must
// fail, any other must not.
func unexpected(t *testing.T, key, expression, problem string, known map[string]string, seen map[string]bool) {
	t.Helper()
	seen[key] = true
	reason, listed := known[key]
	switch {
	case listed && problem == "":
		t.Errorf("%s passes, but is listed as a known failure (%s); take it off the list.", key, reason)
	case !listed && problem != "":
		t.Errorf("%s: %s\n  %s", key, expression, problem)
	}
}

// allSeen says which listed failures are no cases of the suite.
func allSeen(t *testing.T, known map[string]string, seen map[string]bool) {
	t.Helper()
	for key := range known {
		if !seen[key] {
			t.Errorf("%s is listed as a known failure, but the suite has no such case.", key)
		}
	}
}

type officialCase struct {
	Group, Name, InputFile, Mode, Invalid, Predicate, Ordered, Expression string
	Output                                                                []struct{ Type, Value string }
}

func TestOfficialSuite(t *testing.T) {
	files := inputs{}
	failed, seen := 0, map[string]bool{}
	cases := suiteLines[officialCase](t, "official-r4.ndjson")
	for _, c := range cases {
		problem := c.run(t, files)
		if problem != "" {
			failed++
		}
		unexpected(t, c.Name, c.Expression, problem, officialFailures, seen)
	}
	allSeen(t, officialFailures, seen)
	t.Logf("%d of %d cases pass.", len(cases)-failed, len(cases))
}

// run evaluates the case and says what is wrong with the result.
func (c *officialCase) run(t *testing.T, files inputs) string {
	var options []fhirpath.Option
	if c.Invalid == "semantic" {
		options = append(options, fhirpath.Strict())
	}
	var input resources.Element
	if c.InputFile != "" {
		var err error
		if input, err = files.read(t, c.InputFile).Resource(); err != nil {
			t.Fatal(err)
		}
	}
	result, err := c.evaluate(input, options)
	switch {
	case c.Invalid != "" && err == nil:
		return fmt.Sprintf("gave %s, expected an error", shown(result))
	case c.Invalid != "":
		return ""
	case err != nil:
		return "failed: " + err.Error()
	}
	if c.Predicate == "true" {
		value, ok := result.Truth()
		result = fhirpath.Collection{fhirpath.FromBoolean(value && ok)}
	}
	return c.compare(result)
}

func (c *officialCase) evaluate(input resources.Element, options []fhirpath.Option) (fhirpath.Collection, error) {
	x, err := fhirpath.Compile(c.Expression, options...)
	if err != nil {
		return nil, err
	}
	return x.Evaluate(context.Background(), input, &fhirpath.Environment{Now: fixedNow})
}

func (c *officialCase) compare(result fhirpath.Collection) string {
	var got, want []string
	for i, v := range result {
		if i < len(c.Output) && c.Output[i].Type != "" && !sameType(v.TypeName(), c.Output[i].Type) {
			return fmt.Sprintf("item %d is a %s, expected %s", i, v.TypeName(), c.Output[i].Type)
		}
		got = append(got, v.Text())
	}
	for _, o := range c.Output {
		value := strings.TrimPrefix(o.Value, "@")
		if o.Type == "" && strings.HasPrefix(o.Value, "@T") {
			value = strings.TrimPrefix(o.Value, "@T")
		}
		want = append(want, value)
	}
	if c.Ordered == "false" {
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		return fmt.Sprintf("gave %q, expected %q", got, want)
	}
	return ""
}

func sameType(got, want string) bool {
	return strings.EqualFold(strings.TrimPrefix(got, "System."), want)
}

func shown(c fhirpath.Collection) string { return string(c.AppendJSON(nil)) }

type scriptCase struct {
	Subject    json.RawMessage
	File, Desc string
	Expression json.RawMessage
	Result     []any
	Error      any
	InputFile  string
	Model      string
	Context    string
	Variables  map[string]json.RawMessage
	Disable    bool
}

func TestFHIRPathJSSuite(t *testing.T) {
	files := inputs{}
	subjects := map[string]*resources.Document{}
	cases := suiteLines[scriptCase](t, "fhirpathjs-cases.ndjson")
	for _, c := range cases {
		if c.Subject != nil {
			subjects[c.File] = parse(t, c.Subject)
		}
	}
	run, failed, seen := 0, 0, map[string]bool{}
	for _, c := range cases {
		if c.Subject != nil || c.Disable {
			continue
		}
		run++
		problem := c.run(t, files, subjects[c.File])
		if problem != "" {
			failed++
		}
		unexpected(t, c.File+": "+string(c.Expression), "model "+c.Model, problem, scriptFailures, seen)
	}
	allSeen(t, scriptFailures, seen)
	t.Logf("%d of %d cases pass.", run-failed, run)
	if 100*failed > 5*run {
		t.Errorf("%d of %d cases fail; at least 95 %% must pass.", failed, run)
	}
}

func (c *scriptCase) run(t *testing.T, files inputs, subject *resources.Document) string {
	result, err := c.evaluate(t, files, subject)
	if c.Error != nil {
		if err == nil {
			return fmt.Sprintf("gave %s, expected an error", shown(result))
		}
		return ""
	}
	if err != nil {
		return "failed: " + err.Error()
	}
	var got []any
	for _, v := range result {
		if g, ok := jsValue(t, v); ok {
			got = append(got, g)
		}
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(c.Result)
	if len(got) == 0 && len(c.Result) == 0 || bytes.Equal(a, b) {
		return ""
	}
	return fmt.Sprintf("gave %s, expected %s", a, b)
}

func (c *scriptCase) evaluate(t *testing.T, files inputs, d *resources.Document) (fhirpath.Collection, error) {
	if c.InputFile != "" {
		d = files.read(t, c.InputFile)
	}
	source, base := c.source(t)
	x, err := fhirpath.Compile(source)
	if err != nil {
		return nil, err
	}
	env := &fhirpath.Environment{Now: fixedNow, Variables: map[string]fhirpath.Collection{}}
	for name, raw := range c.Variables {
		env.Variables[name] = variable(t, raw)
	}
	if d == nil {
		return x.EvaluateCollection(context.Background(), nil, env)
	}
	return x.EvaluateCollection(context.Background(), c.input(t, d, base), env)
}

// source is the expression, and the type of the input where the case names it.
func (c *scriptCase) source(t *testing.T) (source, base string) {
	if json.Unmarshal(c.Expression, &source) == nil {
		return source, ""
	}
	var typed struct{ Base, Expression string }
	if err := json.Unmarshal(c.Expression, &typed); err != nil {
		t.Fatal(err)
	}
	return typed.Expression, typed.Base
}

// input is the document as the case reads it: with R4's types, or as plain JSON.
func (c *scriptCase) input(t *testing.T, d *resources.Document, base string) fhirpath.Collection {
	if base != "" {
		return fhirpath.Collection{fhirpath.FromElement(d.As(0, definitions.R4().Type(base)))}
	}
	if resource, err := d.Resource(); err == nil && c.Model != "" {
		return fhirpath.Collection{fhirpath.FromElement(resource)}
	}
	return plainRoot(d, 0)
}

// plainRoot is plain JSON; the items of an array are the input.
func plainRoot(d *resources.Document, n resources.Node) fhirpath.Collection {
	if d.Kind(n) != resources.Array {
		return fhirpath.Collection{fhirpath.FromJSON(d, n)}
	}
	var items fhirpath.Collection
	for item := range d.Children(n) {
		items = append(items, fhirpath.FromJSON(d, item))
	}
	return items
}

func variable(t *testing.T, raw json.RawMessage) fhirpath.Collection {
	return plainRoot(parse(t, raw), 0)
}

// jsValue is a value as that suite writes it: numbers as JavaScript has them, quantities and
// long integers as text. Primitives without a value are left out.
func jsValue(t *testing.T, v fhirpath.Value) (any, bool) {
	raw := v.AppendJSON(nil)
	switch v.TypeName() {
	case "System.Quantity", "System.Long", "integer64":
		return v.Text(), true
	}
	if e, ok := v.Element(); ok && e.Type().Primitive() && !e.HasValue() {
		return nil, false
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	return value, true
}
