package validation

import (
	"context"
	"sync"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// Options of a Validator. The zero value is useful.
type Options struct {
	// MaxIssues is how many problems are listed; a last one tells how many more there are. 0: 100.
	MaxIssues int

	// MaxSteps bounds the FHIRPath steps of one invariant. 0: in proportion to the resource.
	MaxSteps int

	// MemberOf decides required bindings whose codes the definition tables do not hold, because
	// their code system is open or is not HL7's. known is false where it cannot tell. Nil: such
	// codes are checked by their grammar alone.
	MemberOf func(ctx context.Context, valueSet, system, code string) (member, known bool)

	// Resolve fetches what a reference points to, for the invariants that follow references. Nil:
	// only contained resources and those of the same Bundle are found.
	Resolve func(ctx context.Context, reference string) (resources.Element, bool)

	// Definition fetches the Questionnaire that a response answers, the Measure that is reported or
	// the Library of a Measure by its canonical, which may have a version behind a bar. Nil, or
	// false: only contained ones are known, and what is not judged against its definition has a
	// warning that says so.
	Definition func(ctx context.Context, typ, canonical string) (resources.Element, bool)
}

const defaultMaxIssues = 100

// EnsureDefaults sets what is unset.
func (o *Options) EnsureDefaults() {
	if o.MaxIssues <= 0 {
		o.MaxIssues = defaultMaxIssues
	}
}

// Validator checks resources at the level base. It is safe for concurrent use; one is enough
// for a process, since it keeps what it has worked out about the types it has met.
type Validator struct {
	options Options
	plans   map[*definitions.Type]*plan
	walks   sync.Pool
}

// New makes a Validator. It is cheap: plans and invariants are worked out on first use.
func New(options Options) (*Validator, error) {
	options.EnsureDefaults()
	v := &Validator{options: options, plans: layOut(definitions.R4())}
	v.walks.New = func() any { return &walk{validator: v, options: &v.options} }
	return v, nil
}

// Validate lists what is wrong with root, which is a resource or a value of a data type, in the
// order of the document: errors, which refuse a write (outcome.Of gives the refusal), and
// warnings, which do not. Nothing wrong is the empty list. At most MaxIssues are listed, errors
// before warnings where there are too many, then one more says how many are not.
func (v *Validator) Validate(ctx context.Context, root resources.Element) []outcome.Issue {
	w := v.begin(ctx, root, true)
	defer v.end(w)
	w.root(root)
	return w.report.issues()
}

// Check is what every write asks: the refusal (an *outcome.Error of stage content) if Validate
// would list an error, else nil. Rules that only warn are not looked at.
func (v *Validator) Check(ctx context.Context, root resources.Element) error {
	w := v.begin(ctx, root, false)
	defer v.end(w)
	w.root(root)
	if refusal := outcome.Of(w.report.issues()...); refusal != nil {
		return refusal.In(outcome.StageContent)
	}
	return nil
}

func (v *Validator) begin(ctx context.Context, root resources.Element, warnings bool) *walk {
	w := v.walks.Get().(*walk)
	w.ctx, w.d, w.warnings = ctx, root.Document(), warnings
	w.env = fhirpath.Environment{Resolve: v.options.Resolve}
	w.report = report{doc: root.Document(), limit: v.options.MaxIssues, found: w.report.found[:0]}
	return w
}

// end empties w of everything that belongs to the document before it is used again.
func (v *Validator) end(w *walk) {
	clear(w.report.found)
	clear(w.contained)
	clear(w.local)
	*w = walk{
		validator: w.validator, options: w.options,
		report: report{found: w.report.found[:0]}, contained: w.contained[:0], local: w.local[:0],
	}
	v.walks.Put(w)
}
