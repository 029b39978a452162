package search

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// Revision is another set of custom search parameters, whole and judged, not in use yet.
type Revision struct {
	parameters *Parameters
	base       *table
	customs    map[string]*Custom
	problems   map[string][]outcome.Issue
	// Added are compiled anew, Removed are those they replace and those that are no more. What finds
	// the same values as before is in neither.
	Added, Removed []*Custom
}

// Revise compiles the definitions that changes bring, SearchParameter resources by their ids, over
// those there are; a zero element takes one away. Only a definition whose status is active counts,
// any other is as none. Nothing is in use before Install. Problems are all that is wrong, by the id of
// the definition, with "" what is wrong with them together; with any there is no revision.
func (p *Parameters) Revise(changes map[string]resources.Element) (r *Revision, problems map[string][]outcome.Issue) {
	now := p.table.Load()
	r = &Revision{parameters: p, base: now, customs: maps.Clone(now.customs), problems: map[string][]outcome.Issue{}}
	var fresh []*Custom
	for id, e := range changes {
		delete(r.customs, id)
		if !e.IsZero() && e.First("status").Text() == "active" {
			fresh = append(fresh, readCustom(id, e))
		}
	}
	slices.SortFunc(fresh, func(a, b *Custom) int { return cmp.Compare(a.ID, b.ID) })
	for _, c := range fresh {
		r.customs[c.ID] = c
	}
	r.compile(fresh)
	r.conflicts(fresh)
	r.brokenComposites(fresh)
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	r.settle(fresh)
	return r, nil
}

func (r *Revision) problem(id string, issues ...outcome.Issue) {
	if len(issues) > 0 {
		r.problems[id] = append(r.problems[id], issues...)
	}
}

func (r *Revision) compile(fresh []*Custom) {
	for _, c := range fresh {
		d := definer{Custom: c, known: r.definition}
		d.compile()
		r.problem(c.ID, d.issues...)
	}
	count := 0
	for _, c := range r.customs {
		count += min(len(c.Parameters), 1)
	}
	if count > maxCustoms || len(r.customs) > maxRestated {
		r.problem("", outcome.Issue{
			Severity: outcome.SeverityError, Code: outcome.TooCostly, Diagnostics: fmt.Sprintf("There would be more than %d custom search parameters; retire some first.", maxCustoms),
		})
	}
}

// definition finds a definition by its URL, R4's or one of the revision.
func (r *Revision) definition(url string) *definitions.SearchParameter {
	if own := definitions.R4().SearchParameterByURL(url); own != nil {
		return own
	}
	for _, c := range r.customs {
		if c.Definition.URL == url {
			return c.Definition
		}
	}
	return nil
}

// conflicts are urls and codes that two definitions would have.
func (r *Revision) conflicts(fresh []*Custom) {
	place := make(map[*Custom]int, len(fresh))
	for i, c := range fresh {
		place[c] = i
	}
	for i, c := range fresh {
		d := definer{Custom: c}
		for id, other := range r.customs {
			if id == c.ID || place[other] > i {
				continue
			}
			if other.Definition.URL == c.Definition.URL {
				d.refuse("url", outcome.Duplicate, "SearchParameter/%s has the url %s already.", id, clip(c.Definition.URL))
			}
			if base := c.shares(other); base != "" {
				d.refuse("code", outcome.Duplicate, "SearchParameter/%s defines the code %q for %s already.", id, c.Definition.Code, base)
			}
		}
		r.problem(c.ID, d.issues...)
	}
}

// shares is a base that both define the same code for; empty without one.
func (c *Custom) shares(other *Custom) string {
	if c.Definition.Code != other.Definition.Code {
		return ""
	}
	for _, a := range c.Parameters {
		for _, b := range other.Parameters {
			if baseType(a.Base).Is(b.Base) || baseType(b.Base).Is(a.Base) {
				return a.Base
			}
		}
	}
	return ""
}

// brokenComposites are those that stay while a component of theirs goes or becomes another.
func (r *Revision) brokenComposites(fresh []*Custom) {
	for id, c := range r.customs {
		if len(c.namesOfComponents) == 0 || slices.Contains(fresh, c) {
			continue
		}
		for i, name := range c.namesOfComponents {
			url := c.Definition.Components[i].URL
			definition := r.definition(url)
			if definition != nil && definition.Code == name.code && definition.Type == name.typ.String() {
				continue
			}
			r.problem("", outcome.Issue{
				Severity: outcome.SeverityError, Code: outcome.Conflict,
				Diagnostics: fmt.Sprintf("The search parameter %s is a component of SearchParameter/%s: it cannot go or change its code or type before that one.", clip(url), id),
			})
		}
	}
}

