package search

import (
	"slices"

	"kiln/resources/definitions"
)

// plan is how the values of one resource type are found: a tree of all selectors, so that every
// member is looked at once however many parameters want it.
type plan struct {
	root *planNode
	// members are the children of the root by their row of the element table.
	members map[*definitions.Element][]*planNode
	// indexed are the children of the root that take one item of a list.
	indexed []planChild
	// evaluated are the parameters that need FHIRPath.
	evaluated []*Parameter
}

// planNode is what happens at one element.
type planNode struct {
	emits    []planEmit
	children []planChild
	narrows  []planNarrow
	wheres   []planWhere
}

type (
	planEmit struct {
		param      *Parameter // nil of a component
		typ        ParameterType
		target     string
		components []planComponent // of a composite
	}
	planComponent struct {
		here, root *planNode // from the element, from the resource; root is nil without selectors
	}
	planChild struct {
		name string
		item int
		node *planNode
	}
	planNarrow struct {
		typ  *definitions.Type
		node *planNode
	}
	planWhere struct {
		member, equals string
		node           *planNode
	}
)

func newPlan(resource *definitions.Type, parameters []*Parameter) *plan {
	p := &plan{root: &planNode{}, members: map[*definitions.Element][]*planNode{}}
	for _, param := range parameters {
		if param.expression != nil {
			p.evaluated = append(p.evaluated, param)
		}
		for _, s := range param.selectors {
			p.root.add(s, planEmit{param: param, typ: param.Type, target: s.target, components: planComponents(param)})
		}
	}
	for _, c := range p.root.children {
		if c.item != every {
			p.indexed = append(p.indexed, c)
		} else if e := resource.Element(c.name); e != nil {
			p.members[e] = append(p.members[e], c.node)
		}
	}
	return p
}

func planComponents(param *Parameter) []planComponent {
	var list []planComponent
	for _, c := range param.Components {
		list = append(list, planComponent{planOf(c.selectors, c.Type), planOf(c.root, c.Type)})
	}
	return list
}

func planOf(selectors []*selector, typ ParameterType) *planNode {
	if len(selectors) == 0 {
		return nil
	}
	n := &planNode{}
	for _, s := range selectors {
		n.add(s, planEmit{typ: typ})
	}
	return n
}

func (n *planNode) add(s *selector, emit planEmit) {
	for _, step := range s.steps {
		n = n.after(step)
	}
	n.emits = append(n.emits, emit)
}

// after is the node that a step leads to, made when it is new.
func (n *planNode) after(s step) *planNode {
	switch {
	case s.narrow != "":
		typ := fhirType(s.narrow)
		i := slices.IndexFunc(n.narrows, func(e planNarrow) bool { return e.typ == typ })
		if i < 0 {
			i = len(n.narrows)
			n.narrows = append(n.narrows, planNarrow{typ, &planNode{}})
		}
		return n.narrows[i].node
	case s.where != "":
		i := slices.IndexFunc(n.wheres, func(e planWhere) bool { return e.member == s.where && e.equals == s.equals })
		if i < 0 {
			i = len(n.wheres)
			n.wheres = append(n.wheres, planWhere{s.where, s.equals, &planNode{}})
		}
		return n.wheres[i].node
	}
	i := slices.IndexFunc(n.children, func(e planChild) bool { return e.name == s.child && e.item == s.item })
	if i < 0 {
		i = len(n.children)
		n.children = append(n.children, planChild{s.child, s.item, &planNode{}})
	}
	return n.children[i].node
}

// fhirType finds a type by name. Observation-code-value-date says as(DateTime) and means dateTime.
func fhirType(name string) *definitions.Type {
	if t := definitions.R4().Type(name); t != nil {
		return t
	}
	return definitions.R4().Type(lowerFirst(name))
}

func lowerFirst(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]-'A'+'a') + s[1:]
}
