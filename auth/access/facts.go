package access

import (
	"context"
	"iter"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kiln/auth"
	"kiln/auth/policy"
	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// facts are whom a person is related to at one moment, gathered from one state of the store.
type facts struct {
	// identities are the resources that stand for the person: the own one, and roles in force.
	identities map[string]bool
	// organizations are those of the roles.
	organizations map[string]bool
	// wards are the locations of roles in force, and what is part of them.
	wards map[string]bool
	// ever are the roles of the person that are not in force, and evermore their locations and organizations: what relates
	// those would relate the person in time.
	ever, evermore map[string]bool
	related        *search.Targets
	granted        map[string]*search.Targets // by type, by Consents that grant some types
	proxied        *search.Targets
	glass          *search.Targets

	policy *policy.Policy
	// They hold from the moment they were gathered, of epoch, until one of the periods seen begins or ends.
	since, until time.Time
	epoch        uint64
}

// inTime are the facts as they would be with all roles of the person in force.
func (f *facts) inTime() *facts {
	all := *f
	all.identities, all.wards, all.organizations = maps.Clone(f.identities), maps.Clone(f.wards), maps.Clone(f.organizations)
	maps.Copy(all.identities, f.ever)
	maps.Copy(all.wards, f.evermore)
	maps.Copy(all.organizations, f.evermore)
	return &all
}

func (f *facts) is(reference string) bool { return reference != "" && f.identities[reference] }

// known keeps facts, and what patients object to, for as long as they are provably still true: until a commit of this
// process touches one of the types they are made of, or their time ends. Of a store that other processes write to nothing
// is kept beyond a request.
type known struct {
	epoch    atomic.Uint64
	mutex    sync.Mutex
	people   map[string]*facts
	consents *consents
}

// maxKnown is of how many people facts are kept.
const maxKnown = 10_000

// relevant are the types that facts are made of.
var relevant = map[string]bool{
	"CareTeam": true, "Encounter": true, "Patient": true, "EpisodeOfCare": true, "Appointment": true, "Consent": true,
	"Practitioner": true, "PractitionerRole": true, "Location": true, "RelatedPerson": true,
}

func (k *known) committed(keys []store.Key) {
	for _, key := range keys {
		if relevant[key.Type] {
			k.epoch.Add(1)
			return
		}
	}
}

// facts gives those of the caller.
func (k *known) facts(ctx context.Context, v *view) (*facts, error) {
	name := v.who.User + "\x00" + v.who.FHIRUser
	if v.options.Store.Shared() {
		return once(ctx, "access/facts", func() (*facts, error) { return v.gather(ctx) })
	}
	epoch := k.epoch.Load() // before the state that is read
	k.mutex.Lock()
	f := k.people[name]
	k.mutex.Unlock()
	if f != nil && f.epoch == epoch && f.policy == v.policy && !v.now.Before(f.since) && v.now.Before(f.until) {
		return f, nil
	}
	f, err := v.gather(ctx)
	if err != nil {
		return nil, err
	}
	f.epoch = epoch
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.people == nil || len(k.people) >= maxKnown {
		k.people = map[string]*facts{}
	}
	k.people[name] = f
	return f, nil
}

// once works something out once a request.
func once[T any](ctx context.Context, name string, work func() (T, error)) (T, error) {
	memo := auth.Memo(ctx)
	if memo == nil {
		return work()
	}
	if known, ok := memo.Load(name); ok {
		return known.(T), nil
	}
	made, err := work()
	if err == nil {
		memo.Store(name, made)
	}
	return made, err
}

// gathering reads facts from one state.
type gathering struct {
	*view
	reader store.Reader
	facts  *facts
	ids    map[string]bool            // of related patients
	some   map[string]map[string]bool // by type
}

func (v *view) gather(ctx context.Context) (*facts, error) {
	snapshot, err := v.options.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = snapshot.Close() }()
	f := &facts{
		ever: map[string]bool{}, evermore: map[string]bool{},
		identities: map[string]bool{}, organizations: map[string]bool{}, wards: map[string]bool{}, granted: map[string]*search.Targets{},
		policy: v.policy, since: v.now, until: v.now.Add(horizon),
		related: newPatients(), proxied: newPatients(), glass: newPatients(),
	}
	g := &gathering{view: v, reader: snapshot, facts: f, ids: map[string]bool{}, some: map[string]map[string]bool{}}
	if err := g.person(ctx); err != nil {
		return nil, err
	}
	f.related = newPatients(keys(g.ids)...)
	for typ, ids := range g.some {
		f.granted[typ] = newPatients(keys(ids)...)
	}
	f.glass, err = g.broken(ctx)
	return f, err
}

// horizon is how long facts hold at most, and how far ahead appointments are looked for.
const horizon = time.Hour

func keys(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for key := range set {
		list = append(list, key)
	}
	return list
}

// person gathers what is known of whoever asks. One whose own resource says active = false is related to nobody.
func (g *gathering) person(ctx context.Context) error {
	typ, id, ok := strings.Cut(g.who.FHIRUser, "/")
	if !ok {
		return nil
	}
	own, err := g.read(ctx, store.Key{Type: typ, ID: id})
	if err != nil || !own.IsZero() && own.First("active").Text() == "false" {
		return err
	}
	g.facts.identities[g.who.FHIRUser] = true
	switch typ {
	case "RelatedPerson":
		g.proxy(own)
	case "Practitioner":
		if err := g.roles(ctx); err != nil {
			return err
		}
		return g.relations(ctx)
	}
	return nil
}

// proxy notes the patient for whom a RelatedPerson stands: https://hl7.org/fhir/R4/relatedperson.html
func (g *gathering) proxy(own resources.Element) {
	if own.IsZero() || !g.during(own.First("period")) {
		return
	}
	if id, ok := strings.CutPrefix(g.local(own.First("patient")), "Patient/"); ok {
		g.facts.proxied = newPatients(id)
	}
}

// read is the current version of a resource; the zero Element where there is none.
func (g *gathering) read(ctx context.Context, key store.Key) (resources.Element, error) {
	v, err := g.reader.Read(ctx, key)
	if missing(err) {
		return resources.Element{}, nil
	}
	if err != nil {
		return resources.Element{}, err
	}
	return parsed(v)
}

func parsed(v store.Version) (resources.Element, error) {
	doc, err := resources.Parse(v.Body)
	if err != nil {
		return resources.Element{}, err
	}
	return doc.Resource()
}

// found walks the resources that a search finds.
func found(ctx context.Context, reader store.Reader, typ string, filter search.Expr) iter.Seq2[store.Version, error] {
	return store.Matches(ctx, reader, &search.Query{Count: search.MaxCount, Total: search.TotalNone, Branches: []search.Branch{{Type: typ, Filter: filter}}})
}
