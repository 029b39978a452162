package validation

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// rule is an invariant on values of one type. https://hl7.org/fhir/R4/conformance-rules.html#constraints
type rule struct {
	key        string
	error      bool // else it only warns
	mayBeEmpty bool // empty is no reason to report it
	source     string
	compile    sync.Once
	expression *fhirpath.Expression

	// An expression that reads nothing but children of its own element gives the same whenever none
	// of them is there; one that asks only whether they are there gives the same for each
	// combination. What it gave is kept in known, by combination.
	reads    []uint64
	local    bool
	presence bool
	known    []atomic.Uint32 // verdicts
}

// verdict is what an invariant says.
type verdict uint32

const (
	unknown   verdict = iota
	holds             // true
	broken            // false
	empty             // neither
	undecided         // the evaluation failed
)

// native are the invariants that Go code in this package decides, by key.
var native = map[string]bool{
	"ele-1": true, "ext-1": true, // walk.go, check.go
	"dom-2": true, "dom-3": true, "dom-4": true, "dom-5": true, "dom-6": true, // contained.go
	"ref-1": true,                // reference.go
	"txt-1": true, "txt-2": true, // narrative.go
}

// maxPresence bounds the combinations that are kept.
const maxPresence = 6

// appendRule adds the invariant c on values of p's type to rules, unless it is native.
func appendRule(rules []*rule, c *definitions.Constraint, p *plan) []*rule {
	if native[c.Key] {
		return rules
	}
	r := &rule{key: c.Key, error: c.Error, source: c.Expression, mayBeEmpty: mayBeEmpty(c.Key)}
	if e, ok := errata[c.Key]; ok {
		r.source = e.expression
	}
	r.study(p)
	return append(rules, r)
}

var (
	beyond      = regexp.MustCompile(`descendants|children|\$this|%[a-z]*(resource|Resource|context)|resolve|repeat`)
	names       = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|[.%$]?` + "`?" + `[A-Za-z_][A-Za-z0-9_]*`)
	presenceOf  = regexp.MustCompile(`\b([a-z][A-Za-z0-9]*)\.(exists|empty)\(\)`)
	connectives = regexp.MustCompile(`^(?:\s|[()]|\b(?:and|or|xor|implies|true|false)\b|\.not\(\)|!?=)*$`)
)

// study finds out what the expression reads of its own element. It may take too much for read,
// never too little: every name that does not follow a dot could be a child.
func (r *rule) study(p *plan) {
	if p.typ.Primitive() || beyond.MatchString(r.source) {
		return
	}
	r.local = true
	for _, name := range names.FindAllString(r.source, -1) {
		bit := p.bitOf(strings.Trim(name, "`"))
		if name == p.typ.Name {
			r.local = false // a path from the type's name: its children follow a dot
		}
		if bit != 0 && !slices.Contains(r.reads, bit) {
			r.reads = append(r.reads, bit)
		}
	}
	rest := presenceOf.ReplaceAllStringFunc(r.source, func(s string) string {
		if p.bitOf(s[:strings.IndexByte(s, '.')]) == 0 {
			return s
		}
		return ""
	})
	r.presence = r.local && len(r.reads) <= maxPresence && connectives.MatchString(rest)
	size := 1
	if r.presence {
		size <<= len(r.reads)
	}
	r.known = make([]atomic.Uint32, size)
}

// rules evaluates invariants on n, of which seen are the slots with content. Where n is not
// complete, that is enough to report, and no rule is said to be empty because of it.
func (w *walk) rules(n resources.Node, t *definitions.Type, rules []*rule, seen uint64, complete bool) {
	for _, r := range rules {
		if !r.error && !w.warnings || w.stopped {
			continue
		}
		v := w.verdict(n, t, r, seen)
		if v == broken || v == empty && complete && !r.mayBeEmpty {
			w.judge(n, r)
		}
	}
}

// verdict is what r says of n, remembered where it can be.
func (w *walk) verdict(n resources.Node, t *definitions.Type, r *rule, seen uint64) verdict {
	place := r.place(seen)
	if place < 0 {
		return w.evaluate(n, t, r)
	}
	v := verdict(r.known[place].Load())
	if v == unknown {
		if v = w.evaluate(n, t, r); v != undecided {
			r.known[place].Store(uint32(v))
		}
	}
	return v
}

// place is the combination of what is there of what the rule reads; -1 if the rule has to be
// evaluated.
func (r *rule) place(seen uint64) int {
	if !r.local {
		return -1
	}
	place := 0
	for i, bit := range r.reads {
		if seen&bit != 0 {
			place |= 1 << i
		}
	}
	if place > 0 && !r.presence {
		return -1
	}
	return place
}

func (w *walk) judge(n resources.Node, r *rule) {
	if r.error {
		w.report.error(n, outcome.Invariant, "%s", r.sentence())
		return
	}
	w.report.warning(n, outcome.Invariant, "%s", r.sentence())
}

// evaluate asks the FHIRPath. An evaluation that fails on content that is otherwise good is worth
// a warning; one that reaches a limit refuses, since nobody knows what it would have said.
func (w *walk) evaluate(n resources.Node, t *definitions.Type, r *rule) verdict {
	r.compile.Do(func() { r.expression = fhirpath.MustCompile(r.source, fhirpath.AsOfType()) })
	w.env.MaxSteps = w.steps()
	result, err := r.expression.Evaluate(w.ctx, w.d.As(n, t), &w.env)
	switch {
	case outcome.Is(err, outcome.TooCostly):
		w.report.error(n, outcome.TooCostly, "The rule %s could not be checked within the limits of this server.", r.key)
		return undecided
	case err != nil:
		if w.warnings && w.report.errors == 0 {
			w.report.warning(n, outcome.Processing, "The rule %s could not be checked: %s", r.key, outcome.As(err).Issues[0].Diagnostics)
		}
		return undecided
	}
	value, ok := result.Truth()
	switch {
	case ok && value:
		return holds
	case len(result) == 0:
		return empty
	}
	return broken
}

// The steps of one evaluation where the options set no limit: some for any document, more for
// long ones, and never more than take about a second.
const (
	someSteps = 1_000_000
	mostSteps = 2 * fhirpath.DefaultMaxSteps
)

// steps is the limit of one evaluation: enough for an invariant that compares all pairs of
// elements of a large definition.
func (w *walk) steps() int {
	if w.options.MaxSteps > 0 {
		return w.options.MaxSteps
	}
	return min(someSteps+100*w.d.Len(), mostSteps)
}

// sentence says what is wrong in words where there are any, and the rule as it is evaluated.
func (r *rule) sentence() string {
	if words := sentenceOf(r.key); words != "" {
		return words + " (" + r.key + ": " + r.source + ")"
	}
	return "The rule " + r.key + " is broken: " + r.source
}
