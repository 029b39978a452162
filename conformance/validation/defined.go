package validation

import (
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
)

// defined finds the Questionnaire or Measure that the element named member of n names: among the
// contained resources, or where the options look. Not finding it is worth a warning: the content
// may be right.
func (w *walk) defined(n resources.Node, member, typ string) (resources.Element, bool) {
	at := w.d.Member(n, member)
	if w.d.Kind(at) != resources.String {
		w.notJudged(n, "The %s names no %s, so its content was not judged against one.", w.d.Text(w.d.Member(n, "resourceType")), typ)
		return resources.Element{}, false
	}
	url := w.d.Text(at)
	e, ok := w.definition(n, typ, url)
	if !ok || e.Type() == nil || e.Type().Name != typ {
		w.notJudged(at, "The %s %q was not found, so the content was not judged against it.", typ, clip(url))
		return resources.Element{}, false
	}
	return e, true
}

func (w *walk) notJudged(n resources.Node, format string, args ...any) {
	if w.warnings {
		w.report.warning(n, outcome.NotFound, format, args...)
	}
}

// definition is a resource by its canonical; "#id" is one that n or its container contains.
func (w *walk) definition(n resources.Node, typ, canonical string) (resources.Element, bool) {
	id, local := strings.CutPrefix(canonical, "#")
	if !local {
		return w.external(typ, canonical)
	}
	for _, container := range [...]resources.Node{n, w.container.node} {
		for c := range w.d.Children(w.d.Member(container, "contained")) {
			if !w.afford(n) {
				return resources.Element{}, false
			}
			if w.d.Text(w.d.Member(c, "id")) == id {
				e, err := w.d.ResourceAt(c)
				return e, err == nil
			}
		}
	}
	return resources.Element{}, false
}

// spent is what judging answers and reports has taken so far. What a definition looks like is kept
// for the next resource of the same document that names it.
type spent struct {
	definitions map[string]resources.Element // by type and canonical; zero where there is none
	forms       map[resources.Element]*form
	comparisons int
	expressions int
	gaveUp      bool
}

// What answers may cost at most, for a whole document.
const (
	mostComparisons = 2_000_000
	mostExpressions = 50
	mostDefinitions = 100
)

// external asks the options for a definition, once for each.
func (w *walk) external(typ, canonical string) (resources.Element, bool) {
	key := typ + " " + canonical
	e, known := w.spent.definitions[key]
	if !known && w.options.Definition != nil && len(w.spent.definitions) < mostDefinitions {
		if w.spent.definitions == nil {
			w.spent.definitions = map[string]resources.Element{}
		}
		if found, ok := w.options.Definition(w.ctx, typ, canonical); ok {
			e = found
		}
		w.spent.definitions[key] = e
	}
	return e, !e.IsZero()
}

// form lays out a questionnaire, once for each.
func (w *walk) form(e resources.Element) *form {
	f := w.spent.forms[e]
	if f == nil {
		if w.spent.forms == nil {
			w.spent.forms = map[resources.Element]*form{}
		}
		f = layOutForm(e)
		w.spent.forms[e] = f
	}
	return f
}

// afford counts a comparison. When there have been too many, the resource is refused, since nobody
// knows what the rest would have said.
func (w *walk) afford(n resources.Node) bool {
	w.spent.comparisons++
	if w.spent.gaveUp || w.spent.comparisons < mostComparisons && (w.spent.comparisons&1023 != 0 || w.ctx.Err() == nil) {
		return !w.spent.gaveUp
	}
	w.spent.gaveUp = true
	w.report.error(n, outcome.TooCostly, "The resource could not be compared with its definition within the limits of this server.")
	return false
}

func (a *answering) afford() bool { return a.walk.afford(a.node) }
