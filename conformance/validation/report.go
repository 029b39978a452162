package validation

import (
	"bytes"
	"fmt"
	"slices"

	"kiln/resources"
	"kiln/resources/outcome"
)

// report collects problems. What they look like to a reader is worked out at the end, for those
// that are listed.
type report struct {
	doc    *resources.Document
	limit  int
	found  []finding
	errors int // all of them, listed or not
	others int
}

// finding is a problem at a node, or at the child of it that is not there.
type finding struct {
	node     resources.Node
	missing  string // name of the child; empty for the node itself
	severity outcome.Severity
	code     outcome.Code
	text     string
}

// error records a problem that refuses the resource.
func (r *report) error(n resources.Node, code outcome.Code, format string, args ...any) {
	r.add(finding{node: n, severity: outcome.SeverityError, code: code}, format, args)
}

// warning records a problem that does not.
func (r *report) warning(n resources.Node, code outcome.Code, format string, args ...any) {
	r.add(finding{node: n, severity: outcome.SeverityWarning, code: code}, format, args)
}

// add keeps f while there is room. An error takes the place of a warning when there is none.
func (r *report) add(f finding, format string, args []any) {
	failed := f.severity == outcome.SeverityError
	if failed {
		r.errors++
	} else {
		r.others++
	}
	at := len(r.found)
	if at >= r.limit {
		if !failed || r.errors > r.limit {
			return
		}
		for at--; r.found[at].severity == outcome.SeverityError; at-- {
		}
		r.found = slices.Delete(r.found, at, at+1)
	}
	f.text = fmt.Sprintf(format, args...)
	r.found = append(r.found, f)
}

// full reports whether no further error would be listed.
func (r *report) full() bool { return r.errors >= r.limit }

// issues lists what was found in the order of the document.
func (r *report) issues() []outcome.Issue {
	if len(r.found) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found, func(a, b finding) int { return int(a.node) - int(b.node) })
	list := make([]outcome.Issue, 0, len(r.found)+1)
	place := lines{line: 1}
	if r.doc != nil {
		place.src = r.doc.Source()
	}
	for _, f := range r.found {
		issue := outcome.Issue{Severity: f.severity, Code: f.code, Diagnostics: f.text}
		if r.doc != nil {
			issue.Line, issue.Column = place.at(r.doc.Offset(f.node))
			if path := r.path(f); path != "" {
				issue.Expression = []string{path}
			}
		}
		list = append(list, issue)
	}
	if more := r.errors + r.others - len(r.found); more > 0 {
		list = append(list, outcome.Issue{
			Severity: outcome.SeverityInformation, Code: outcome.Informational,
			Diagnostics: fmt.Sprintf("There are %d more problems, which are not listed.", more),
		})
	}
	return list
}

func (r *report) path(f finding) string {
	path := r.doc.Path(f.node)
	switch {
	case f.missing == "":
		return path
	case path == "":
		return f.missing
	}
	return path + "." + f.missing
}

// lines turns ascending offsets into lines and columns in one pass over the source.
type lines struct {
	src    []byte
	offset int
	line   int
	start  int // of the line
}

func (l *lines) at(offset int) (line, column int) {
	for {
		i := bytes.IndexByte(l.src[l.offset:offset], '\n')
		if i < 0 {
			l.offset = offset
			return l.line, offset - l.start + 1
		}
		l.offset += i + 1
		l.line, l.start = l.line+1, l.offset
	}
}
