package search

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
)

// Custom is a search parameter that a SearchParameter resource defines, compiled:
// https://hl7.org/fhir/R4/searchparameter.html
type Custom struct {
	ID         string // of the resource
	Definition *definitions.SearchParameter
	// Chains are the only parameters that may follow the reference in a chain; none: all.
	Chains []string
	// Parameters has one for each base that R4 has not the same parameter for; none where the
	// resource says again what R4 says, which makes nothing new.
	Parameters []*Parameter

	derivedFrom       string
	done, total       atomic.Int64
	complete          atomic.Bool
	failed            atomic.Int64
	namesOfComponents []componentName
}

// componentName is what a composite took from the definition of one component.
type componentName struct {
	code string
	typ  ParameterType
}

// Progress tells how far the index of a parameter is.
type Progress struct {
	Complete    bool
	Done, Total int64 // resources
	// Failed counts how often the expression could not be evaluated on a resource, which then has no
	// value of the parameter.
	Failed int64
}

// Percent is how much is done, 100 only when it is complete.
func (p Progress) Percent() int64 {
	switch {
	case p.Complete:
		return 100
	case p.Total <= 0 || p.Done <= 0:
		return 0
	}
	return min(99, p.Done*100/p.Total)
}

// Progress tells how far the index of the parameter is. Until it is complete the parameter is not
// among those that a search knows.
func (c *Custom) Progress() Progress {
	return Progress{c.complete.Load(), c.done.Load(), c.total.Load(), c.failed.Load()}
}

// SetProgress notes how many resources are done; it does not complete it, see [Parameters.Complete].
func (c *Custom) SetProgress(done, total int64) {
	c.done.Store(done)
	c.total.Store(total)
}

// AddFailed counts failures, such as those of an earlier process.
func (c *Custom) AddFailed(n int64) { c.failed.Add(n) }

// Digest tells definitions apart that find different values or take different questions.
func (c *Custom) Digest() string {
	text, err := json.Marshal([]any{c.Definition, c.Chains})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Custom is what defines the parameter; nil for R4's own.
func (p *Parameter) Custom() *Custom { return p.custom }

// Building reports whether the index of the parameter is not whole yet, so that only the resources
// themselves can answer for it.
func (p *Parameter) Building() bool { return p.custom != nil && !p.custom.complete.Load() }

// Types lists the resource types that have the parameter, in alphabetical order.
func (c *Custom) Types() []string {
	var names []string
	for _, name := range definitions.R4().ResourceNames() {
		if slices.ContainsFunc(c.Parameters, func(p *Parameter) bool { return p.appliesTo(definitions.R4().Type(name)) }) {
			names = append(names, name)
		}
	}
	return names
}

// same reports whether two definitions find the same values, and take the same questions.
func (c *Custom) same(other *Custom) bool {
	return reflect.DeepEqual(c.Definition, other.Definition) && slices.Equal(c.Chains, other.Chains) &&
		slices.Equal(c.namesOfComponents, other.namesOfComponents) && len(c.Parameters) == len(other.Parameters)
}

// customSteps bounds one evaluation of an expression that is not R4's.
const customSteps = 100_000

var customEnvironment = &fhirpath.Environment{MaxSteps: customSteps}

func (p *Parameter) environment() *fhirpath.Environment {
	if p.custom != nil {
		return customEnvironment
	}
	return nil
}

// readCustom reads what the resource says, unjudged.
func readCustom(id string, e resources.Element) *Custom {
	text := func(name string) string { return e.First(name).Text() }
	c := &Custom{ID: id, Chains: texts(e, "chain")}
	c.Definition = &definitions.SearchParameter{
		Code: text("code"), URL: text("url"), Type: text("type"), Base: texts(e, "base"), Expression: text("expression"),
		Targets: texts(e, "target"), Usage: text("xpathUsage"), SingleOr: text("multipleOr") == "false", SingleAnd: text("multipleAnd") == "false",
		Comparators: texts(e, "comparator"), Modifiers: texts(e, "modifier"),
	}
	slices.Sort(c.Definition.Targets)
	for part := range e.Child("component") {
		url, _, _ := strings.Cut(part.First("definition").Text(), "|")
		c.Definition.Components = append(c.Definition.Components, definitions.Component{URL: url, Expression: part.First("expression").Text()})
	}
	c.derivedFrom, _, _ = strings.Cut(text("derivedFrom"), "|")
	return c
}

func texts(e resources.Element, name string) []string {
	var list []string
	for item := range e.Child(name) {
		if text := item.Text(); text != "" {
			list = append(list, text)
		}
	}
	return list
}
