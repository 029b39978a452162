// Package access decides who sees and does what: scope ∩ rights of the rank ∩ relation ∩ consent, or breaking the glass.
// What nothing allows is refused.
//
// The decision is made twice. [Authorizer.Reach] gives a predicate that becomes part of every query, and beside it a
// second look at each resource that is about to leave, which reads the resource itself by a table of its own and knows
// nothing of search. Both judge by the same facts (who is related to whom, who objects), gathered from one state of the
// store. Where they disagree, nothing is shown.
package access

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"kiln/auth"
	"kiln/auth/policy"
	"kiln/auth/scope"
	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// Options are what decisions depend on. Store, Parameters and Policy must be given.
type Options struct {
	// Store is that of the service.
	Store store.Store
	// Parameters are those of the service.
	Parameters *search.Parameters
	// Policy is in force.
	Policy *policy.Current
	// BaseURL is that of the service: references below it are to its own resources.
	BaseURL string
	// Zone is that of dates without an offset. Default: UTC.
	Zone *time.Location
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Logger hears when the two decisions disagree, and when the glass is broken. It is told nothing of patients. Default:
	// slog.Default().
	Logger *slog.Logger
	// GlassBroken hears of each breaking of the glass before it counts; an error refuses it. Default: nobody.
	GlassBroken func(ctx context.Context, glass Glass) error
}

// EnsureDefaults fills in what may be left out.
func (o *Options) EnsureDefaults() {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// Validate says what is missing.
func (o *Options) Validate() error {
	if o.Store == nil || o.Parameters == nil || o.Policy == nil {
		return errors.New("access needs a store, search parameters and a policy")
	}
	return nil
}

// Authorizer implements fhir.Authorizer. It is safe for concurrent use.
type Authorizer struct {
	options   Options
	known     known
	decided   *lru.Cache[question, *answer]
	traits    *lru.Cache[content, *traits]
	disagreed atomic.Uint64
	broken    atomic.Uint64
}

// New makes an Authorizer. The error says which options are missing.
func New(options Options) (*Authorizer, error) {
	options.EnsureDefaults()
	if err := options.Validate(); err != nil {
		return nil, err
	}
	a := &Authorizer{options: options}
	var err error
	if a.decided, err = lru.New[question, *answer](maxDecided); err != nil {
		return nil, err
	}
	a.traits, err = lru.New[content, *traits](maxTraits)
	return a, err
}

// permissions are what the interactions need. Histories of types and the system, and searches, are for those who may search:
// https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
var permissions = map[fhir.Interaction]scope.Permissions{
	fhir.Read:            scope.Read,
	fhir.VRead:           scope.Read,
	fhir.HistoryInstance: scope.Read,
	fhir.Create:          scope.Create,
	fhir.Update:          scope.Update,
	fhir.Patch:           scope.Update,
	fhir.Delete:          scope.Delete,
	fhir.SearchType:      scope.Search,
	fhir.SearchSystem:    scope.Search,
	fhir.SearchCompart:   scope.Search,
	fhir.HistoryType:     scope.Search,
	fhir.HistorySystem:   scope.Search,
}

// operationPowers are the operations that take a power. What others read or write they ask for.
var operationPowers = map[string]policy.Power{
	"reindex":     policy.Maintenance,
	breakGlassing: policy.BreakGlass,
}

// Authorize implements fhir.Authorizer. Errors: login without a principal; forbidden, with the scope that would do
// (*auth.Challenge), where none of the scopes or rights is for the type.
func (a *Authorizer) Authorize(ctx context.Context, action fhir.Action) error {
	who := auth.FromContext(ctx)
	switch {
	case who == nil:
		return auth.NoToken()
	case who.Itself():
		return nil
	}
	if power, ok := operationPowers[action.Operation]; ok && action.Interaction == fhir.Operate {
		return a.options.Policy.Policy().Require(who, power, a.options.Now())
	}
	permission, ok := permissions[action.Interaction]
	if !ok {
		return nil // a batch, a transaction or an operation, whose parts are asked for
	}
	if kept, ok := a.decided.Peek(question{who, action.Type, action.Interaction}); ok && kept.policy == a.options.Policy.Policy() {
		return nil // scopes and rank have not changed since it was decided what they reach
	}
	if action.Type == "AuditEvent" && permission&(scope.Read|scope.Search) == 0 {
		return outcome.New(outcome.Forbidden, "Nobody writes AuditEvents but the server itself.")
	}
	v := a.view(who)
	if action.Type == "" {
		return v.anywhere(permission)
	}
	if len(v.covering(action.Type, permission)) == 0 {
		return insufficientScope(action.Type, permission)
	}
	if !who.Backend() && len(v.rank.Reaches(action.Type, permission)) == 0 {
		return outcome.New(outcome.Forbidden, "Your rank may not do this to resources of the type %s.", action.Type)
	}
	return nil
}

// Caller implements fhir.Authorizer.
func (a *Authorizer) Caller(ctx context.Context) string {
	who := auth.FromContext(ctx)
	if who == nil {
		return ""
	}
	return who.User + "\x00" + who.Client + "\x00" + who.Patient
}

// Committed implements fhir.Authorizer.
func (a *Authorizer) Committed(keys []store.Key) { a.known.committed(keys) }

// Reach implements fhir.Authorizer.
func (a *Authorizer) Reach(ctx context.Context, action fhir.Action) (fhir.Reach, error) {
	who := auth.FromContext(ctx)
	switch {
	case who == nil:
		return fhir.Reach{}, auth.NoToken()
	case who.Itself():
		return fhir.Reach{}, nil
	}
	permission, ok := permissions[action.Interaction]
	if !ok {
		return fhir.Reach{}, nil
	}
	if action.Type == "" {
		return fhir.Reach{Predicate: search.Nothing{}}, nil // each type is asked for by itself
	}
	v := a.view(who)
	if v.settles(action, permission) {
		return v.settled(ctx, action, permission)
	}
	d, err := v.decision(ctx, action, permission)
	if err != nil {
		return fhir.Reach{}, err
	}
	reach, err := d.reach()
	reach.MayWrite = d.mayWrite
	return reach, err
}

// Behalf implements fhir.Authorizer: a proxy stands for the patient whose RelatedPerson they are.
func (a *Authorizer) Behalf(ctx context.Context) (fhir.Behalf, error) {
	who := auth.FromContext(ctx)
	if who == nil || !strings.HasPrefix(who.FHIRUser, "RelatedPerson/") {
		return fhir.Behalf{}, nil
	}
	facts, err := a.known.facts(ctx, a.view(who))
	if err != nil || facts.proxied.Len() != 1 {
		return fhir.Behalf{}, err
	}
	return fhir.Behalf{Who: who.FHIRUser, For: "Patient/" + facts.proxied.IDs()[0]}, nil
}

// Broken is how often the glass was broken in this process.
func (a *Authorizer) Broken() uint64 { return a.broken.Load() }

// Disagreements is how often the second look held back what the predicate had let through.
func (a *Authorizer) Disagreements() uint64 { return a.disagreed.Load() }
