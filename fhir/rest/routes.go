package rest

import (
	"strings"

	"kiln/fhir"
)

// route is one row of fhir.Routes with what answers it.
type route struct {
	method, path string
	label        string // of metrics and log
	handle       func(*exchange) error
	meter        *meter
	typed        bool // the address begins with a type
	lists        bool // the answer is a list, so NDJSON is offered
	reads        bool // the answer is one stored version
	named        bool // the address goes on with an id
	interaction  fhir.Interaction
	open         bool // nobody is asked who they are
}

// handlers answers each interaction. Which addresses lead to it stands in fhir.Routes, from which
// the CapabilityStatement and the Allow header are made too.
var handlers = map[fhir.Interaction]func(*exchange) error{
	fhir.Capabilities:    capabilities,
	fhir.Read:            read,
	fhir.VRead:           vread,
	fhir.Update:          update,
	fhir.Patch:           patch,
	fhir.Delete:          remove,
	fhir.HistoryInstance: history,
	fhir.HistoryType:     history,
	fhir.HistorySystem:   history,
	fhir.Create:          create,
	fhir.SearchType:      search,
	fhir.SearchSystem:    search,
	fhir.SearchCompart:   search,
	fhir.Transaction:     transaction,
	fhir.Operate:         operate,
}

func newRoutes(rows []fhir.Route, m *metrics) []*route {
	meters := map[fhir.Interaction]*meter{}
	out := make([]*route, len(rows))
	for i, row := range rows {
		if meters[row.Interaction] == nil {
			meters[row.Interaction] = m.meter(string(row.Interaction))
		}
		out[i] = &route{
			method: row.Method, path: row.Path,
			label:  string(row.Interaction),
			handle: handlers[row.Interaction],
			meter:  meters[row.Interaction],
			typed:  strings.HasPrefix(row.Path, "[type]"),
			lists:  strings.HasPrefix(string(row.Interaction), "search-"),
			reads:  row.Interaction == fhir.Read || row.Interaction == fhir.VRead,
			named:  strings.HasPrefix(row.Path, "[type]/[id]"), interaction: row.Interaction,
			open: row.Interaction == fhir.Capabilities,
		}
	}
	return out
}
