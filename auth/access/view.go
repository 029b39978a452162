package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"kiln/auth"
	"kiln/auth/policy"
	"kiln/auth/scope"
	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/search"
)

// view is what one request is judged by.
type view struct {
	*Authorizer
	who    *auth.Principal
	policy *policy.Policy
	rank   *policy.Rank // nil for a backend service, and for a rank that the policy does not know
	now    time.Time
}

func (a *Authorizer) view(who *auth.Principal) *view {
	p := a.options.Policy.Policy()
	v := &view{Authorizer: a, who: who, policy: p, now: a.options.Now()}
	if !who.Backend() {
		v.rank = p.Rank(who.Rank)
	}
	return v
}

// letters write permissions as scopes do.
func letters(p scope.Permissions) string {
	text := ""
	for i, letter := range "cruds" {
		if p&(1<<i) != 0 {
			text += string(letter)
		}
	}
	return text
}

func insufficientScope(typ string, permission scope.Permissions) error {
	wanted := typ + "." + letters(permission)
	return outcome.New(outcome.Forbidden, "None of the scopes granted allows %s.", wanted).
		Because(&auth.Challenge{Code: "insufficient_scope", Scope: "user/" + wanted})
}

// full stands for a person at Kiln's own pages, whom no scope limits.
var full = scope.Scope{Level: scope.User, Type: "*"}

// covering are the scopes that let something be done to a type, of those that are for the caller: system/ for backend
// services, user/ and patient/ for people.
func (v *view) covering(typ string, permission scope.Permissions) []scope.Scope {
	if v.who.Client == "" && !v.who.Backend() {
		return []scope.Scope{full}
	}
	var list []scope.Scope
	for _, s := range v.who.Scopes {
		mine := s.Level == scope.System == v.who.Backend() && s.Level != scope.None
		if mine && (s.Type == typ || s.Type == "*") && s.Permissions&permission != 0 {
			list = append(list, s)
		}
	}
	return list
}

// anywhere reports whether something may be done to any type at all.
func (v *view) anywhere(permission scope.Permissions) error {
	if v.who.Client == "" && !v.who.Backend() {
		return nil
	}
	for _, s := range v.who.Scopes {
		if len(v.covering(s.Type, permission)) > 0 {
			return nil
		}
	}
	return insufficientScope("*", permission)
}

// term is one way to reach resources: those of some patients, or all, that a scope's query finds.
type term struct {
	domain domain
	query  string
}

// decision is what one action reaches.
type decision struct {
	*view
	action     fhir.Action
	permission scope.Permissions
	terms      []term
	denials    denials
	withheld   []string // codes of meta.security
	facts      *facts   // nil where no relation matters
	binary     bool     // the one Binary asked for is in reach

	consentsUntil time.Time // when a provision begins or ends; zero for never
}

// reach is what the decision comes to for what is read.
func (d *decision) reach() (fhir.Reach, error) {
	predicate, err := d.predicate()
	return fhir.Reach{Predicate: predicate, Verify: d.verify, Hint: d.hint()}, err
}

