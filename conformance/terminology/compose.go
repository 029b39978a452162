package terminology

import (
	"context"
	"fmt"
	"strings"

	"kiln/resources/outcome"
)

// composition composes one value set and notes what it was composed of.
type composition struct {
	service *Service
	parts   int
	open    []string // the value sets being composed, each referred to by the one before
	done    map[string]*Set
	from    []origin
}

// valueSet composes a value set. The error is not-found where no source has it.
func (x *composition) valueSet(ctx context.Context, canonical string) (*Set, error) {
	if set, ok := x.done[canonical]; ok {
		return set, nil
	}
	url, version := cutVersion(canonical)
	for i, open := range x.open {
		if open == canonical {
			return nil, refuse(outcome.Processing, "The value set %s refers to itself: %s.", clip(canonical), strings.Join(append(x.open[i:], canonical), " includes "))
		}
	}
	if len(x.open) >= x.service.limits.Depth {
		return nil, refuse(outcome.TooCostly, "More than %d value sets refer to each other in a row, from %s on.", x.service.limits.Depth, clip(x.open[0]))
	}
	found, err := x.service.source.ValueSet(ctx, url, version)
	if err != nil {
		return nil, err
	}
	x.from = append(x.from, origin{kindValueSet, url, version, found.Revision})
	if found.Revision == "" {
		return nil, refuse(outcome.NotFound, "The value set %s is not known here.", clip(canonical))
	}
	vs, err := found.Load()
	if err != nil {
		return nil, err
	}
	x.open = append(x.open, canonical)
	set, err := x.composeOrExpansion(ctx, vs)
	x.open = x.open[:len(x.open)-1]
	if err == nil {
		x.done[canonical] = set
	}
	return set, err
}

// composeOrExpansion takes the expansion that the value set carries where its compose does not tell
// all, or it has none.
func (x *composition) composeOrExpansion(ctx context.Context, vs *ValueSet) (*Set, error) {
	if !vs.Composed && !vs.Expanded {
		return nil, refuse(outcome.NotSupported, "The value set %s has neither a compose nor a whole expansion.", clip(vs.URL))
	}
	var set *Set
	var err error
	if vs.Composed {
		set, err = x.compose(ctx, vs)
		if err == nil {
			if _, err := set.Codes(); err == nil || !vs.Expanded {
				return set, nil
			}
		}
	}
	if !vs.Expanded || ctx.Err() != nil {
		return nil, err
	}
	return x.expansion(ctx, vs)
}

func (x *composition) expansion(ctx context.Context, vs *ValueSet) (*Set, error) {
	set := newSet()
	for _, c := range vs.Expansion {
		if _, seen := set.folded[c.System]; !seen {
			if err := x.foldCase(ctx, set, c.System, ""); err != nil {
				return nil, err
			}
		}
		set.add(c)
	}
	return set, x.bound(ctx, set)
}

// compose unites the includes and takes the excludes away:
// https://hl7.org/fhir/R4/valueset.html#compositions
func (x *composition) compose(ctx context.Context, vs *ValueSet) (*Set, error) {
	set := newSet()
	for _, p := range vs.Include {
		part, err := x.part(ctx, vs, p)
		if err != nil {
			return nil, err
		}
		set.union(part)
		if err := x.bound(ctx, set); err != nil {
			return nil, err
		}
	}
	for _, p := range vs.Exclude {
		part, err := x.part(ctx, vs, p)
		if err != nil {
			return nil, err
		}
		set.subtract(part)
	}
	return set, nil
}

// bound keeps to the limits of size and time.
func (x *composition) bound(ctx context.Context, set *Set) error {
	if len(set.list) > x.service.limits.Codes {
		return refuse(outcome.TooCostly, "The value set %s has more than %d codes.", clip(x.open[0]), x.service.limits.Codes)
	}
	return ctx.Err()
}

