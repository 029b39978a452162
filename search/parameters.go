package search

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kiln/fhirpath"
	"kiln/resources/definitions"
)

// Options say what search must know of the server. The zero value is useful.
type Options struct {
	// BaseURL is the server's own FHIR base. An absolute reference below it is one to a resource of
	// this server.
	BaseURL string
	// Zone is that of dates and times without an offset; UTC if nil.
	Zone *time.Location
	// Now is the clock for "ap" on dates; time.Now if nil.
	Now func() time.Time
	// Report hears of an expression that could not be evaluated on a resource, which is then stored
	// without values of that parameter. It holds nothing of the resource.
	Report func(parameter *Parameter, err error)
	// Queries are what _query may name: none is refused by a server without them.
	Queries []NamedQuery
}

func (o *Options) ensureDefaults() {
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(*Parameter, error) {}
	}
}

// Parameters is the compiled set of search parameters, safe for concurrent use. A pointer that it
// gave stays valid and the same. R4's own are there for good; those that SearchParameter resources
// define come and go, see [Parameters.Revise].
type Parameters struct {
	options         Options
	table           atomic.Pointer[table]
	revising        sync.Mutex // held while the table is replaced
	id, lastUpdated *Parameter
}

// NewParameters compiles R4's search parameters: https://hl7.org/fhir/R4/searchparameter-registry.html
// The error names the parameter whose expression cannot be read, or the named query that is wrong.
func NewParameters(options Options) (*Parameters, error) {
	options.ensureDefaults()
	if err := checkQueries(options.Queries); err != nil {
		return nil, err
	}
	p := &Parameters{options: options}
	types := map[string]*typeParameters{}
	r4 := definitions.R4()
	shared := &typeParameters{byCode: map[string]*Parameter{}}
	types[""] = shared
	for _, name := range r4.ResourceNames() {
		t := &typeParameters{byCode: map[string]*Parameter{}}
		for _, definition := range r4.SearchParameters(name) {
			if definition.Code == queryParameter {
				continue
			}
			param := shared.byCode[definition.Code]
			if param == nil || param.Definition != definition {
				var err error
				if param, err = compile(r4.Type(name), definition); err != nil {
					return nil, err
				}
				if param.Base == "Resource" || param.SearchesWords() {
					shared.add(param)
				}
			}
			t.add(param)
		}
		t.plan = newPlan(r4.Type(name), t.list)
		types[name] = t
	}
	p.table.Store(&table{r4: types, types: types, customs: map[string]*Custom{}})
	p.id, p.lastUpdated = shared.byCode["_id"], shared.byCode["_lastUpdated"]
	return p, nil
}

// Copy is a set with R4's parameters alone, by the same pointers, that is revised apart from this one.
func (p *Parameters) Copy() *Parameters {
	now := p.table.Load()
	c := &Parameters{options: p.options, id: p.id, lastUpdated: p.lastUpdated}
	c.table.Store(&table{r4: now.r4, types: now.r4, customs: map[string]*Custom{}})
	return c
}

// engineMade are the parameters whose values the engine knows and the resource does not.
var engineMade = map[string]bool{"_id": true, "_lastUpdated": true}

// compile makes the parameter of one resource type.
func compile(resource *definitions.Type, definition *definitions.SearchParameter) (*Parameter, error) {
	typ, ok := parameterType(definition.Type)
	if !ok {
		return nil, fmt.Errorf("search parameter %s has the unknown type %q", definition.URL, definition.Type)
	}
	if wordParameters[definition.Code] {
		typ = TypeSpecial
	}
	p := &Parameter{Code: definition.Code, Type: typ, Base: resource.Name, Targets: definition.Targets, Definition: definition}
	for _, base := range definition.Base {
		if base == "Resource" || base == "DomainResource" {
			p.Base = base
		}
	}
	if engineMade[p.Code] || definition.Expression == "" {
		return p, nil
	}
	selectors, ok := readSelectors(definition.Expression)
	if !ok {
		var err error
		if p.expression, err = fhirpath.Compile(definition.Expression, fhirpath.AsOfType()); err != nil {
			return nil, fmt.Errorf("search parameter %s: %w", definition.URL, err)
		}
	}
	p.selectors = ofType(selectors, resource)
	p.Targets = reachable(p.Targets, p.selectors)
	if typ == TypeToken {
		p.implied = impliedSystems(resource, p.selectors)
		p.identifies = leadTo("Identifier", resource, p.selectors)
	}
	p.canonical = typ == TypeReference && leadTo("canonical", resource, p.selectors)
	return p, compileComponents(p)
}

