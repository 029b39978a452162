package mongodb

import (
	"time"

	"kiln/store"
)

// maxSteps bounds what a plan tells of a search of all types.
const maxSteps = 40

// trace is what a search has done. Only who asks for a plan has it put into words.
type trace struct {
	legs     []*leg
	sorts    bool
	sorted   int64 // matches
	examined int64 // by the whole search
	took     time.Duration
}

// leg is how the resources of a type are found.
type leg struct {
	typ       string
	condition condition
	examined  int64
}

// leg notes one, which counts what it looks at.
func (t *trace) leg(typ string, c condition) *leg {
	l := &leg{typ: typ, condition: c}
	if len(t.legs) < maxSteps {
		t.legs = append(t.legs, l)
	}
	return l
}

// sort notes that all matches were put in order.
func (t *trace) sort(matches int) { t.sorts, t.sorted = true, int64(matches) }

// plan is what was done. What was looked at behind references is in the whole alone: one batch serves several legs.
func (t *trace) plan() *store.Plan {
	steps := make([]store.Step, 0, len(t.legs)+1)
	for _, l := range t.legs {
		steps = append(steps, l.step())
	}
	if t.sorts {
		steps = append(steps, store.Step{Operation: "sort", Detail: "all matches", Estimate: t.sorted, Examined: t.sorted})
	}
	if len(steps) == 0 {
		steps = append(steps, store.Step{Operation: "nothing", Detail: "there are no resources of the types searched"})
	}
	return &store.Plan{Steps: steps, Examined: t.examined, Duration: t.took}
}

func (l *leg) step() store.Step {
	switch l.condition.(type) {
	case anything:
		return store.Step{Operation: "walk", Detail: "every " + l.typ + " in the order of creation", Estimate: store.Unsized, Examined: l.examined}
	case never:
		return store.Step{Operation: "nothing", Detail: "no " + l.typ + " matches"}
	}
	return store.Step{Operation: "index", Detail: l.typ + " by " + l.condition.tells(), Estimate: store.Unsized, Examined: l.examined}
}
