package access

import (
	"hash/maphash"
	"slices"

	"kiln/resources"
	"kiln/store"
)

// maxTraits is of how many contents traits are kept: some megabytes.
const maxTraits = 50_000

// content names what a resource says: by its bytes, not by what anybody calls them.
type content struct {
	key store.Key
	sum uint64
}

var contentSeed = maphash.MakeSeed()

// traits are what the second look goes by for most decisions. They are read from the resource itself.
type traits struct {
	typ      string
	patients []string // whose record it is
	labels   []string // of confidentiality
	nobodys  bool
}

// traitsOf reads the traits of a version, or remembers them. The element is zero where it was not needed.
func (a *Authorizer) traitsOf(v store.Version) (*traits, resources.Element, error) {
	name := content{v.Key, maphash.Bytes(contentSeed, v.Body)}
	if t, ok := a.traits.Get(name); ok {
		return t, resources.Element{}, nil
	}
	e, err := parsed(v)
	if err != nil {
		return nil, e, err
	}
	t := &traits{typ: e.Type().Name, patients: a.patientsOf(e, v.ID), labels: confidentialities(e), nobodys: nobodys(e)}
	a.traits.Add(name, t)
	return t, e, nil
}

// confidentialities are the codes of confidentiality that a resource is labelled with.
func confidentialities(e resources.Element) (codes []string) {
	for _, coding := range at(e, "meta.security") {
		if coding.First("system").Text() == confidentiality {
			codes = append(codes, coding.First("code").Text())
		}
	}
	return codes
}

// admits decides by the traits alone, where they are enough to decide.
func (d *decision) admits(t *traits) (allowed, decided bool) {
	if t.typ == "Binary" || t.typ != d.action.Type {
		return false, false
	}
	if slices.ContainsFunc(t.labels, func(code string) bool { return slices.Contains(d.withheld, code) }) {
		return false, true
	}
	for _, n := range d.denials.narrow {
		if slices.Contains(t.patients, n.patient) {
			return false, false
		}
	}
	if slices.ContainsFunc(t.patients, d.denials.whole.Has) {
		return false, true
	}
	for _, term := range d.terms {
		if term.query == "" && (term.domain.all || t.nobodys || slices.ContainsFunc(t.patients, term.domain.has)) {
			return true, true
		}
	}
	return false, !slices.ContainsFunc(d.terms, func(t term) bool { return t.query != "" })
}
