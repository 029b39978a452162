package patch

import (
	"context"
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat"
	"kiln/resources/xmlformat/markup"
)

// xmlPatch is an XML Patch: https://www.rfc-editor.org/rfc/rfc5261. It is applied to the XML
// form of the resource.
type xmlPatch struct{ operations []xmlOperation }

type xmlOperation struct {
	name       string
	sel        *selector
	pos, ws    string
	addition   *selectorStep // the type of an add: an attribute or a namespace declaration
	qualifier  markup.Name   // of that attribute
	content    []*xmlNode
	contentXML *xmlNode // the operation itself, for its text
}

// parseXML reads an XML Patch: a root element <diff> or <patch>, whose elements add, replace and
// remove are in its namespace, whatever that is.
func parseXML(body []byte) (Patch, error) {
	document, err := readXML(body)
	if err != nil {
		return nil, err
	}
	wrong := xmlProblems{reader: markup.NewReader(body)}
	root := document.root()
	if root.name.Local != "diff" && root.name.Local != "patch" {
		wrong.add(root, "The root element of an XML Patch is <diff>; found <%s>.", clip(root.name.Local))
		return nil, wrong.err()
	}
	p := &xmlPatch{}
	for _, n := range root.children {
		switch {
		case n.kind == markup.StartTag:
			p.operations = append(p.operations, readXMLOperation(&wrong, n))
		case n.kind == markup.Text && strings.Trim(n.text, " \t\r\n") != "":
			wrong.add(root, "The element <%s> holds text; operations are elements.", root.name.Local)
		}
	}
	if len(p.operations) > MaxOperations {
		return nil, tooMany(len(p.operations))
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// xmlProblems collects what is wrong with an XML Patch.
type xmlProblems struct {
	reader *markup.Reader
	issues []outcome.Issue
}

func (p *xmlProblems) add(n *xmlNode, format string, args ...any) {
	if len(p.issues) < maxProblems {
		p.issues = append(p.issues, outcome.As(p.reader.Fail(n.start, format, args...)).Issues...)
	}
}

func (p *xmlProblems) err() error {
	if len(p.issues) == 0 {
		return nil
	}
	return &outcome.Error{Stage: outcome.StageSyntax, Issues: p.issues}
}

// xmlOperations are the operations and the attributes that each has besides sel.
var xmlOperations = map[string]struct {
	attributes map[string][]string // with the values that they may have; nil for any
	apply      func(b *budget, document *xmlNode, at located, o xmlOperation) error
}{
	"add":     {map[string][]string{"type": nil, "pos": {"before", "after", "prepend"}}, (*budget).addXML},
	"replace": {nil, (*budget).replaceXML},
	"remove":  {map[string][]string{"ws": {"before", "after", "both"}}, (*budget).removeXML},
}

func readXMLOperation(wrong *xmlProblems, n *xmlNode) xmlOperation {
	o := xmlOperation{name: n.name.Local, content: n.children, contentXML: n}
	known, ok := xmlOperations[o.name]
	if !ok || n.name.Space != n.parent.name.Space {
		wrong.add(n, "The operation <%s> is not one of add, replace and remove in the namespace of the root.", clip(o.name))
		return o
	}
	for _, a := range n.attributes {
		if a.Local == "sel" && a.Space == "" {
			o.read(wrong, n, a)
			continue
		}
		values, ok := known.attributes[a.Local]
		if !ok || a.Space != "" {
			wrong.add(n, "The operation <%s> has no attribute %q.", o.name, clip(a.Local))
			continue
		}
		if values != nil && !slices.Contains(values, a.Value) {
			wrong.add(n, "The attribute %s of <%s> is %q; expected %s.", a.Local, o.name, clip(a.Value), strings.Join(values, ", "))
			continue
		}
		o.read(wrong, n, a)
	}
	if o.sel == nil && len(wrong.issues) == 0 {
		wrong.add(n, "The operation <%s> has no attribute sel.", o.name)
	}
	if o.name == "remove" && n.root() != nil {
		wrong.add(n, "The operation <remove> has no content.")
	}
	return o
}

// read takes an attribute of the operation element n.
func (o *xmlOperation) read(wrong *xmlProblems, n *xmlNode, a markup.Attribute) {
	var err error
	switch a.Local {
	case "sel":
		o.sel, err = readSelector(a.Value, n)
	case "pos":
		o.pos = a.Value
	case "ws":
		o.ws = a.Value
	case "type":
		var s *selector
		if s, err = readSelector(a.Value, n); err != nil {
			break
		}
		step := s.steps[0]
		if len(s.steps) > 1 || step.local == "*" || step.kind != stepAttribute && step.kind != stepNamespace {
			wrong.add(n, "The attribute type of <add> is \"@name\" or \"namespace::prefix\"; found %q.", clip(a.Value))
			return
		}
		o.addition = &step
		o.qualifier = markup.Name{Local: step.local}
		if step.kind == stepAttribute {
			o.qualifier.Space = step.spaces[0]
			o.qualifier.Prefix, _, _ = strings.Cut(strings.TrimPrefix(s.text, "@"), ":")
		}
	}
	if err != nil {
		wrong.add(n, "In the attribute %s of <%s>, %s.", a.Local, o.name, err)
	}
}

// Apply implements Patch.
func (p *xmlPatch) Apply(ctx context.Context, target *resources.Document) (*resources.Document, error) {
	e, err := target.Resource()
	if err != nil {
		return nil, outcome.As(err).In(outcome.StageContent)
	}
	text, err := xmlformat.AppendXML(nil, e)
	if err != nil {
		return nil, err
	}
	document, err := readXML(text)
	if err != nil {
		return nil, err
	}
	b := newBudget(ctx)
	if err := p.apply(b, document); err != nil {
		return nil, err
	}
	sweep(document)
	patched, err := xmlformat.ToJSON(document.append(nil, ""))
	if err != nil {
		return nil, misfit(err)
	}
	doc, err := settle(target, patched)
	if err != nil || doc == target {
		return doc, err
	}
	return settle(target, reorder(nil, target, 0, doc, 0))
}

// misfit is the error of a patched text that is no FHIR any more. Its places are of a text that
// nobody has seen, so they are left out.
func misfit(err error) error {
	e := outcome.As(err)
	issues := make([]outcome.Issue, 0, len(e.Issues))
	for _, issue := range e.Issues {
		issue.Line, issue.Column = 0, 0
		issue.Diagnostics = "The patched resource is no FHIR: " + issue.Diagnostics
		issues = append(issues, issue)
	}
	return &outcome.Error{Stage: outcome.StageContent, Issues: issues}
}

func (p *xmlPatch) apply(b *budget, document *xmlNode) error {
	for i, o := range p.operations {
		err := b.live()
		if err != nil {
			return err
		}
		at, err := b.locate(document, o.sel)
		if err == nil {
			err = xmlOperations[o.name].apply(b, document, at, o)
		}
		if err != nil {
			return inOperation(err, i+1, o.name+" "+o.sel.text)
		}
	}
	return nil
}

// sweep removes the elements of FHIR that a patch has emptied.
func sweep(n *xmlNode) {
	for i := len(n.children) - 1; i >= 0; i-- {
		c := n.children[i]
		if c.kind != markup.StartTag || c.source != "" || c.name.Space != xmlformat.FHIR {
			continue
		}
		sweep(c)
		if c.lost && len(c.attributes) == 0 && len(c.children) == 0 && n.kind == markup.StartTag {
			c.remove()
		}
	}
}
