package access

import (
	"context"
	"time"

	"kiln/auth"
	"kiln/auth/policy"
	"kiln/auth/scope"
	"kiln/fhir"
)

// maxDecided is how many decisions are kept.
const maxDecided = 20_000

// question is what a decision answers that is not about one resource. Principals are made once for a token while nothing of
// it ends.
type question struct {
	who         *auth.Principal
	typ         string
	interaction fhir.Interaction
}

// answer is a decision that is kept, and for how long it is provably still true: see known.
type answer struct {
	reach        fhir.Reach
	policy       *policy.Policy
	epoch        uint64
	since, until time.Time
}

// settles reports whether a decision may be kept: for what is read, where no other process changes what it is made of.
func (v *view) settles(action fhir.Action, permission scope.Permissions) bool {
	return permission&(scope.Read|scope.Search) != 0 && action.Type != "Binary" && !v.options.Store.Shared()
}

// settled is the reach of an action, as decided before where that still holds.
func (v *view) settled(ctx context.Context, action fhir.Action, permission scope.Permissions) (fhir.Reach, error) {
	action.ID, action.Operation = "", "" // such a decision does not depend on them
	asked := question{v.who, action.Type, action.Interaction}
	epoch := v.known.epoch.Load() // before what is read
	kept, ok := v.decided.Get(asked)
	if ok && kept.epoch == epoch && kept.policy == v.policy && !v.now.Before(kept.since) && v.now.Before(kept.until) {
		return kept.reach, nil
	}
	d, err := v.decision(ctx, action, permission)
	if err != nil {
		return fhir.Reach{}, err
	}
	made := &answer{policy: v.policy, epoch: epoch, since: v.now, until: v.now.Add(horizon)}
	for _, turn := range []time.Time{d.consentsUntil, d.factsUntil()} {
		if !turn.IsZero() && turn.Before(made.until) {
			made.until = turn
		}
	}
	if made.reach, err = d.reach(); err != nil {
		return fhir.Reach{}, err
	}
	v.decided.Add(asked, made)
	return made.reach, nil
}

// factsUntil is when the relations of the decision change; zero where none matter.
func (d *decision) factsUntil() time.Time {
	if d.facts == nil {
		return time.Time{}
	}
	return d.facts.until
}
