package validation

import (
	"kiln/fhirpath"
	"kiln/resources"
)

// truth has a third value for what cannot be decided, of which nothing is reported.
type truth uint8

const (
	unsure truth = iota
	no
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// enabled reports whether the answers ask for the item q, which is at (None where it is not there).
// https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
func (a *answering) enabled(q *question, at resources.Node) truth {
	conditions := a.form.d.Member(q.node, "enableWhen")
	verdicts := [3]int{}
	count := 0
	for c := range a.form.d.Children(conditions) {
		if !a.afford() {
			return unsure
		}
		verdicts[a.condition(c, at)]++
		count++
	}
	for _, url := range [...]string{enableWhenExpression, enableWhenFinland} {
		for _, v := range q.extensions(a.form.d)[url] {
			verdicts[a.expression(v)]++
			count++
		}
	}
	switch behavior := a.form.d.Text(a.form.d.Member(q.node, "enableBehavior")); {
	case verdicts[yes] == count:
		return yes
	case verdicts[no] == count:
		return no
	case behavior == "any" && verdicts[yes] > 0:
		return yes
	case behavior == "all" && verdicts[no] > 0:
		return no
	}
	return unsure
}

// operators are those that compare, by what the order of answer and limit has to be.
// https://hl7.org/fhir/R4/valueset-questionnaire-enable-operator.html
var operators = map[string]func(order int) bool{
	">":  func(order int) bool { return order > 0 },
	"<":  func(order int) bool { return order < 0 },
	">=": func(order int) bool { return order >= 0 },
	"<=": func(order int) bool { return order <= 0 },
}

// condition is what one enableWhen says.
func (a *answering) condition(n, at resources.Node) truth {
	link, operator := a.form.d.Text(a.form.d.Member(n, "question")), a.form.d.Text(a.form.d.Member(n, "operator"))
	asked := a.form.byLink[link]
	if asked == nil || asked.typ == "group" || asked.typ == "display" {
		return unsure
	}
	wanted := valueOf(a.form.d, n, "answer")
	item := a.nearest(link, at)
	if operator == "exists" {
		answered := item != resources.None && a.d.Count(a.d.Member(item, "answer")) > 0
		return truthOf(answered == (wanted.text() == "true"))
	}
	return a.anyAnswer(item, operator, wanted)
}

// anyAnswer reports whether an answer of the item compares with what is wanted, and for != whether
// none is equal to it. What != says where there is no answer is not defined.
func (a *answering) anyAnswer(item resources.Node, operator string, wanted value) truth {
	all := no
	answers := 0
	if item != resources.None {
		for answer := range a.list(item, "answer") {
			if !a.afford() {
				return unsure
			}
			answers++
			switch compared(valueOf(a.d, answer, "value"), operator, wanted) {
			case yes:
				return truthOf(operator != "!=")
			case unsure:
				all = unsure
			}
		}
	}
	switch {
	case operator != "!=":
		return all
	case answers == 0 || all == unsure:
		return unsure
	}
	return yes
}

func compared(v value, operator string, wanted value) truth {
	holds := operators[operator]
	if holds == nil {
		return equal(v, wanted)
	}
	order, ok := compare(v, wanted)
	if !ok {
		return unsure
	}
	return truthOf(holds(order))
}

// The extensions by which an item is enabled by FHIRPath: that of Structured Data Capture, and the
// one of Finland's personal health record that came before it.
const (
	enableWhenExpression = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"
	enableWhenFinland    = "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen"
)

// maxExpressionSteps bounds one expression of a questionnaire.
const maxExpressionSteps = 200_000

// expression evaluates such an extension on the response. Nothing follows from one that fails.
func (a *answering) expression(v value) truth {
	source := v.text()
	if v.kind == "Expression" {
		if a.form.d.Text(a.form.d.Member(v.node, "language")) != "text/fhirpath" {
			return unsure
		}
		source = a.form.d.Text(a.form.d.Member(v.node, "expression"))
	}
	if a.spent.expressions++; a.spent.expressions > mostExpressions {
		return unsure
	}
	x, err := fhirpath.Compile(source)
	if err != nil {
		return unsure
	}
	response, err := a.d.ResourceAt(a.node)
	if err != nil {
		return unsure
	}
	result, err := x.Evaluate(a.ctx, response, &fhirpath.Environment{
		Resource: response, RootResource: response, MaxSteps: maxExpressionSteps,
		Variables: map[string]fhirpath.Collection{"questionnaire": {fhirpath.FromElement(a.form.element())}},
	})
	is, ok := result.Truth()
	if err != nil || !ok {
		return unsure
	}
	return truthOf(is)
}

func (f *form) element() resources.Element {
	e, _ := f.d.ResourceAt(f.node)
	return e
}
