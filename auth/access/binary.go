package access

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"kiln/auth/scope"
	"kiln/fhir"
	"kiln/resources"
	"kiln/resources/outcome"
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

// attachment is the resource of this server that an Attachment is at, as Type/id.
func (d *decision) attachment(e resources.Element) string {
	url, _, _ := strings.Cut(strings.TrimPrefix(e.First("url").Text(), d.options.BaseURL+"/"), "/_history/")
	return url
}

// attaches reports whether some Attachment of a resource is at the Binary's address.
func (d *decision) attaches(e resources.Element, id string) bool {
	for child := range e.Children() {
		if child.IsResource() {
			continue
		}
		if typ := child.Type(); typ != nil && typ.Name == "Attachment" {
			if d.attachment(child) == "Binary/"+id {
				return true
			}
		} else if d.attaches(child, id) {
			return true
		}
	}
	return false
}

// madeBucket keeps who made a Binary, by its id, until somebody refers to it: until then it is theirs alone to attach.
const (
	madeBucket = "access/binaries"
	madeLasts  = 7 * 24 * time.Hour
)

// mayAttach refuses to name a Binary anew that is out of the writer's reach: whoever refers to one without a securityContext
// lets everybody read it who may read what refers to it. Who made it may.
func (d *decision) mayAttach(ctx context.Context, key store.Key, before, after resources.Element) error {
	if d.who.Backend() {
		return nil
	}
	made := d.options.Store.Records(madeBucket)
	if typeIs(after, "Binary") {
		if !before.IsZero() {
			return nil
		}
		_, err := made.Put(ctx, key.ID, []byte(d.who.User), d.now.Add(madeLasts), store.AnyRevision)
		return err
	}
	named := d.binaries(before, nil)
	for _, id := range d.binaries(after, nil) {
		if slices.Contains(named, id) {
			continue
		}
		if ok, err := d.attachable(ctx, made, id); err != nil {
			return err
		} else if !ok {
			return outcome.New(outcome.Forbidden, "You may not write this content to %s: it refers to a Binary that you do not reach.", key)
		}
	}
	return nil
}

func (d *decision) attachable(ctx context.Context, made store.Records, id string) (bool, error) {
	_, err := d.options.Store.Read(ctx, store.Key{Type: "Binary", ID: id})
	if missing(err) {
		return true, nil // nothing is shown by it
	}
	if err != nil {
		return false, err
	}
	by, err := made.Get(ctx, id)
	if err == nil && string(by.Value) == d.who.User {
		return true, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	v := *d.view
	who := *v.who
	if who.Client != "" { // to write what refers to it takes no scope for it
		who.Scopes = append(scope.Set{}, who.Scopes...)
		who.Scopes = append(who.Scopes, scope.Scope{Level: scope.User, Type: "Binary", Permissions: scope.Read})
	}
	v.who = &who
	other, err := v.decision(ctx, fhir.Action{Interaction: fhir.Read, Type: "Binary", ID: id}, scope.Read)
	return err == nil && other.binary, err
}

// binaries are the ids of the Binaries of this server that a resource has as attachments, beside those of a list.
func (d *decision) binaries(e resources.Element, list []string) []string {
	if e.IsZero() {
		return list
	}
	for child := range e.Children() {
		typ := child.Type()
		switch {
		case typ == nil:
		case typ.Name == "Attachment":
			if id, ok := strings.CutPrefix(d.attachment(child), "Binary/"); ok {
				list = append(list, id)
			}
		default:
			list = d.binaries(child, list)
		}
	}
	return list
}