// settle keeps what is the same as before, pointers and progress, and tells what is not.
func (r *Revision) settle(fresh []*Custom) {
	kept := map[*Custom]bool{}
	for id, before := range r.base.customs {
		now := r.customs[id]
		switch {
		case now == before:
		case now != nil && now.same(before):
			r.customs[id] = before
			kept[now] = true
		default:
			r.Removed = append(r.Removed, before)
		}
	}
	r.Added = slices.DeleteFunc(fresh, func(c *Custom) bool { return kept[c] })
	for _, c := range r.Added {
		if len(c.Parameters) == 0 {
			c.complete.Store(true)
		}
	}
}

// Install puts a revision in use: resources are extracted with it from now on. False: the set has been
// revised since, and the revision is to be made again.
func (r *Revision) Install() bool {
	p := r.parameters
	p.revising.Lock()
	defer p.revising.Unlock()
	if !maps.Equal(p.table.Load().customs, r.base.customs) {
		return false
	}
	p.table.Store(p.table.Load().with(r.customs))
	return true
}

// Complete lets searches use custom parameters, the indexes of which are whole now.
func (p *Parameters) Complete(customs ...*Custom) { p.complete(customs, true) }

// Incomplete takes custom parameters from searches again: their indexes are made anew.
func (p *Parameters) Incomplete(customs ...*Custom) { p.complete(customs, false) }

func (p *Parameters) complete(customs []*Custom, whole bool) {
	if len(customs) == 0 {
		return
	}
	p.revising.Lock()
	defer p.revising.Unlock()
	for _, c := range customs {
		c.complete.Store(whole)
	}
	p.table.Store(p.table.Load().with(p.table.Load().customs))
}

// Customs lists the custom search parameters by id, those that are being indexed too.
func (p *Parameters) Customs() []*Custom {
	return slices.SortedFunc(maps.Values(p.table.Load().customs), func(a, b *Custom) int { return cmp.Compare(a.ID, b.ID) })
}

// Former is a custom parameter that is no more, as far as its index values are told by it: for those
// who remove them. Type is one of R4's codes of types.
func Former(base, code, typ string) (*Parameter, bool) {
	t, ok := parameterType(typ)
	if !ok || baseType(base) == nil {
		return nil, false
	}
	c := &Custom{Definition: &definitions.SearchParameter{Code: code, Type: typ, Base: []string{base}}}
	p := &Parameter{Code: code, Type: t, Base: base, Definition: c.Definition, custom: c}
	c.Parameters = []*Parameter{p}
	return p, true
}

// maxCustomValues bounds the values of one resource for one custom parameter.
const maxCustomValues = 10_000

// extractAll gives the values of all parameters. What a custom one does wrong costs its own values
// alone, never those of R4 nor the write.
func (p *Parameters) extractAll(ctx context.Context, resource resources.Element, t *typeParameters) ([]Entry, error) {
	entries, err := p.follow(ctx, resource, resource, t.plan)
	if t.own == nil {
		return entries, err
	}
	if err == nil {
		return withoutExcess(entries), nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	if entries, err = p.follow(ctx, resource, resource, t.own); err == nil {
		for _, c := range p.Customs() {
			if slices.Contains(c.Types(), resource.Type().Name) {
				c.failed.Add(1)
			}
		}
	}
	return entries, err
}

// withoutExcess drops the values of custom parameters that have too many.
func withoutExcess(entries []Entry) []Entry {
	if len(entries) <= maxCustomValues {
		return entries
	}
	counts := map[*Parameter]int{}
	excess := false
	for _, e := range entries {
		if e.Param.custom != nil {
			counts[e.Param]++
			excess = excess || counts[e.Param] > maxCustomValues
		}
	}
	if !excess {
		return entries
	}
	for param, n := range counts {
		if n > maxCustomValues {
			param.custom.failed.Add(1)
		}
	}
	return slices.DeleteFunc(entries, func(e Entry) bool { return counts[e.Param] > maxCustomValues })
}

// ExtractOnly is Extract for some parameters, those of other types apart, which have no values: what
// their index is made anew of.
func (p *Parameters) ExtractOnly(ctx context.Context, resource resources.Element, params []*Parameter) ([]Entry, error) {
	if !resource.IsResource() {
		return nil, outcome.New(outcome.Structure, "Only resources have search values.")
	}
	var own []*Parameter
	for _, param := range params {
		if param != containment && param.appliesTo(resource.Type()) {
			own = append(own, param)
		}
	}
	if slices.Contains(params, containment) {
		entries, err := p.ExtractOnly(ctx, resource, own)
		if err != nil {
			return nil, err
		}
		return p.extractContained(ctx, resource, entries)
	}
	if len(own) == 0 {
		return nil, nil
	}
	entries, err := p.follow(ctx, resource, resource, newPlan(resource.Type(), own))
	if err == nil {
		return appendWords(withoutExcess(entries), resource, own), nil
	}
	if ctx.Err() != nil || slices.ContainsFunc(own, func(param *Parameter) bool { return param.custom == nil }) {
		return nil, err
	}
	for _, param := range own {
		param.custom.failed.Add(1)
	}
	return nil, nil
}
