package search

import (
	"fmt"
	"slices"
	"strings"

	"kiln/fhirpath"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// Bounds of a definition.
const (
	maxExpression = 4 << 10
	maxComponents = 4 // of a composite, see composite
	maxCustoms    = 1_000
	maxRestated   = 20_000 // with those that make nothing new
)

// definer judges one definition and compiles it.
type definer struct {
	*Custom
	// known finds the definition of a component by its URL, R4's or another of the same set.
	known  func(url string) *definitions.SearchParameter
	typ    ParameterType
	issues []outcome.Issue
}

// refuse notes what is wrong at an element of the resource.
func (d *definer) refuse(element string, code outcome.Code, format string, args ...any) {
	d.issues = append(d.issues, outcome.Issue{
		Severity: outcome.SeverityError, Code: code, Diagnostics: fmt.Sprintf(format, args...), Expression: []string{"SearchParameter." + element},
	})
}

// definitionRules are all that is asked of a definition before its expression is read.
var definitionRules = []func(d *definer){
	(*definer).checkURL, (*definer).checkCode, (*definer).checkType, (*definer).checkUsage, (*definer).checkBases,
	(*definer).checkTargets, (*definer).checkWords, (*definer).checkExpression, (*definer).checkComponents,
}

// outside are the elements whose problems leave the expression readable, so that it is judged with them.
var outside = map[string]bool{"SearchParameter.url": true, "SearchParameter.code": true, "SearchParameter.modifier": true, "SearchParameter.comparator": true, "SearchParameter.chain": true}

// compile judges the definition by itself; what is wrong is in issues.
func (d *definer) compile() {
	if own := definitions.R4().SearchParameterByURL(d.Definition.URL); own != nil {
		d.restate(own)
		return
	}
	if d.derives() {
		return
	}
	for _, rule := range definitionRules {
		rule(d)
	}
	if slices.ContainsFunc(d.issues, func(issue outcome.Issue) bool { return !outside[issue.Expression[0]] }) {
		return
	}
	for _, base := range d.Definition.Base {
		if p := d.ofBase(base); p != nil {
			d.Parameters = append(d.Parameters, p)
		}
	}
}

// restate checks that a definition with R4's url says what R4 says; then there is nothing to compile.
func (d *definer) restate(own *definitions.SearchParameter) {
	if d.Definition.Code != own.Code {
		d.refuse("code", outcome.Value, "The code of %s is %q in FHIR R4, not %q.", own.URL, own.Code, clip(d.Definition.Code))
	}
	if d.Definition.Type != own.Type {
		d.refuse("type", outcome.Value, "The type of %s is %s in FHIR R4, not %s.", own.URL, own.Type, clip(d.Definition.Type))
	}
	for _, base := range d.Definition.Base {
		if !slices.Contains(own.Base, base) {
			d.refuse("base", outcome.Value, "%s is not defined on %s in FHIR R4; give the definition a url of its own.", own.URL, clip(base))
		}
	}
}

// derives reports whether R4 has the parameter that the definition is derived from on all its bases, by the
// same code and type; then too there is nothing to compile.
// https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.derivedFrom
func (d *definer) derives() bool {
	own := definitions.R4().SearchParameterByURL(d.derivedFrom)
	return own != nil && own.Code == d.Definition.Code && own.Type == d.Definition.Type && len(d.Definition.Base) > 0 &&
		!slices.ContainsFunc(d.Definition.Base, func(base string) bool {
			has := r4Parameter(base, own.Code)
			return has == nil || has.URL != own.URL
		})
}

func (d *definer) checkURL() {
	if !isAbsolute(d.Definition.URL) {
		d.refuse("url", outcome.Value, "The url %q is not absolute; expected a URI such as https://example.org/SearchParameter/x.", clip(d.Definition.URL))
	}
}

// checkCode accepts what can stand in a query: no separators, and nothing that R4 gives another meaning.
// https://hl7.org/fhir/R4/search.html#standard
func (d *definer) checkCode() {
	code := d.Definition.Code
	ok := code != "" && len(code) <= 64 && code[0] != '-' && code[0] != '_'
	for i := 0; i < len(code); i++ {
		ok = ok && (isNameByte(code[i]) || code[i] == '-')
	}
	if !ok {
		d.refuse("code", outcome.Value, "The code %q cannot be the name of a search parameter; expected 1 to 64 letters, digits, \"-\" or \"_\", the first a letter or digit.", clip(code))
	}
}

func (d *definer) checkType() {
	typ, ok := parameterType(d.Definition.Type)
	if d.typ = typ; !ok || typ == TypeSpecial {
		d.refuse("type", outcome.NotSupported, "The type is %q; expected number, date, string, token, reference, composite, quantity or uri.", clip(d.Definition.Type))
	}
}

// checkUsage: https://hl7.org/fhir/R4/valueset-search-xpath-usage.html
func (d *definer) checkUsage() {
	switch usage := d.Definition.Usage; {
	case usage == "", usage == "normal", usage == "phonetic" && d.Definition.Type == "string":
	case usage == "phonetic":
		d.refuse("xpathUsage", outcome.NotSupported, "The xpathUsage phonetic is for parameters of the type string.")
	default:
		d.refuse("xpathUsage", outcome.NotSupported, "The xpathUsage is %q; expected normal, or phonetic on a string.", clip(usage))
	}
}

func (d *definer) checkBases() {
	if len(d.Definition.Base) == 0 {
		d.refuse("base", outcome.Required, "The definition names no base; expected the resource types that have the parameter.")
	}
	for i, base := range d.Definition.Base {
		if baseType(base) == nil {
			d.refuse("base", outcome.Value, "The base %q is not a resource type of FHIR R4.", clip(base))
		} else if slices.Contains(d.Definition.Base[:i], base) {
			d.refuse("base", outcome.Value, "The base %s is named twice.", base)
		} else if above := d.baseAbove(base); above != "" {
			d.refuse("base", outcome.Value, "The base %s is a kind of %s, which is named too; expected one of the two.", base, above)
		}
	}
}

// baseAbove is another base of the definition that has all of this one; empty without one. A type would have
// two parameters of one name then.
func (d *definer) baseAbove(base string) string {
	for _, other := range d.Definition.Base {
		if other != base && baseType(other) != nil && baseType(base).Is(other) {
			return other
		}
	}
	return ""
}

// baseType finds what a parameter may be defined on; nil if it is no resource type.
func baseType(name string) *definitions.Type {
	if r4 := definitions.R4(); r4.Resource(name) != nil || name == "Resource" || name == "DomainResource" {
		return r4.Type(name)
	}
	return nil
}

func (d *definer) checkTargets() {
	for _, target := range d.Definition.Targets {
		if definitions.R4().Resource(target) == nil && target != "Resource" {
			d.refuse("target", outcome.Value, "The target %q is not a resource type of FHIR R4.", clip(target))
		}
	}
	if d.Definition.Type != "reference" && len(d.Definition.Targets) > 0 {
		d.refuse("target", outcome.Value, "Only a reference has targets; the type is %s.", clip(d.Definition.Type))
	}
	if d.Definition.Type == "reference" && len(d.Definition.Targets) == 0 {
		d.refuse("target", outcome.Required, "The definition of a reference names no target; expected the resource types that it may point to.")
	}
}

// checkWords judges the lists that narrow what may be asked.
func (d *definer) checkWords() {
	for _, modifier := range d.Definition.Modifiers {
		if _, ok := modifierCodes(d.typ)[modifier]; !ok {
			d.refuse("modifier", outcome.Value, "The modifier %q is not one of %s parameters.", clip(modifier), d.typ)
		}
	}
	for _, comparator := range d.Definition.Comparators {
		if !slices.Contains(prefixes[:], Prefix(comparator)) {
			d.refuse("comparator", outcome.Value, "The comparator %q is none of %s.", clip(comparator), prefixNames)
		} else if d.typ != TypeNumber && d.typ != TypeDate && d.typ != TypeQuantity {
			d.refuse("comparator", outcome.Value, "Comparators are for numbers, dates and quantities; the type is %s.", clip(d.Definition.Type))
		}
	}
	if len(d.Chains) > 0 && d.Definition.Type != "reference" {
		d.refuse("chain", outcome.Value, "Only a reference can be chained; the type is %s.", clip(d.Definition.Type))
	}
}

func (d *definer) checkExpression() {
	switch text := d.Definition.Expression; {
	case text == "":
		d.refuse("expression", outcome.Required, "The definition has no expression; expected the FHIRPath that selects the values.")
	case len(text) > maxExpression:
		d.refuse("expression", outcome.TooCostly, "The expression is longer than %d bytes.", maxExpression)
	default:
		if _, err := fhirpath.Compile(text, fhirpath.AsOfType(), fhirpath.Lasting()); err != nil { // its values are kept
			d.refuse("expression", outcome.Invalid, "The expression cannot be read: %s", outcome.As(err).Issues[0].Diagnostics)
		}
	}
}

// checkComponents: https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.component
func (d *definer) checkComponents() {
	parts := d.Definition.Components
	switch composite := d.Definition.Type == "composite"; {
	case composite && (len(parts) < 2 || len(parts) > maxComponents):
		d.refuse("component", outcome.Value, "The composite has %d components; expected 2 to %d.", len(parts), maxComponents)
		return
	case !composite && len(parts) > 0:
		d.refuse("component", outcome.Value, "Only a composite has components; the type is %s.", clip(d.Definition.Type))
		return
	}
	for i, part := range parts {
		d.checkComponent(fmt.Sprintf("component[%d]", i), part)
	}
}

func (d *definer) checkComponent(at string, part definitions.Component) {
	definition := d.known(part.URL)
	if definition == nil {
		d.refuse(at+".definition", outcome.NotFound, "The component %q is not a search parameter of this server.", clip(part.URL))
		return
	}
	if definition.Type == "composite" || definition.Type == "special" {
		d.refuse(at+".definition", outcome.Value, "The component %q is a %s parameter, which cannot be part of a composite.", clip(part.URL), definition.Type)
	}
	if _, ok := readSelectors(part.Expression); !ok || len(part.Expression) > maxExpression {
		d.refuse(at+".expression", outcome.Value, "The expression %q of the component is not a path, such as value.as(Quantity).", clip(part.Expression))
	}
}

// ofBase compiles the parameter of one base; nil where R4 has it, or with a problem noted.
func (d *definer) ofBase(base string) *Parameter {
	if d.isR4s(base) {
		return nil
	}
	resource := baseType(base)
	p := &Parameter{Code: d.Definition.Code, Type: d.typ, Base: base, Targets: d.Definition.Targets, Definition: d.Definition, custom: d.Custom}
	selectors, ok := readSelectors(d.Definition.Expression)
	if !ok {
		if d.typ == TypeComposite {
			d.refuse("expression", outcome.Value, "The expression of a composite is not a path, such as Observation.component.")
			return nil
		}
		p.expression, _ = fhirpath.Compile(d.Definition.Expression, fhirpath.AsOfType()) // read before
		return p
	}
	p.selectors = ofType(selectors, resource)
	if !d.leads(resource, p.selectors) {
		return nil
	}
	p.Targets = reachable(p.Targets, p.selectors)
	if d.typ == TypeToken {
		p.implied = impliedSystems(resource, p.selectors)
		p.identifies = leadTo("Identifier", resource, p.selectors)
	}
	p.canonical = d.typ == TypeReference && leadTo("canonical", resource, p.selectors)
	d.compose(p)
	return p
}

// compose gives a composite its components.
func (d *definer) compose(p *Parameter) {
	d.namesOfComponents = nil
	for _, part := range p.Definition.Components {
		definition := d.known(part.URL)
		typ, _ := parameterType(definition.Type)
		c := ComponentParameter{Code: definition.Code, Type: typ}
		selectors, _ := readSelectors(part.Expression)
		for _, s := range selectors {
			if s.head == "%resource" {
				c.root = append(c.root, s)
			} else {
				c.selectors = append(c.selectors, s)
			}
		}
		p.Components = append(p.Components, c)
		d.namesOfComponents = append(d.namesOfComponents, componentName{c.Code, c.Type})
	}
}

// leads checks that the paths of a base lead to something that values of the type can be made of.
func (d *definer) leads(resource *definitions.Type, selectors []*selector) bool {
	if len(selectors) == 0 {
		d.refuse("expression", outcome.Value, "No path of the expression begins at %s.", resource.Name)
		return false
	}
	var found []string
	for _, s := range selectors {
		for _, c := range s.content(resource) {
			if d.typ == TypeComposite || converters[d.typ][c.content.Name] != nil || d.typ == TypeReference && c.content.Kind == definitions.KindResource {
				return true
			}
			found = append(found, c.content.Name)
		}
	}
	if slices.Sort(found); len(found) == 0 {
		d.refuse("expression", outcome.Value, "The expression leads to no element of %s.", resource.Name)
	} else {
		d.refuse("expression", outcome.Value, "The expression leads to %s of %s, which have no values of the type %s.", strings.Join(slices.Compact(found), ", "), resource.Name, d.typ)
	}
	return false
}

// isR4s reports whether R4 has just this parameter on a base: the definition is derived from it, which is
// to mean the same. Any other takes a name that is in use.
// https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.derivedFrom
func (d *definer) isR4s(base string) bool {
	own := r4Parameter(base, d.Definition.Code)
	if own == nil {
		return false
	}
	if own.URL != d.derivedFrom {
		d.refuse("code", outcome.Duplicate, "FHIR R4 has a search parameter %q of %s already, %s; expected another code, or derivedFrom that names it.", d.Definition.Code, base, own.URL)
	} else if own.Type != d.Definition.Type {
		d.refuse("type", outcome.Value, "The type is %s, but the one of %s, which it is derived from, is %s.", d.Definition.Type, own.URL, own.Type)
	}
	return true
}

// r4Parameter is R4's parameter of a code that a base has, or a type below it.
func r4Parameter(base, code string) *definitions.SearchParameter {
	r4 := definitions.R4()
	for _, definition := range r4.SearchParameters(base) {
		if definition.Code == code {
			return definition
		}
	}
	if r4.Resource(base) != nil {
		return nil
	}
	for _, name := range r4.ResourceNames() {
		if r4.Type(name).Is(base) {
			if definition := r4Parameter(name, code); definition != nil {
				return definition
			}
		}
	}
	return nil
}
