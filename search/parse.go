package search

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// ParseOptions are what a query depends on besides its text. The zero value is strict, outside any
// compartment.
type ParseOptions struct {
	// Lenient drops the parameters that are not understood and tells of them by warnings:
	// Prefer: handling=lenient, https://hl7.org/fhir/R4/search.html#errors
	Lenient bool
	// Compartment keeps the matches to those of one compartment. Without types all types of the
	// compartment are searched ("*").
	Compartment Compartment
	// Terminology resolves :in, :not-in, :below and :above on tokens. Nil: they are refused.
	Terminology Terminology
	// Scans lets filters name custom parameters whose index is not whole yet, for engines that can
	// answer from the resources themselves; sorting, chains and includes never may.
	Scans bool
}

// ReadQueryString parts the query of a URL, or a form body, into names and values in their order.
// The error (400) names a part whose percent encoding is broken or no UTF-8. Empty parts are skipped.
func ReadQueryString(raw string) ([]NameValue, error) {
	var list []NameValue
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		decodedName, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, outcome.New(outcome.Structure, "The query string has a broken percent encoding in %q.", clip(part)).In(outcome.StageSyntax)
		}
		if !utf8.ValidString(decodedName) || !utf8.ValidString(value) {
			return nil, outcome.New(outcome.Structure, "The query string has bytes that are not UTF-8 in %q.", clip(part)).In(outcome.StageSyntax)
		}
		if len(list) == MaxParameters {
			return nil, tooMany("The query has more than %d parameters.", MaxParameters)
		}
		list = append(list, NameValue{decodedName, value})
	}
	return list, nil
}

func tooMany(format string, args ...any) *outcome.Error {
	return outcome.New(outcome.TooCostly, format, args...).In(outcome.StageSyntax)
}

// Parse reads a query for resource types; without types it is one of the whole system, which
// "_type" may name, and else only the parameters that all types share are valid.
//
// The error is one *outcome.Error (400) that lists every parameter that is not understood, with
// what is valid. A lenient query drops these, and the issues returned are warnings that name them;
// limits are errors even so. A compartment that does not hold a type is a not-found. Other errors are
// those of the terminology.
func (p *Parameters) Parse(types []string, query []NameValue, options ParseOptions) (*Query, []outcome.Issue, error) {
	x := &parser{Parameters: p, types: types, options: options, query: Query{Count: DefaultCount}, given: map[string]bool{}, readable: map[NameValue]bool{}, resolved: map[NameValue][]Code{}}
	if err := checkSize(query); err != nil {
		return nil, nil, err
	}
	if err := outcome.Of(unknownTypes(types)...); err != nil {
		return nil, nil, err.In(outcome.StageSyntax)
	}
	x.readTypes(query)
	x.filters = make([]And, len(x.types))
	x.readQuery(query)
	for _, parameter := range query {
		x.read(parameter)
	}
	if err := x.branches(); err != nil {
		return nil, nil, err
	}
	x.containing()
	if x.fault != nil {
		return nil, nil, x.fault
	}
	if x.tests > maxTests {
		return nil, nil, tooMany("The query tests more than %d combinations of parameter and resource type; name the types that its chains lead to, as in subject:Patient.name.", maxTests)
	}
	if err := outcome.Of(x.issues...); err != nil {
		return nil, nil, err.In(outcome.StageSyntax)
	}
	x.query.Applied = append(x.applied, x.results...)
	return &x.query, x.issues, nil
}

func checkSize(query []NameValue) error {
	if len(query) > MaxParameters {
		return tooMany("The query has %d parameters; at most %d are read.", len(query), MaxParameters)
	}
	for _, q := range query {
		if len(q.Name) > MaxName {
			return tooMany("The name of the parameter %q is longer than %d bytes.", clip(q.Name), MaxName)
		}
		if len(q.Value) > MaxValue {
			return tooMany("The value of the parameter %q is longer than %d bytes.", clip(q.Name), MaxValue)
		}
	}
	return nil
}

// parser builds one Query.
type parser struct {
	*Parameters
	types   []string
	options ParseOptions
	query   Query
	filters []And // by type
	tests   int
	given   map[string]bool // result parameters seen
	asked   *NamedQuery     // by _query; nil without
	mode    containedMode
	// outer tells that something asked for is of whole resources alone: words, a custom parameter.
	outer bool
	// readable keeps the answers of reads: whether a name can be read on a type.
	readable map[NameValue]bool
	// resolved keeps the codes that modifier and value stand for; expanded counts them, each time.
	resolved map[NameValue][]Code
	expanded int
	fault    error // of the terminology
	applied  []NameValue
	results  []NameValue // in the order of resultParameters
	issues   []outcome.Issue

	name     string // of the parameter being read
	problems []outcome.Issue
}

