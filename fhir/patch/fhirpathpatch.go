package patch

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/outcome"
)

// fhirpathPatch is a FHIRPath Patch: https://hl7.org/fhir/R4/fhirpatch.html
type fhirpathPatch struct{ operations []fhirpathOperation }

type fhirpathOperation struct {
	name, path string
	expression *fhirpath.Expression
	// parent and child are the path without its last step, and that step, where it is the name
	// of an element: a list that is not there yet has no other place.
	parent *fhirpath.Expression
	child  string

	element             string            // name
	value               resources.Element // the part "value"
	index               int
	source, destination int
}

// fhirpathOperations are the operations and the parts that each needs besides type and path.
var fhirpathOperations = map[string]struct {
	needs []string
	apply func(s *state, o *fhirpathOperation) error
}{
	"add":     {[]string{"name", "value"}, (*state).add},
	"insert":  {[]string{"index", "value"}, (*state).insert},
	"delete":  {nil, (*state).delete},
	"replace": {[]string{"value"}, (*state).replace},
	"move":    {[]string{"source", "destination"}, (*state).move},
}

// parseFHIRPath reads the Parameters of a FHIRPath Patch. Parts that an operation does not need
// are left alone.
func parseFHIRPath(body []byte) (Patch, error) {
	doc, err := resources.Parse(body)
	if err != nil {
		return nil, err
	}
	parameters, err := doc.Resource()
	if err != nil {
		return nil, outcome.As(err).In(outcome.StageSyntax)
	}
	wrong := problems{doc: doc}
	if parameters.Type().Name != "Parameters" {
		wrong.add(0, "A FHIRPath Patch is a Parameters resource; found %s.", parameters.Type().Name)
		return nil, wrong.err()
	}
	p := &fhirpathPatch{}
	for operation := range parameters.Child("parameter") {
		if len(p.operations) == MaxOperations {
			return nil, tooMany(doc.Count(doc.Member(0, "parameter")))
		}
		if name := operation.First("name").Text(); name != "operation" {
			wrong.add(operation.Node(), "The parameters of a FHIRPath Patch are named \"operation\"; found %q.", clip(name))
			continue
		}
		p.operations = append(p.operations, readFHIRPathOperation(&wrong, operation))
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return p, nil
}

func readFHIRPathOperation(wrong *problems, e resources.Element) fhirpathOperation {
	var o fhirpathOperation
	parts := map[string]resources.Element{}
	for part := range e.Child("part") {
		name := part.First("name").Text()
		if _, twice := parts[name]; twice {
			wrong.add(part.Node(), "The operation has the part %q twice.", clip(name))
		}
		parts[name] = part
	}
	o.name = partText(parts["type"])
	known, ok := fhirpathOperations[o.name]
	if !ok {
		wrong.add(e.Node(), "The part \"type\" is %q; expected add, insert, delete, replace or move.", clip(o.name))
		return o
	}
	for _, name := range slices.Concat([]string{"path"}, known.needs) {
		if parts[name].IsZero() {
			wrong.add(e.Node(), "The operation %s has no part %q.", o.name, name)
		}
	}
	o.path, o.element, o.value = partText(parts["path"]), partText(parts["name"]), parts["value"]
	numbers := map[string]*int{"index": &o.index, "source": &o.source, "destination": &o.destination}
	for _, name := range known.needs {
		if target := numbers[name]; target != nil && !parts[name].IsZero() {
			*target = partIndex(wrong, parts[name], name)
		}
	}
	if value := parts["value"]; slices.Contains(known.needs, "value") && !value.IsZero() && !single(value) {
		wrong.add(value.Node(), "The part \"value\" must have exactly one of value[x], resource and parts.")
	}
	if slices.Contains(known.needs, "name") && o.element == "" && !parts["name"].IsZero() {
		wrong.add(parts["name"].Node(), "The part \"name\" has no text.")
	}
	if !parts["path"].IsZero() {
		o.compile(wrong, parts["path"])
	}
	return o
}

// partText is the value of a part that is text, whichever type of text it has.
func partText(part resources.Element) string {
	if v := part.First("value"); v.HasValue() && v.Document().Kind(v.Node()) == resources.String {
		return v.Text()
	}
	return ""
}

func partIndex(wrong *problems, part resources.Element, name string) int {
	text := part.First("value").Text()
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 {
		wrong.add(part.Node(), "The part %q is %q; expected the place of a list item, from 0.", name, clip(text))
	}
	return i
}

// compile reads the path. It is read strictly: an element that the type does not have is an
// error, not nothing.
func (o *fhirpathOperation) compile(wrong *problems, part resources.Element) {
	var err error
	if o.expression, err = fhirpath.Compile(o.path, fhirpath.Strict()); err != nil {
		wrong.add(part.Node(), "The part \"path\" is no FHIRPath: %s", outcome.As(err).Error())
		return
	}
	at := strings.LastIndexByte(o.path, '.')
	if at < 0 || !isIdentifier(o.path[at+1:]) {
		return
	}
	if o.parent, err = fhirpath.Compile(o.path[:at], fhirpath.Strict()); err == nil {
		o.child = strings.Trim(o.path[at+1:], "` ")
	}
}

// isIdentifier reports whether the rest of a path behind a dot is the name of an element.
func isIdentifier(s string) bool {
	s = strings.Trim(s, "` ")
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Each operation works on the result of the one before, so a patch may read the resource often
// and evaluate many expressions; both are bounded together.
const (
	maxRead = 256 << 20 // bytes of document
	maxTime = 5 * time.Second
)

// Apply implements Patch.
func (p *fhirpathPatch) Apply(ctx context.Context, target *resources.Document) (*resources.Document, error) {
	if _, err := target.Resource(); err != nil {
		return nil, outcome.As(err).In(outcome.StageContent)
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	s := &state{budget: newBudget(ctx), doc: target}
	read := 0
	for i := range p.operations {
		o := &p.operations[i]
		if err := s.live(); err != nil {
			return nil, err
		}
		if read += len(s.doc.Source()); read > maxRead {
			return nil, outcome.New(outcome.TooCostly, "The patch has too many operations for a resource of this size.").In(outcome.StageContent)
		}
		if err := s.do(o); err != nil {
			return nil, inOperation(err, i+1, o.name+" "+o.path)
		}
	}
	return settle(target, s.doc.Source())
}

// state is the document between two operations, and the tree of the one under way.
type state struct {
	*budget
	doc  *resources.Document
	root *value
}

// do applies one operation and reads the result, which the next one sees.
func (s *state) do(o *fhirpathOperation) error {
	s.root = of(s.doc, 0)
	if err := fhirpathOperations[o.name].apply(s, o); err != nil {
		return err
	}
	if s.root.isNode(s.doc, 0) {
		return nil
	}
	text := prune(s.root).append(nil)
	if len(text) > MaxSize {
		return tooLarge()
	}
	doc, err := resources.Parse(text)
	if err != nil {
		return unfit("the resource cannot be kept: %s", outcome.As(err).Issues[0].Diagnostics)
	}
	s.doc = doc
	return nil
}

// evaluate gives the elements that a path selects, all inside the resource itself.
func (s *state) evaluate(x *fhirpath.Expression) ([]resources.Element, error) {
	resource, err := s.doc.Resource()
	if err != nil {
		return nil, unfit("the operations before have left no resource.")
	}
	found, err := x.Evaluate(s.ctx, resource, nil)
	if err != nil {
		return nil, err
	}
	elements := make([]resources.Element, 0, len(found))
	for _, v := range found {
		e, ok := v.Element()
		if !ok || e.Document() != s.doc {
			return nil, unfit("the path computes a value; it must select elements of the resource.")
		}
		elements = append(elements, e)
	}
	return elements, nil
}

// one is the only element that a path selects.
func (s *state) one(x *fhirpath.Expression) (resources.Element, error) {
	elements, err := s.evaluate(x)
	if err == nil && len(elements) != 1 {
		err = unfit("the path selects %d elements; it must select exactly one.", len(elements))
	}
	if err != nil {
		return resources.Element{}, err
	}
	return elements[0], nil
}
