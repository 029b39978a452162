package access

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"kiln/auth/scope"
	"kiln/fhir"
	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// A Binary is reached by whoever reaches its securityContext, or where it has none, something that refers to it:
// https://hl7.org/fhir/R4/binary.html#security. No search parameter tells either, so a Binary is judged when it is asked
// for by its id; in searches and in histories of more than one it is for those alone who reach all.

// maxVersions is how many versions of a Binary are looked at.
const maxVersions = 100

// reachesBinary reports whether the Binary of an action is in reach. Where old versions may be shown, all must be.
func (d *decision) reachesBinary(ctx context.Context) (bool, error) {
	if slices.ContainsFunc(d.terms, func(t term) bool { return t.domain.all && t.query == "" }) {
		return true, nil
	}
	if d.action.Interaction == fhir.Create || len(d.terms) == 0 {
		return len(d.terms) > 0, nil // what is made is judged by what it says: see mayWrite
	}
	if d.action.ID == "" {
		return false, nil
	}
	key := store.Key{Type: "Binary", ID: d.action.ID}
	old := d.action.Interaction == fhir.VRead || d.action.Interaction == fhir.HistoryInstance
	page, err := d.options.Store.History(ctx, store.HistoryQuery{Type: key.Type, ID: key.ID, Count: maxVersions})
	if err != nil || old && page.Next != nil {
		return false, err
	}
	seen := 0
	for _, v := range page.Versions {
		if v.Deleted() {
			continue
		}
		if seen++; seen > 1 && !old {
			break
		}
		if ok, err := d.reachesVersion(ctx, v); !ok || err != nil {
			return false, err
		}
	}
	return seen > 0 || d.action.Interaction == fhir.Update, nil
}

func (d *decision) reachesVersion(ctx context.Context, v store.Version) (bool, error) {
	e, err := parsed(v)
	if err != nil {
		return false, err
	}
	if name := d.local(e.First("securityContext")); name != "" {
		return d.sees(ctx, name)
	}
	if !e.First("securityContext").IsZero() {
		return false, nil // what it says cannot be judged here
	}
	return d.referred(ctx, v.ID)
}

// sees reports whether the caller may read a resource that decides about a Binary.
func (d *decision) sees(ctx context.Context, name string) (bool, error) {
	typ, id, _ := strings.Cut(name, "/")
	if typ == "Binary" {
		return false, nil
	}
	v, err := d.options.Store.Read(ctx, store.Key{Type: typ, ID: id})
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	e, err := parsed(v)
	if err != nil {
		return false, err
	}
	other, err := d.reading(ctx, typ)
	return err == nil && other.allows(e, id), err
}

// reading is the decision about reading another type, for the same caller. It needs no scope of its own for that type: the
// scope for the Binary is what lets it be read.
func (d *decision) reading(ctx context.Context, typ string) (*decision, error) {
	v := *d.view
	who := *v.who
	if who.Client != "" {
		who.Scopes = nil
		for _, s := range d.covering("Binary", d.permission) {
			s.Type, s.Permissions = typ, s.Permissions|scope.Read
			who.Scopes = append(who.Scopes, s)
		}
	}
	v.who = &who
	return v.decision(ctx, fhir.Action{Interaction: fhir.Read, Type: typ}, scope.Read)
}

// attaching are the types whose attachments may be Binaries, besides DocumentReference, which can be searched by them.
var attaching = []string{"Media", "DiagnosticReport", "Patient", "Consent", "Communication", "QuestionnaireResponse"}

// maxAttaching is how many resources of a type are looked through for a Binary.
const maxAttaching = 2000

// referred reports whether the caller may read something that has the Binary as an attachment.
func (d *decision) referred(ctx context.Context, id string) (bool, error) {
	urls := []search.Criterion{search.URICriterion{URI: "Binary/" + id}, search.URICriterion{URI: d.options.BaseURL + "/Binary/" + id}}
	if ok, err := d.attached(ctx, "DocumentReference", id, d.test("DocumentReference", "location", urls)); ok || err != nil {
		return ok, err
	}
	for _, typ := range attaching {
		if ok, err := d.attached(ctx, typ, id, nil); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// attached looks for a Binary in those resources of a type that the caller may read and that meet the filter.
func (d *decision) attached(ctx context.Context, typ, id string, filter search.Expr) (bool, error) {
	other, err := d.reading(ctx, typ)
	if err != nil {
		return false, err
	}
	predicate, err := other.predicate()
	if err != nil || predicate == nil && filter == nil || predicate == (search.Nothing{}) {
		return false, err
	}
	all := search.And{}
	for _, part := range []search.Expr{filter, predicate} {
		if part != nil {
			all = append(all, part)
		}
	}
	seen := 0
	for v, err := range found(ctx, d.options.Store, typ, all) {
		if err != nil {
			return false, err
		}
		if seen++; seen > maxAttaching {
			break
		}
		if !bytes.Contains(v.Body, []byte("Binary/"+id)) {
			continue
		}
		e, err := parsed(v)
		if err != nil {
			return false, err
		}
		if d.attaches(e, id) && other.allows(e, v.ID) {
			return true, nil
		}
	}
	return false, nil
}

// attaches reports whether some Attachment of a resource is at the Binary's address.
func (d *decision) attaches(e resources.Element, id string) bool {
	for child := range e.Children() {
		if child.IsResource() {
			continue
		}
		if typ := child.Type(); typ != nil && typ.Name == "Attachment" {
			url := strings.TrimPrefix(child.First("url").Text(), d.options.BaseURL+"/")
			if url, _, _ = strings.Cut(url, "/_history/"); url == "Binary/"+id {
				return true
			}
		} else if d.attaches(child, id) {
			return true
		}
	}
	return false
}
