package search

import (
	"fmt"
	"slices"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// NamedQuery is a search that a server offers under a name: _query=name with the parameters that the
// query has. It stands for filters, and the other parameters of the request narrow, sort and shape what
// they find as they always do. https://hl7.org/fhir/R4/search.html#query
type NamedQuery struct {
	Name string
	// Types are those that it searches; none is every type, and the whole system.
	Types []string
	// Definition is the canonical URL of its OperationDefinition, of kind query.
	Definition string
	// Parameters are its own. A name that a search parameter has too means that of the query.
	Parameters []QueryParameter
	// Lower gives the filters that it stands for, as a query string has them: all must hold. It is
	// given the arguments in the order of the request, each of Parameters and those required there.
	// Its error is shown to the client as the end of the sentence "The query x is wrong: …".
	Lower func(arguments []NameValue) ([]NameValue, error)
}

// QueryParameter is one parameter of a named query.
type QueryParameter struct {
	Name     string
	Required bool
	Repeats  bool
}

const queryParameter = "_query"

// checkQueries refuses definitions that could not be asked for, or not be told apart.
func checkQueries(queries []NamedQuery) error {
	seen := map[string]bool{}
	for _, q := range queries {
		unknown := slices.ContainsFunc(q.Types, func(typ string) bool { return definitions.R4().Resource(typ) == nil })
		switch {
		case q.Name == "" || q.Definition == "" || q.Lower == nil:
			return fmt.Errorf("the named query %q lacks its name, its definition or what it stands for", q.Name)
		case unknown:
			return fmt.Errorf("the named query %q is of an unknown resource type", q.Name)
		case seen[q.Name]:
			return fmt.Errorf("two named queries are called %q", q.Name)
		}
		seen[q.Name] = true
		for _, p := range q.Parameters {
			if p.Name == "" || p.Name[0] == '_' || strings.ContainsAny(p.Name, ":.") {
				return fmt.Errorf("the named query %q has the parameter %q; expected a name without a leading _, a colon or a point", q.Name, p.Name)
			}
		}
	}
	return nil
}

// Queries lists the named queries of a resource type; with type "" those of the whole system.
func (p *Parameters) Queries(typ string) []NamedQuery {
	var list []NamedQuery
	for _, q := range p.options.Queries {
		if len(q.Types) == 0 || slices.Contains(q.Types, typ) {
			list = append(list, q)
		}
	}
	return list
}

// parameter finds one by name; nil if the query has none of it.
func (q *NamedQuery) parameter(name string) *QueryParameter {
	if q == nil {
		return nil
	}
	for i := range q.Parameters {
		if q.Parameters[i].Name == name {
			return &q.Parameters[i]
		}
	}
	return nil
}

// readQuery finds the named query of a request, if it has one, and adds the filters that it stands for.
// One that is not known is an error even in a lenient query, for without it the answer would be to
// another question.
func (x *parser) readQuery(query []NameValue) {
	lenient := x.options.Lenient
	x.options.Lenient = false
	defer func() { x.options.Lenient = lenient }()
	for _, q := range query {
		if base, _, _ := strings.Cut(q.Name, ":"); base != queryParameter {
			continue
		}
		x.name = q.Name
		switch {
		case q.Name != queryParameter:
			x.problem(outcome.Invalid, "The parameter _query has no modifier.")
		case x.given[queryParameter]:
			x.problem(outcome.Invalid, "The parameter _query is given twice; a search has one named query at most.")
		default:
			x.given[queryParameter] = true
			x.named(q.Value, query)
		}
		x.settle()
	}
}

// named adds the filters of a query by its name.
func (x *parser) named(name string, query []NameValue) {
	known := x.commonQueries()
	i := slices.IndexFunc(known, func(q NamedQuery) bool { return q.Name == name })
	if i < 0 {
		x.problem(outcome.NotSupported, "The parameter _query names %q, which is no query of %s. Valid are: %s.", clip(name), orAll(strings.Join(x.types, ", ")), queryNames(known))
		return
	}
	x.asked = &known[i]
	arguments := x.arguments(query)
	if len(x.problems) > 0 {
		return
	}
	filters, err := known[i].Lower(arguments)
	if err != nil {
		x.problem(outcome.Value, "The query %q is wrong: %s.", name, err)
		return
	}
	for _, f := range filters {
		x.name = f.Name
		for i, typ := range x.types {
			x.filters[i] = append(x.filters[i], x.filter(typ, f.Name, f.Value, 0))
			if len(x.problems) > 0 {
				return
			}
		}
	}
}

// arguments are the values that the request has for the parameters of the query.
func (x *parser) arguments(query []NameValue) []NameValue {
	var list []NameValue
	seen := map[string]bool{}
	for _, q := range query {
		p := x.asked.parameter(q.Name)
		switch {
		case p == nil:
			continue
		case seen[p.Name] && !p.Repeats:
			x.problem(outcome.Invalid, "The parameter %q of the query %q is given twice.", p.Name, x.asked.Name)
		}
		seen[p.Name] = true
		list = append(list, q)
	}
	for _, p := range x.asked.Parameters {
		if p.Required && !seen[p.Name] {
			x.problem(outcome.Required, "The query %q needs the parameter %q.", x.asked.Name, p.Name)
		}
	}
	return list
}

// commonQueries are those of all types searched.
func (x *parser) commonQueries() []NamedQuery {
	var list []NamedQuery
	for _, q := range x.Parameters.options.Queries {
		if len(q.Types) == 0 || !slices.ContainsFunc(x.types, func(typ string) bool { return !slices.Contains(q.Types, typ) }) {
			list = append(list, q)
		}
	}
	return list
}

func queryNames(queries []NamedQuery) string {
	names := make([]string, len(queries))
	for i, q := range queries {
		names[i] = q.Name
	}
	if slices.Sort(names); len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// ofQuery reports whether a parameter of the request belongs to the named query.
func (x *parser) ofQuery(name string) bool {
	base, _, _ := strings.Cut(name, ":")
	return base == queryParameter || x.asked.parameter(name) != nil
}
