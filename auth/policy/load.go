package policy

import (
	_ "embed"
	"fmt"
	"sync"
	"time"

	"github.com/xeipuuv/gojsonschema"
	"go.yaml.in/yaml/v3"

	"kiln/auth/scope"
	"kiln/auth/setting"
	"kiln/resources/definitions"
)

//go:embed policy.schema.json
var schemaText string

// Schema is the JSON Schema that a policy is checked by.
func Schema() string { return schemaText }

// Problems is all that is wrong with a policy, in the order of its lines.
type Problems = setting.Problems

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

var schema = sync.OnceValue(func() *gojsonschema.Schema { return setting.Schema(schemaText) })

// loader reads one policy.
type loader struct {
	*setting.Document
	file   file
	policy *Policy
}

// Load reads a policy. The error is Problems: all that is wrong, with the lines.
func Load(text []byte) (*Policy, error) {
	l := &loader{
		Document: setting.Read("policy", text, schema()),
		policy:   &Policy{ranks: map[string]*Rank{}, powers: map[Power]Requirement{}},
	}
	if err := l.Decode(&l.file); err != nil {
		return nil, err
	}
	l.build()
	if err := l.Err(); err != nil {
		return nil, err
	}
	return l.policy, nil
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
					l.Problem(path+".may", "nobody writes AuditEvents; expected r or s")
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
			l.Problem(path+"."+name, "a group cannot have the name of a resource type")
		}
		for i, typ := range list {
			l.isType(fmt.Sprintf("%s.%s.%d", path, name, i), typ)
		}
	}
}

func (l *loader) isType(path, typ string) {
	if definitions.R4().Resource(typ) == nil {
		l.Problem(path, "%q is not a resource type of FHIR R4", typ)
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
			l.Problem(fmt.Sprintf("%s.%d", path, i), "%q is neither a group nor a resource type of FHIR R4", name)
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
