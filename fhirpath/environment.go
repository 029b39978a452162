package fhirpath

import (
	"context"
	"time"

	"kiln/resources"
)

// Environment is what an expression sees of the world besides its input. The zero value and nil
// are useful: nothing is fetched and the limits are safe.
type Environment struct {
	// Resource and RootResource are %resource and %rootResource. Zero: the resource that holds
	// the input, and the one that contains that.
	Resource, RootResource resources.Element

	// Variables are further %names. They cannot replace those of the specification.
	Variables map[string]Collection

	// Now is the time of now(), today() and timeOfDay(), the same throughout an evaluation;
	// zero: the time when the evaluation began. Zone is the zone it is shown in; nil: UTC.
	Now  time.Time
	Zone *time.Location

	// Resolve fetches what a reference points to, for resolve(). It is asked only for what is
	// neither contained nor in the same Bundle. False: there is no such thing, or it may not be
	// seen. Nil: nothing is fetched.
	Resolve func(ctx context.Context, reference string) (resources.Element, bool)

	// MemberOf answers memberOf(): whether the code, Coding or CodeableConcept is in the value
	// set. An error makes the result empty only if it says not-found; else evaluation fails.
	MemberOf func(ctx context.Context, coded Value, valueSet string) (bool, error)

	// ConformsTo answers conformsTo() for profiles. Nil: the types of R4 alone are known.
	ConformsTo func(ctx context.Context, v Value, profile string) (bool, error)

	// Trace receives what trace() was given. The collection must not be kept.
	Trace func(name string, c Collection)

	// MaxSteps, MaxItems and MaxText bound an evaluation: steps are roughly the items looked at
	// and produced, items the size of one collection, text the bytes of one text that is made.
	// 0: the defaults.
	MaxSteps, MaxItems, MaxText int
}

// The limits where the environment sets none. A step is some tens of nanoseconds, so the
// default ends an evaluation within about a second.
const (
	DefaultMaxSteps = 10_000_000
	DefaultMaxItems = 250_000
	DefaultMaxText  = 4 << 20
)

func (env *Environment) limit(set, otherwise int) int {
	if set > 0 {
		return set
	}
	return otherwise
}
