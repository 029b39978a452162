package policy

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/xeipuuv/gojsonschema"
	"go.yaml.in/yaml/v3"

	"kiln/auth/scope"
	"kiln/resources/definitions"
)

//go:embed policy.schema.json
var schemaText string

// Schema is the JSON Schema that a policy is checked by.
func Schema() string { return schemaText }

// maxText is how long a policy may be.
const maxText = 1 << 20

// Problem is one thing that is wrong with a policy.
type Problem struct {
	Line int    // 0 where none can be told
	Path string // such as ranks.nurse.rights.0.types
	Text string
}

// Problems is all that is wrong with a policy, in the order of their lines.
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

// file is policy.yaml as it is written.
type file struct {
	Groups       map[string][]string `yaml:"groups"`
	Appointments struct {
		Before duration `yaml:"before"`
		After  duration `yaml:"after"`
	} `yaml:"appointments"`
	Restricted []string `yaml:"restricted"`
	Backends   struct {
		Labels []string `yaml:"labels"`
	} `yaml:"backends"`
	Ranks map[string]struct {
		Audience Audience `yaml:"audience"`
		Level    int      `yaml:"level"`
		Rights   []struct {
			Types []string `yaml:"types"`
			May   string   `yaml:"may"`
			Reach Reach    `yaml:"reach"`
		} `yaml:"rights"`
		Labels []string `yaml:"labels"`
		Powers []Power  `yaml:"powers"`
	} `yaml:"ranks"`
	Powers map[Power]struct {
		ACR     []string `yaml:"acr"`
		MaxAge  duration `yaml:"max-age"`
		Persons int      `yaml:"persons"`
	} `yaml:"powers"`
}

type duration time.Duration

// UnmarshalYAML reads a duration such as 15m.
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	parsed, err := time.ParseDuration(n.Value)
	*d = duration(parsed)
	return err
}

// Load reads a policy. The error is Problems: all that is wrong, with the lines.
func Load(text []byte) (*Policy, error) {
	if len(text) > maxText {
		return nil, Problems{{Text: fmt.Sprintf("the policy is longer than %d bytes", maxText)}}
	}
	l := &loader{policy: &Policy{ranks: map[string]*Rank{}, powers: map[Power]Requirement{}}}
	if err := yaml.Unmarshal(text, &l.root); err != nil {
		return nil, Problems{syntaxProblem(err)}
	}
	if l.plain(&l.root); len(l.problems) == 0 {
		l.check()
	}
	if len(l.problems) == 0 {
		if err := l.root.Decode(&l.file); err != nil {
			return nil, Problems{{Text: err.Error()}}
		}
		l.build()
	}
	if len(l.problems) > 0 {
		slices.SortStableFunc(l.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, l.problems
	}
	return l.policy, nil
}

// syntaxProblem is the problem of a text that is no YAML.
func syntaxProblem(err error) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, rest, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return Problem{Line: line, Text: "not YAML: " + rest}
		}
	}
	return Problem{Text: "not YAML: " + text}
}

// loader reads one policy.
type loader struct {
	root     yaml.Node
	file     file
	policy   *Policy
	problems Problems
}

func (l *loader) problem(path, format string, args ...any) {
	l.problems = append(l.problems, Problem{Line: l.line(path), Path: path, Text: fmt.Sprintf(format, args...)})
}

// plain refuses what a policy has no use for: aliases, which can make a small file huge.
func (l *loader) plain(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		l.problems = append(l.problems, Problem{Line: n.Line, Text: "aliases are not read in a policy"})
		return
	}
	for _, child := range n.Content {
		l.plain(child)
	}
}

// line is where a path such as ranks.nurse.rights.0 stands; of what is missing, where it should.
func (l *loader) line(path string) int {
	if len(l.root.Content) == 0 {
		return 0
	}
	n := l.root.Content[0]
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

var schema = sync.OnceValues(func() (*gojsonschema.Schema, error) {
	return gojsonschema.NewSchema(gojsonschema.NewStringLoader(schemaText))
})

// check holds the file against the schema.
func (l *loader) check() {
	s, err := schema()
	if err == nil {
		var content any
		if err = l.root.Decode(&content); err == nil {
			err = l.validate(s, content)
		}
	}
	if err != nil {
		l.problem("", "%s", err)
	}
}

func (l *loader) validate(s *gojsonschema.Schema, content any) error {
	if _, ok := content.(map[string]any); !ok {
		return errors.New("the policy is empty, or no mapping with text as keys")
	}
	result, err := s.Validate(gojsonschema.NewGoLoader(content))
	if err != nil {
		return err
	}
	for _, e := range result.Errors() {
		path := strings.TrimPrefix(strings.TrimPrefix(e.Field(), "(root)"), ".")
		if name, ok := e.Details()["property"].(string); ok && e.Type() == "additional_property_not_allowed" {
			path = strings.TrimPrefix(path+"."+name, ".")
		}
		l.problem(path, "%s", e.Description())
	}
	return nil
}

// build makes the policy of a file that the schema allows.
func (l *loader) build() {
	l.types("groups", l.file.Groups)
	p := l.policy
	p.restricted, p.backends = l.file.Restricted, l.file.Backends.Labels
	p.before, p.after = time.Duration(l.file.Appointments.Before), time.Duration(l.file.Appointments.After)
	for power, need := range l.file.Powers {
		p.powers[power] = Requirement{ACR: need.ACR, MaxAge: time.Duration(need.MaxAge), Persons: need.Persons}
	}
	for name, r := range l.file.Ranks {
		rank := &Rank{Name: name, Audience: r.Audience, Level: r.Level, Labels: r.Labels, Powers: r.Powers, rights: map[string][]right{}}
		for i, given := range r.Rights {
			path := fmt.Sprintf("ranks.%s.rights.%d", name, i)
			may := permissions(given.May)
			rank.related = rank.related || given.Reach == Related
			for _, typ := range l.named(path+".types", given.Types) {
				if typ == "AuditEvent" && may&(scope.Create|scope.Update|scope.Delete) != 0 {
					l.problem(path+".may", "nobody writes AuditEvents; expected r or s")
				}
				rank.rights[typ] = append(rank.rights[typ], right{may, given.Reach})
			}
		}
		p.ranks[name] = rank
	}
}

// types checks the lists of groups.
func (l *loader) types(path string, groups map[string][]string) {
	for name, list := range groups {
		if definitions.R4().Resource(name) != nil {
			l.problem(path+"."+name, "a group cannot have the name of a resource type")
		}
		for i, typ := range list {
			l.isType(fmt.Sprintf("%s.%s.%d", path, name, i), typ)
		}
	}
}

func (l *loader) isType(path, typ string) {
	if definitions.R4().Resource(typ) == nil {
		l.problem(path, "%q is not a resource type of FHIR R4", typ)
	}
}

// named are the types that a list of types and groups means.
func (l *loader) named(path string, names []string) (types []string) {
	for i, name := range names {
		group, ok := l.file.Groups[name]
		switch {
		case ok:
			types = append(types, group...)
		case definitions.R4().Resource(name) != nil:
			types = append(types, name)
		default:
			l.problem(fmt.Sprintf("%s.%d", path, i), "%q is neither a group nor a resource type of FHIR R4", name)
		}
	}
	return types
}

var letters = map[rune]scope.Permissions{'c': scope.Create, 'r': scope.Read, 'u': scope.Update, 'd': scope.Delete, 's': scope.Search}

func permissions(text string) (all scope.Permissions) {
	for _, letter := range text {
		all |= letters[letter]
	}
	return all
}
