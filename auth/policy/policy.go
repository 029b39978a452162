// Package policy reads policy.yaml: the ranks of people as named sets of rights and powers. A file is checked whole
// before it is used, and read anew while the server runs; a wrong one changes nothing and says why.
//
// A right lets a rank do some of create, read, update, delete and search to some types, as far as its reach goes. A power
// is for administration and breaking the glass; using one may ask for a fresh or stronger sign-in, or for two persons.
package policy

import (
	_ "embed"
	"maps"
	"slices"
	"time"

	"kiln/auth"
	"kiln/auth/scope"
	"kiln/resources/outcome"
)

//go:embed policy.yaml
var defaultText []byte

// Default is the text of the policy that Kiln ships with, to start one's own from.
func Default() []byte { return slices.Clone(defaultText) }

// Reach is which resources of a type a right is about.
type Reach string

// The reaches.
const (
	All     Reach = "all"
	Related Reach = "related"
	Own     Reach = "own"
	Proxied Reach = "proxied"
	None    Reach = "none"
)

// Audience is which of the hospital's three audiences a rank belongs to.
type Audience string

// The audiences.
const (
	Patients       Audience = "patients"
	Staff          Audience = "staff"
	Administration Audience = "administration"
)

// Power is what a rank may do besides reading and writing resources.
type Power string

// The powers.
const (
	Audit       Power = "audit"        // look at the audit log as such
	AuditExport Power = "audit-export" // take it out of the server
	BreakGlass  Power = "break-glass"  // reach one patient for a short time without a relation
	Clients     Power = "clients"      // apps
	Grants      Power = "grants"       // end what was granted to apps
	Keys        Power = "keys"         // signing keys
	Maintenance Power = "maintenance"  // indexes and the like
	Change      Power = "policy"       // this policy
	Users       Power = "users"        // people and their ranks
)

// Policy is one policy, not changed after it was read.
type Policy struct {
	ranks      map[string]*Rank
	powers     map[Power]Requirement
	restricted []string
	backends   []string
	before     time.Duration
	after      time.Duration
}

// Rank is a named set of rights and powers.
type Rank struct {
	Name     string
	Audience Audience
	Level    int
	Labels   []string
	Powers   []Power
	rights   map[string][]right // by type
	related  bool
}

type right struct {
	may   scope.Permissions
	reach Reach
}

// Requirement is what using a power asks for.
type Requirement struct {
	ACR     []string      // of which the sign-in needs one; none: any will do
	MaxAge  time.Duration // of the sign-in; 0: as old as it likes
	Persons int           // at least 1
}

// Ranks are the names of the ranks, in alphabetical order.
func (p *Policy) Ranks() []string { return slices.Sorted(maps.Keys(p.ranks)) }

// Rank finds a rank; nil without one of the name.
func (p *Policy) Rank(name string) *Rank { return p.ranks[name] }

// Reaches are where a rank may do one thing to a type; none: it may not. A nil rank may nothing.
func (r *Rank) Reaches(typ string, permission scope.Permissions) []Reach {
	if r == nil {
		return nil
	}
	var list []Reach
	for _, right := range r.rights[typ] {
		if right.may&permission != 0 && right.reach != None && !slices.Contains(list, right.reach) {
			list = append(list, right.reach)
		}
	}
	return list
}

// Relates reports whether some right of the rank depends on relations to patients.
func (r *Rank) Relates() bool { return r != nil && r.related }

// Has reports whether the rank has a power.
func (r *Rank) Has(power Power) bool { return r != nil && slices.Contains(r.Powers, power) }

// Withheld are the codes of restricted resources that a rank does not see; backend services are asked for by nil.
func (p *Policy) Withheld(r *Rank) []string {
	labels := p.backends
	if r != nil {
		labels = r.Labels
	}
	return slices.DeleteFunc(slices.Clone(p.restricted), func(code string) bool { return slices.Contains(labels, code) })
}

// Appointments is how long before its start, and after its end, an Appointment relates those who take part.
func (p *Policy) Appointments() (before, after time.Duration) { return p.before, p.after }

// Requirement is what a power asks for.
func (p *Policy) Requirement(power Power) Requirement {
	r := p.powers[power]
	r.Persons = max(r.Persons, 1)
	return r
}

// Require checks that somebody may use a power now. Errors: login for nobody; forbidden for a rank without it; login, with
// what would do (*auth.Challenge), for a sign-in that is too old or weak, or an app without the scope for it. Backend services
// have no powers.
func (p *Policy) Require(who *auth.Principal, power Power, now time.Time) error {
	if who == nil {
		return auth.NoToken()
	}
	if who.Backend() || !p.Rank(who.Rank).Has(power) {
		return outcome.New(outcome.Forbidden, "This needs the power %s, which you do not have.", power)
	}
	if who.Client != "" && power != BreakGlass && !who.Scopes.Has(scope.Administration) {
		return outcome.New(outcome.Forbidden, "The app was not given the scope %s, by which an app uses powers.", scope.Administration).
			Because(&auth.Challenge{Code: "insufficient_scope", Scope: scope.Administration})
	}
	need := p.Requirement(power)
	weak := len(need.ACR) > 0 && !slices.Contains(need.ACR, who.ACR)
	old := need.MaxAge > 0 && now.Sub(who.AuthTime) > need.MaxAge
	if weak || old {
		return auth.StepUp(need.ACR, need.MaxAge)
	}
	return nil
}

// Assign says how many persons it takes for one of a rank to give another person a rank, or to take it away: 0 where it is
// not for them. It is for those who manage people, and for ranks below their own; the highest rank gives itself, by two.
func (p *Policy) Assign(by, rank string) (persons int) {
	from, to := p.Rank(by), p.Rank(rank)
	if to == nil || !from.Has(Users) {
		return 0
	}
	persons = p.Requirement(Users).Persons
	switch {
	case to.Level < from.Level:
		return persons
	case to.Level == from.Level && from.Level == p.top():
		return max(persons, 2)
	}
	return 0
}

// Highest reports whether no rank is above one.
func (p *Policy) Highest(rank string) bool {
	r := p.Rank(rank)
	return r != nil && r.Level == p.top()
}

// top is the highest level.
func (p *Policy) top() (level int) {
	for _, r := range p.ranks {
		level = max(level, r.Level)
	}
	return level
}
