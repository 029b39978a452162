package validation

import (
	"cmp"
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// unknown reports a member that the type does not have, with what may have been meant.
func (w *walk) unknown(object, n resources.Node, p *plan) {
	if w.report.full() {
		w.report.errors++ // counted, not described
		return
	}
	name := w.d.Name(n)
	where := p.typ.Name
	if base, ok := strings.CutPrefix(name, "_"); ok {
		switch m := p.members[base]; {
		case m == nil:
		case m.typ.Primitive():
			w.report.error(n, outcome.Structure, "%s.%s is a text alone, without id and extensions; there is no \"%s\".", where, base, clip(name))
			return
		default:
			w.report.error(n, outcome.Structure, "\"%s\" is for primitives; %s is of type %s and takes extensions itself.", clip(name), base, m.typ.Name)
			return
		}
	}
	if e := p.choice(name); e != nil {
		w.report.error(n, outcome.Structure, "The element %s[x] is written with the type of its value: %s.", e.Name, choices(e))
		return
	}
	if meant := p.similar(name); meant != "" {
		w.report.error(n, outcome.Structure, "%s has no element %q; did you mean %q?", where, clip(name), meant)
		return
	}
	w.report.error(n, outcome.Structure, "%s has no element %q.", where, clip(name))
}

// choice is the choice element that name could mean: value, value[x], or value with a type that
// it does not have.
func (p *plan) choice(name string) *definitions.Element {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "_"), "[x]")
	for _, e := range p.typ.Elements {
		rest, ok := strings.CutPrefix(name, e.Name)
		if ok && e.Choice && (rest == "" || rest[0] >= 'A' && rest[0] <= 'Z') {
			return e
		}
	}
	return nil
}

// choices lists the member names of a choice, as far as a sentence can hold them.
func choices(e *definitions.Element) string {
	const most = 8
	var names []string
	for _, ref := range e.Types {
		if len(names) == most {
			names = append(names, "…")
			break
		}
		names = append(names, e.JSONName(ref.Type))
	}
	return strings.Join(names, ", ")
}

// similar is the member name nearest to name, empty if none is near.
func (p *plan) similar(name string) string {
	if len(name) > 64 {
		return ""
	}
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	allowed := 1 + len(name)/4
	for known := range p.members {
		a, b := strings.ToLower(name), strings.ToLower(known)
		d := distance(a, b)
		if d <= allowed && d < len(known) || len(b) > 3 && strings.HasPrefix(a, b) || len(a) > 3 && strings.HasPrefix(b, a) {
			near = append(near, candidate{known, d})
		}
	}
	if len(near) == 0 {
		return ""
	}
	return slices.MinFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.name, b.name))
	}).name
}

// distance counts the edits between two texts: insert, delete, replace, swap of neighbours
// (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// clip shortens a text of the document for a sentence.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
