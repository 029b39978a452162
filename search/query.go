package search

// Query is one search, ready for an engine.
type Query struct {
	// Branches hold the filter for each resource type that is searched; a resource matches if it
	// matches the branch of its type. A branch with Type "" applies to every type.
	Branches []Branch
	// ContainedAlone tells that contained resources that match are matches of their own, and not
	// their containers: _containedType=contained. See Places.
	ContainedAlone bool
	// Sort orders the matches; ties, and everything without Sort, are in order of creation.
	Sort []SortKey
	// Count is the number of matches on a page, above 0. CountOnly asks for the total alone.
	Count     int
	CountOnly bool
	// MaxResults is the most matches to show on all pages together; 0 is no limit. Package fhir ends the pages
	// there; engines ignore it, and the total has all matches.
	MaxResults int
	// Total tells whether the page must say how many matches there are in all.
	Total Total
	// Include and RevInclude are resolved by package fhir, not by engines.
	Include, RevInclude []Include
	// Summary and Elements select parts of the resources shown; engines ignore them.
	Summary  Summary
	Elements []string
	// Explain asks the engine for the plan that it used.
	Explain bool
	// Applied lists what was understood, for the self link: filters in the order given, then
	// the result parameters in a fixed order. Parsed again it gives an equal Query.
	Applied []NameValue
}

// Branch is the filter for one resource type.
type Branch struct {
	Type   string // "" is every type
	Filter Expr   // nil matches every resource
}

// NameValue is one name and value of a query string, decoded.
type NameValue struct{ Name, Value string }

// Expr is a node of the filter tree: And, Or, Not, Nothing, Test, Missing, Chain, Has, Within or
// Contained.
type Expr interface{ expr() }

type (
	// And matches where all parts do; an empty And matches everything.
	And []Expr
	// Or matches where some part does; an empty Or matches nothing.
	Or []Expr
	// Not matches where its part does not.
	Not struct{ Of Expr }
	// Nothing matches no resource. Access predicates use it.
	Nothing struct{}

	// Test compares the values of a parameter with criteria; it matches when some value of the
	// resource meets some criterion. ":not" is Not{Test} and so matches resources without values.
	Test struct {
		Param    *Parameter
		Modifier Modifier
		Any      []Criterion
		// tokens holds the criteria of a set of codes, where they are many; nil without.
		tokens map[Code]struct{}
	}
	// Missing matches resources that have no value for the parameter, or with Present those that do.
	Missing struct {
		Param   *Parameter
		Present bool
	}
	// Chain matches where a reference of the parameter points to a resource in this store, or to one
	// contained in the same, that matches the branch of its type.
	Chain struct {
		Param    *Parameter
		Branches []Branch // Type is never "" here
	}
	// Has matches where a resource of Type whose Param refers to the one tested matches Filter. It
	// matches no contained resource.
	Has struct {
		Type   string
		Param  *Parameter
		Filter Expr
	}
)

func (And) expr()     {}
func (Or) expr()      {}
func (Not) expr()     {}
func (Nothing) expr() {}
func (Test) expr()    {}
func (Missing) expr() {}
func (Chain) expr()   {}
func (Has) expr()     {}

// Modifier changes how a Test compares. ":not", ":missing", ":[type]" and chains are structure
// of the tree and have no Modifier.
type Modifier uint8

// The modifiers of a Test.
const (
	Plain      Modifier = iota
	Exact               // string
	Contains            // string
	Text                // token: starts a word of the display or text, folded
	Above               // uri; reference: canonical URLs by their versions
	Below               // the same
	Identifier          // reference: the identifier inside it, criterion is a TokenCriterion
	OfType              // token: an identifier of a type

	// Those of filter expressions alone: https://hl7.org/fhir/R4/search_filter.html
	Equal   // string: all of it, folded
	Ends    // string: its end, folded
	Less    // string: before, by the code points of the folded texts
	Greater // string: after, likewise
	Unequal // any type: some value that meets none of the criteria
)

// SortKey is one rule of _sort. Params has the parameter of each branch's type; there is just one
// where all branches share it. They are of one ParameterType, never composite or special.
//
// With Via, matches are sorted by what their references lead to. Params is then one parameter that is
// the key's alone and that no resource has values of; a Sorter makes them.
type SortKey struct {
	Params     []*Parameter
	Descending bool
	Via        []SortLink
	Of         *Parameter // with Via: of the resources that it leads to
}

// SortLink is one reference that a SortKey follows, to the resources of one type. One that does not match
// the filter is as one that is not there; nil lets all pass. An access predicate is such a filter.
type SortLink struct {
	Params []*Parameter // as those of SortKey
	Type   string
	Filter Expr
}

// Include is one _include or _revinclude.
type Include struct {
	Source   string     // type that holds the reference; "" is any, only for "*"
	Param    *Parameter // nil for "*"
	Target   string     // type pointed to; "" is any
	Iterate  bool
	Wildcard bool
}

// Total is the value of _total.
type Total uint8

// The values of _total. TotalDefault counts only where that is cheap.
const (
	TotalDefault Total = iota
	TotalNone
	TotalEstimate
	TotalAccurate
)

// Summary is the value of _summary.
type Summary uint8

// The values of _summary; SummaryCount sets Query.CountOnly instead.
const (
	SummaryFalse Summary = iota
	SummaryTrue
	SummaryText
	SummaryData
)
