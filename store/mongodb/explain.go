package mongodb

import (
	"time"

	"kiln/store"
)

// maxSteps bounds what a plan tells of a search of all types.
const maxSteps = 40

// step notes how the resources of a type are found.
func (s *searching) step(typ string, c condition) {
	if !s.query.Explain || len(s.steps) == maxSteps {
		return
	}
	step := store.Step{Operation: "index", Detail: typ + " by " + c.tells()}
	switch c.(type) {
	case anything:
		step = store.Step{Operation: "walk", Detail: "every " + typ + " in the order of creation"}
	case never:
		step = store.Step{Operation: "nothing", Detail: "no " + typ + " matches"}
	}
	s.steps = append(s.steps, step)
}

// plan is what was done. What was looked at is told as a whole: one batch serves several steps.
func (s *searching) plan(start time.Time) *store.Plan {
	steps := s.steps
	if len(steps) == 0 {
		steps = []store.Step{{Operation: "nothing", Detail: "there are no resources of the types searched"}}
	}
	return &store.Plan{Steps: steps, Examined: s.work.examined, Duration: time.Since(start)}
}
