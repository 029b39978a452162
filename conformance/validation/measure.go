package validation

import (
	"encoding/base64"
	"regexp"
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
)

// cql are the names that a library defines.
type cql map[string]bool

var (
	// A statement of CQL that defines a name: https://cql.hl7.org/19-l-cqlsyntaxdiagrams.html
	cqlDefinition = regexp.MustCompile(`(?m)^[ \t]*(?:define|parameter|valueset|codesystem|code|concept)\s+(?:(?:public|private|fluent|function)\s+)*("[^"\n]*"|[A-Za-z_]\w*)`)
	// A name of another library, qualified by the name of that one.
	cqlQualified = regexp.MustCompile(`^("[^"\n]*"|[A-Za-z_]\w*)\.("[^"\n]*"|[A-Za-z_]\w*)$`)
)

// measure checks that the criteria of a measure are in its libraries, where these can be found with
// their CQL. https://hl7.org/fhir/R4/measure-definitions.html#Measure.library
func (w *walk) measure(n resources.Node, p *plan, seen uint64) {
	w.domain(n, p, seen)
	named := map[string]cql{} // by name of the library
	all, whole := cql{}, true
	for canonical := range w.d.Children(w.d.Member(n, "library")) {
		e, ok := w.definition(n, "Library", w.d.Text(canonical))
		names := libraryNames(e)
		if !ok || names == nil {
			whole = false
			continue
		}
		named[e.First("name").Text()] = names
		for name := range names {
			all[name] = true
		}
	}
	if len(named) > 0 {
		w.criteria(n, named, all, whole)
	}
}

// criteria checks every expression of n and what is in it.
func (w *walk) criteria(n resources.Node, named map[string]cql, all cql, whole bool) {
	for c := range w.d.Children(n) {
		if name := w.d.Name(c); name == "criteria" {
			w.criterion(c, named, all, whole)
		} else if name == "" || criteriaIn[name] {
			w.criteria(c, named, all, whole)
		}
	}
}

// criteriaIn are the elements of a Measure that hold criteria.
var criteriaIn = map[string]bool{"group": true, "population": true, "stratifier": true, "component": true, "supplementalData": true}

// criterion checks one expression: an identifier of the measure's libraries, or one qualified by the
// library's name. Anything longer is not looked into.
func (w *walk) criterion(n resources.Node, named map[string]cql, all cql, whole bool) {
	at := w.d.Member(n, "expression")
	text := w.d.Text(at)
	switch language := w.d.Text(w.d.Member(n, "language")); {
	case language == "text/cql.identifier" && whole && !all[unquoted(text)]:
		w.report.error(at, outcome.NotFound, "The libraries of the measure define no %q.", clip(unquoted(text)))
	case language == "text/cql":
		parts := cqlQualified.FindStringSubmatch(text)
		if parts == nil {
			return
		}
		if names, ok := named[unquoted(parts[1])]; ok && !names[unquoted(parts[2])] {
			w.report.error(at, outcome.NotFound, "The library %q defines no %q.", clip(unquoted(parts[1])), clip(unquoted(parts[2])))
		}
	}
}

func unquoted(name string) string { return strings.Trim(name, `"`) }

// libraryNames are the names in the CQL of a Library; nil without any.
func libraryNames(e resources.Element) cql {
	var names cql
	for content := range e.Child("content") {
		if kind, _, _ := strings.Cut(content.First("contentType").Text(), ";"); kind != "text/cql" {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(content.First("data").Text())
		if err != nil {
			continue
		}
		for _, found := range cqlDefinition.FindAllSubmatch(text, -1) {
			if names == nil {
				names = cql{}
			}
			names[unquoted(string(found[1]))] = true
		}
	}
	return names
}