// ofType leaves those selectors that begin with the resource's type or one that it derives from.
func ofType(selectors []*selector, resource *definitions.Type) []*selector {
	var own []*selector
	for _, s := range selectors {
		if s.head == "" || resource.Is(s.head) {
			own = append(own, s)
		}
	}
	return own
}

// componentErrata are the components of R4 whose expressions select what their parameter cannot
// be. DocumentReference-relationship has the two the wrong way round; R5 has them as here.
var componentErrata = map[string][]string{
	"http://hl7.org/fhir/SearchParameter/DocumentReference-relationship": {"target", "code"},
}

// reachable leaves those targets that "where(resolve() is X)" lets through: clinical-patient names
// Patient and Group as targets and then selects patients alone.
func reachable(targets []string, selectors []*selector) []string {
	var only []string
	for _, s := range selectors {
		if s.target == "" {
			return targets
		}
		only = append(only, s.target)
	}
	if only == nil {
		return targets
	}
	slices.Sort(only)
	return slices.Compact(only)
}

func compileComponents(p *Parameter) error {
	errata := componentErrata[p.Definition.URL]
	for i, part := range p.Definition.Components {
		if errata != nil {
			part.Expression = errata[i]
		}
		definition := definitions.R4().SearchParameterByURL(part.URL)
		if definition == nil {
			return fmt.Errorf("search parameter %s has the unknown component %s", p.Definition.URL, part.URL)
		}
		typ, ok := parameterType(definition.Type)
		selectors, readable := readSelectors(part.Expression)
		if !ok || !readable {
			return fmt.Errorf("search parameter %s: the component %q is not a path", p.Definition.URL, part.Expression)
		}
		c := ComponentParameter{Code: definition.Code, Type: typ}
		for _, s := range selectors {
			if s.head == "%resource" {
				c.root = append(c.root, s)
			} else {
				c.selectors = append(c.selectors, s)
			}
		}
		p.Components = append(p.Components, c)
	}
	return nil
}

// ID is the parameter _id, shared by all types.
func (p *Parameters) ID() *Parameter { return p.id }

// LastUpdated is the parameter _lastUpdated, shared by all types.
func (p *Parameters) LastUpdated() *Parameter { return p.lastUpdated }

// Lookup finds the parameter of a resource type by its code; with type "" those that all types
// share. It is nil for one that is unknown, not supported, or still being indexed.
func (p *Parameters) Lookup(typ, code string) *Parameter {
	t := p.table.Load().types[typ]
	if t == nil {
		return nil
	}
	found := t.byCode[code]
	if found == nil {
		// complete from the moment on at which anybody is told so, which is just before the table has it
		if b := t.building[code]; b != nil && b.custom.complete.Load() {
			return b
		}
	}
	return found
}

// Of lists the parameters of a resource type by code, those of all types included; with type ""
// only the latter; without those that are still being indexed. The slice is shared and must not be
// changed.
func (p *Parameters) Of(typ string) []*Parameter {
	if t := p.table.Load().types[typ]; t != nil {
		return t.list
	}
	return nil
}

// Own are the values of the parameters that only the engine knows, _id and _lastUpdated, to be
// added to those of Extract before Match or CompareSort.
func (p *Parameters) Own(id string, lastUpdated time.Time) []Entry {
	low := lastUpdated.UnixMilli() * 1000
	return []Entry{
		{p.id, TokenValue{Code: id}},
		{p.lastUpdated, DateValue{Low: low, High: low + 1000}}, // a millisecond, as meta.lastUpdated is written
	}
}