// problem notes what is wrong with the parameter being read.
func (x *parser) problem(code outcome.Code, format string, args ...any) {
	x.problems = append(x.problems, outcome.Issue{Severity: outcome.SeverityError, Code: code, Diagnostics: fmt.Sprintf(format, args...)})
}

// settle ends the reading of a parameter: ok when it has no problem. In a lenient query the
// problems become warnings.
func (x *parser) settle() (ok bool) {
	ok = len(x.problems) == 0
	for _, issue := range x.problems {
		if x.options.Lenient {
			issue.Severity = outcome.SeverityWarning
			issue.Diagnostics += fmt.Sprintf(" The parameter %q was ignored.", clip(x.name))
		}
		x.issues = append(x.issues, issue)
	}
	x.problems = x.problems[:0]
	return ok
}

// readTypes finds the types to search: those of the address, or of _type, or any.
func (x *parser) readTypes(query []NameValue) {
	for _, q := range query {
		if q.Name == "_type" {
			x.name = q.Name
			x.readType(q.Value)
			x.settle()
		}
	}
	if len(x.types) == 0 {
		x.types = []string{""}
	}
}

func unknownTypes(names []string) []outcome.Issue {
	var issues []outcome.Issue
	for _, name := range names {
		if definitions.R4().Resource(name) == nil {
			issues = append(issues, unknownType(name))
		}
	}
	return issues
}

func unknownType(name string) outcome.Issue {
	return outcome.Issue{Severity: outcome.SeverityError, Code: outcome.NotSupported, Diagnostics: fmt.Sprintf("%q is not a resource type of FHIR R4.", clip(name))}
}

func (x *parser) readType(value string) {
	switch {
	case x.given["_type"]:
		x.problem(outcome.Invalid, "The parameter _type is given twice; name all types in one, with commas between.")
		return
	case len(x.types) > 0:
		x.problem(outcome.Invalid, "The parameter _type is for searches of the whole system; this one is of %s.", x.types[0])
		return
	}
	var types []string
	for name := range strings.SplitSeq(value, ",") {
		if definitions.R4().Resource(name) == nil {
			x.problems = append(x.problems, unknownType(name))
		} else if !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	if len(x.problems) == 0 {
		x.given["_type"] = true
		x.types = types
		x.results = append(x.results, NameValue{"_type", strings.Join(types, ",")})
	}
}

// read takes one parameter of the query: a result parameter or a filter.
func (x *parser) read(q NameValue) {
	x.name = q.Name
	if q.Name == "_type" {
		return // read already
	}
	base, modifier, _ := strings.Cut(q.Name, ":")
	if x.ofQuery(q.Name) {
		x.applied = append(x.applied, q) // read already, or an error
		return
	}
	if base == "_type" {
		x.problem(outcome.Invalid, "The parameter _type has no modifier %q; %s.", clip(modifier), resultParameter{}.takes())
		x.settle()
		return
	}
	if result, ok := resultParameters[base]; ok {
		x.result(result, base, modifier, q)
		return
	}
	filters := make([]Expr, len(x.types))
	x.checkRepeat(base)
	for i, typ := range x.types {
		filters[i] = x.filter(typ, q.Name, q.Value, 0)
		if len(x.problems) > 0 {
			break
		}
	}
	if x.settle() {
		for i := range filters {
			x.filters[i] = append(x.filters[i], filters[i])
		}
		x.applied = append(x.applied, q)
	}
}

// branches turns the filters into the query's branches, inside the compartment if there is one. The
// error is that of Compartment.
func (x *parser) branches() error {
	c := x.options.Compartment
	if c.Name == "" {
		for i, typ := range x.types {
			x.query.Branches = append(x.query.Branches, Branch{typ, conjunction(x.filters[i])})
		}
		return nil
	}
	types, wildcard := x.types, len(x.types) == 1 && x.types[0] == ""
	if wildcard {
		types = CompartmentTypes(c.Name)
	}
	for i, typ := range types {
		if wildcard {
			i = 0
		}
		inside, err := x.Compartment(c.Name, c.ID, typ)
		if err != nil {
			return err
		}
		x.query.Branches = append(x.query.Branches, Branch{typ, conjunction(append(And{inside}, x.filters[i]...))})
	}
	return nil
}

// conjunction is all parts, as simple as can be.
func conjunction(parts And) Expr {
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	return parts
}