// part is one include or exclude: what is in its system and in each of its value sets.
func (x *composition) part(ctx context.Context, vs *ValueSet, p Part) (*Set, error) {
	if x.parts++; x.parts > x.service.limits.Parts {
		return nil, refuse(outcome.TooCostly, "The value set %s has more than %d includes and excludes.", clip(x.open[0]), x.service.limits.Parts)
	}
	if p.System == "" && len(p.ValueSets) == 0 || len(p.Concepts) > 0 && len(p.Filters) > 0 || p.System == "" && len(p.Concepts)+len(p.Filters) > 0 {
		return nil, refuse(outcome.Invalid, "The value set %s has an include or exclude that is not one of a system, of concepts or filters of a system, or of value sets.", clip(vs.URL))
	}
	var set *Set
	if p.System != "" {
		var err error
		if set, err = x.system(ctx, vs, p); err != nil {
			return nil, err
		}
	}
	for _, canonical := range p.ValueSets {
		other, err := x.valueSet(ctx, canonical)
		if outcome.Is(err, outcome.NotFound) {
			return nil, refuse(outcome.NotSupported, "The value set %s includes the value set %s, which is not known here.", clip(vs.URL), clip(canonical))
		}
		if err != nil {
			return nil, err
		}
		if set == nil {
			set = newSet()
			set.union(other)
		} else {
			set.intersect(other)
		}
	}
	return set, nil
}

// system is what a part takes of its code system.
func (x *composition) system(ctx context.Context, vs *ValueSet, p Part) (*Set, error) {
	if len(p.Concepts) > 0 {
		return x.enumerated(ctx, vs, p)
	}
	set := newSet()
	cs, err := x.codeSystem(ctx, p.System, p.Version)
	if err != nil {
		return nil, err
	}
	if l, ok := lackOf(cs, p); ok {
		set.lack(p.System, l)
		if !l.partial {
			return set, nil
		}
	}
	wanted, sentence, err := cs.filter(p.Filters)
	if err != nil {
		return nil, err
	}
	if sentence != "" {
		set.lack(p.System, lack{sentence: sentence})
		return set, nil
	}
	if cs.IgnoreCase {
		set.folded[p.System] = true
	}
	for i, c := range cs.Concepts {
		if wanted(i) && !(vs.ActiveOnly && c.Inactive) {
			set.add(Coding{p.System, c.Code, c.Display})
		}
	}
	return set, ctx.Err()
}

// lackOf says what is not known of a code system, nil for one that no source has.
func lackOf(cs *CodeSystem, p Part) (lack, bool) {
	name := clip(withVersion(p.System, p.Version))
	switch {
	case cs == nil:
		return lack{sentence: fmt.Sprintf("The code system %s is not available here, so what is in it cannot be told.", name)}, true
	case cs.Content == "not-present":
		return lack{sentence: fmt.Sprintf("The concepts of the code system %s are not available here, so what is in it cannot be told.", name)}, true
	case cs.Content == "supplement":
		return lack{sentence: fmt.Sprintf("The code system %s is a supplement, which has no codes of its own.", name)}, true
	case cs.Content == "fragment" || cs.Content == "example":
		return lack{fmt.Sprintf("Of the code system %s only a part is available here (its content is %s), so what else is in it cannot be told.", name, cs.Content), true, cs}, true
	}
	return lack{}, false
}

// enumerated takes the concepts listed, whatever is known of their system.
func (x *composition) enumerated(ctx context.Context, vs *ValueSet, p Part) (*Set, error) {
	set := newSet()
	cs, err := x.codeSystem(ctx, p.System, p.Version)
	if err != nil {
		return nil, err
	}
	if cs != nil && cs.IgnoreCase {
		set.folded[p.System] = true
	}
	for _, c := range p.Concepts {
		if cs != nil {
			i, ok := cs.find(c.Code)
			if ok && vs.ActiveOnly && cs.Concepts[i].Inactive {
				continue
			}
			if ok && c.Display == "" {
				c.Display = cs.Concepts[i].Display
			}
		}
		set.add(c)
	}
	return set, x.bound(ctx, set)
}

// codeSystem finds a code system; nil where no source has it.
func (x *composition) codeSystem(ctx context.Context, url, version string) (*CodeSystem, error) {
	cs, revision, err := x.service.codeSystem(ctx, url, version)
	x.from = append(x.from, origin{kindCodeSystem, url, version, revision})
	return cs, err
}

func (x *composition) foldCase(ctx context.Context, set *Set, system, version string) error {
	cs, err := x.codeSystem(ctx, system, version)
	if cs != nil && cs.IgnoreCase {
		set.fold(system)
	}
	return err
}

func refuse(code outcome.Code, format string, args ...any) error {
	return outcome.New(code, format, args...).In(outcome.StageContent)
}

// clip shortens what is shown of a name.
func clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