// decision gathers what an action is judged by.
func (v *view) decision(ctx context.Context, action fhir.Action, permission scope.Permissions) (*decision, error) {
	d := &decision{view: v, action: action, permission: permission}
	if action.Type != "AuditEvent" {
		d.withheld = v.policy.Withheld(v.rank)
		if !v.who.Backend() && v.rank == nil {
			d.withheld = nil // reaches nothing
		}
	}
	rank, err := d.byRank(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range v.covering(action.Type, permission) {
		domain := rank
		if s.Level == scope.Patient && about(action.Type) {
			domain = rank.of(v.who.Patient)
		}
		if !domain.empty() {
			d.terms = append(d.terms, term{domain, s.Query})
		}
	}
	if err := d.objections(ctx); err != nil {
		return nil, err
	}
	if action.Type == "Binary" {
		d.binary, err = d.reachesBinary(ctx)
	}
	return d, err
}

// byRank is what the rank reaches of the type; of a backend service all.
func (d *decision) byRank(ctx context.Context) (domain, error) {
	if d.who.Backend() {
		return domain{all: true}, nil
	}
	var found domain
	for _, reach := range d.rank.Reaches(d.action.Type, d.permission) {
		if reach == policy.All {
			return domain{all: true}, nil
		}
		if err := d.add(ctx, &found, reach); err != nil {
			return domain{}, err
		}
	}
	return found, nil
}

// add widens a domain by a reach.
func (d *decision) add(ctx context.Context, to *domain, reach policy.Reach) error {
	if reach == policy.Own {
		if id, ok := strings.CutPrefix(d.who.FHIRUser, "Patient/"); ok {
			to.sets = append(to.sets, newPatients(id))
		}
		return nil
	}
	facts, err := d.known.facts(ctx, d.view)
	if err != nil {
		return err
	}
	d.facts = facts
	if reach == policy.Proxied {
		to.sets = append(to.sets, facts.proxied)
	}
	if reach == policy.Related {
		to.sets = append(to.sets, facts.related, facts.glass)
		if some := facts.granted[d.action.Type]; some != nil {
			to.sets = append(to.sets, some)
		}
	}
	to.sets = slices.DeleteFunc(to.sets, func(p *search.Targets) bool { return p.Len() == 0 })
	return nil
}

// predicate is the decision as a condition of a query.
func (d *decision) predicate() (search.Expr, error) {
	if d.action.Type == "Binary" && !d.binary {
		return search.Nothing{}, nil
	}
	var either search.Or
	for _, t := range d.terms {
		part, err := d.term(t)
		if err != nil {
			return nil, err
		}
		if part == nil {
			return d.less(nil), nil
		}
		either = append(either, part)
	}
	switch len(either) {
	case 0:
		return search.Nothing{}, nil
	case 1:
		return d.less(either[0]), nil
	}
	return d.less(either), nil
}

// term is the condition of one term; nil for all.
func (d *decision) term(t term) (search.Expr, error) {
	var all search.And
	if inside := d.inside(t.domain); inside != nil {
		all = append(all, inside)
	}
	if t.query != "" {
		filter, err := d.granular(t.query)
		if err != nil {
			return nil, err
		}
		all = append(all, filter)
	}
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return all[0], nil
	}
	return all, nil
}

// less takes away what somebody objects to and what is restricted.
func (d *decision) less(x search.Expr) search.Expr {
	all := search.And{}
	if x != nil {
		all = append(all, x)
	}
	if len(d.withheld) > 0 {
		all = append(all, search.Not{Of: d.labelled(d.withheld)})
	}
	if denied := d.denied(); denied != nil {
		all = append(all, search.Not{Of: denied})
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// confidentiality is the code system of restricted labels: https://hl7.org/fhir/R4/v3/Confidentiality/cs.html
const confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"

// labelled is the condition for resources with one of some codes of confidentiality.
func (d *decision) labelled(codes []string) search.Expr {
	test := search.Test{Param: d.options.Parameters.Lookup(d.action.Type, "_security")}
	for _, code := range codes {
		test.Any = append(test.Any, search.TokenCriterion{System: confidentiality, Code: code})
	}
	return test
}

// granular is the condition of a scope's query: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
// A query that cannot be asked of the type reaches nothing of it.
func (d *decision) granular(query string) (search.Expr, error) {
	pairs, err := search.ReadQueryString(query)
	if err != nil {
		return search.Nothing{}, nil
	}
	parsed, _, err := d.options.Parameters.Parse([]string{d.action.Type}, pairs, search.ParseOptions{})
	if outcome.As(err) == nil && err != nil {
		return nil, err
	}
	if err != nil || len(parsed.Branches) != 1 || parsed.Branches[0].Filter == nil {
		return search.Nothing{}, nil
	}
	return parsed.Branches[0].Filter, nil
}
