// Package setting reads YAML files of operators: each is held against a JSON Schema before anything of it is used, and all that is
// wrong is told at once, with its lines.
package setting

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/xeipuuv/gojsonschema"
	"go.yaml.in/yaml/v3"
)

// MaxText is how long a file may be.
const MaxText = 1 << 20

// Problem is one thing that is wrong with a file.
type Problem struct {
	Line int    // 0 where none can be told
	Path string // such as ranks.nurse.rights.0.types
	Text string
}

// Problems is all that is wrong with a file, in the order of its lines.
type Problems []Problem

// Error lists all problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = strings.TrimPrefix(fmt.Sprintf("line %d: ", problem.Line), "line 0: ")
		if problem.Path != "" {
			lines[i] += problem.Path + ": "
		}
		lines[i] += problem.Text
	}
	return strings.Join(lines, "\n")
}

// Schema is a JSON Schema by its text, which must be one.
func Schema(text string) *gojsonschema.Schema {
	schema, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(text))
	if err != nil {
		panic(err) // it is in the binary, and a test reads it
	}
	return schema
}

// Document is a file that was read.
type Document struct {
	what     string // such as policy
	root     yaml.Node
	problems Problems
}

// Read reads a file, called by what it is, and holds it against a schema. Err tells what is wrong.
func Read(what string, text []byte, schema *gojsonschema.Schema) *Document {
	d := &Document{what: what}
	if len(text) > MaxText {
		d.problems = Problems{{Text: fmt.Sprintf("the %s is longer than %d bytes", what, MaxText)}}
		return d
	}
	if err := yaml.Unmarshal(text, &d.root); err != nil {
		d.problems = Problems{syntax(err)}
		return d
	}
	if d.plain(&d.root); len(d.problems) == 0 {
		d.check(schema)
	}
	return d
}

// Decode fills a value with the content. Error: the problems there are, or that the value does not fit.
func (d *Document) Decode(into any) error {
	if err := d.Err(); err != nil {
		return err
	}
	if err := d.root.Decode(into); err != nil {
		return Problems{{Text: err.Error()}}
	}
	return nil
}

// Problem notes what is wrong at a path such as ranks.nurse.rights.0.
func (d *Document) Problem(path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Line: d.line(path), Path: path, Text: fmt.Sprintf(format, args...)})
}

// Err is Problems with all that is wrong; nil for nothing.
func (d *Document) Err() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	return d.problems
}

// syntax is the problem of a text that is no YAML.
func syntax(err error) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, rest, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return Problem{Line: line, Text: "not YAML: " + rest}
		}
	}
	return Problem{Text: "not YAML: " + text}
}

// plain refuses what a setting has no use for: aliases, which can make a small file huge.
func (d *Document) plain(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		d.problems = append(d.problems, Problem{Line: n.Line, Text: "aliases are not read in a " + d.what})
		return
	}
	for _, child := range n.Content {
		d.plain(child)
	}
}

// line is where a path stands; of what is missing, where it should.
func (d *Document) line(path string) int {
	if len(d.root.Content) == 0 {
		return 0
	}
	n := d.root.Content[0]
	line := n.Line
	for name := range strings.SplitSeq(path, ".") {
		key, next := child(n, name)
		if next == nil {
			return line
		}
		n, line = next, key.Line
	}
	return line
}

// child is a member of a mapping, or an item of a sequence, with what names it.
func child(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
		return nil, nil
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// check holds the content against the schema.
func (d *Document) check(schema *gojsonschema.Schema) {
	var content any
	err := d.root.Decode(&content)
	if err == nil {
		err = d.validate(schema, content)
	}
	if err != nil {
		d.Problem("", "%s", err)
	}
}

func (d *Document) validate(schema *gojsonschema.Schema, content any) error {
	if _, ok := content.(map[string]any); !ok {
		return errors.New("the " + d.what + " is empty, or no mapping with text as keys")
	}
	result, err := schema.Validate(gojsonschema.NewGoLoader(content))
	if err != nil {
		return err
	}
	for _, e := range result.Errors() {
		path := strings.TrimPrefix(strings.TrimPrefix(e.Field(), "(root)"), ".")
		if name, ok := e.Details()["property"].(string); ok && e.Type() == "additional_property_not_allowed" {
			path = strings.TrimPrefix(path+"."+name, ".")
		}
		d.Problem(path, "%s", e.Description())
	}
	return nil
}

// File is the text of a file, no longer than makes it too long.
func File(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the file that the operator named
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, MaxText+1))
}
