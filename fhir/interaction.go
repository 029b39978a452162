package fhir

// Interaction is one of R4's interactions, by its code:
// https://hl7.org/fhir/R4/codesystem-restful-interaction.html
type Interaction string

// The interactions.
const (
	Read            Interaction = "read"
	VRead           Interaction = "vread"
	Update          Interaction = "update"
	Patch           Interaction = "patch"
	Delete          Interaction = "delete"
	HistoryInstance Interaction = "history-instance"
	HistoryType     Interaction = "history-type"
	HistorySystem   Interaction = "history-system"
	Create          Interaction = "create"
	SearchType      Interaction = "search-type"
	SearchSystem    Interaction = "search-system"
	SearchCompart   Interaction = "search-compartment"
	Capabilities    Interaction = "capabilities"
	Transaction     Interaction = "transaction"
	Batch           Interaction = "batch"
	Operate         Interaction = "operation"
)

// Level is where an interaction or operation is called; levels add up.
type Level uint8

// The levels.
const (
	LevelSystem Level = 1 << iota
	LevelType
	LevelInstance
)

// Route is one address of the interface. Path is written as the specification writes it, below
// the base: "[type]/[id]/_history/[vid]", "$[name]", "" for the base itself. GET also stands for
// HEAD.
type Route struct {
	Method, Path string
	Interaction  Interaction
	// Conditional marks the form whose target is found by criteria in the query.
	Conditional bool
}

// routes is what fhir/rest serves and the CapabilityStatement tells.
var routes = []Route{
	{"GET", "metadata", Capabilities, false},
	{"GET", "[type]/[id]", Read, false},
	{"GET", "[type]/[id]/_history/[vid]", VRead, false},
	{"PUT", "[type]/[id]", Update, false},
	{"PUT", "[type]", Update, true},
	{"PATCH", "[type]/[id]", Patch, false},
	{"PATCH", "[type]", Patch, true},
	{"DELETE", "[type]/[id]", Delete, false},
	{"DELETE", "[type]", Delete, true},
	{"GET", "[type]/[id]/_history", HistoryInstance, false},
	{"GET", "[type]/_history", HistoryType, false},
	{"GET", "_history", HistorySystem, false},
	{"POST", "[type]", Create, false},
	{"GET", "[type]", SearchType, false},
	{"POST", "[type]/_search", SearchType, false},
	{"GET", "", SearchSystem, false},
	{"POST", "_search", SearchSystem, false},
	{"GET", "[type]/[id]/[member]", SearchCompart, false},
	{"POST", "[type]/[id]/[member]/_search", SearchCompart, false},
	{"GET", "[type]/[id]/*", SearchCompart, false},
	{"POST", "[type]/[id]/_search", SearchCompart, false},
	{"POST", "", Transaction, false}, // and batch: Bundle.type tells
	{"GET", "$[name]", Operate, false},
	{"POST", "$[name]", Operate, false},
	{"GET", "[type]/$[name]", Operate, false},
	{"POST", "[type]/$[name]", Operate, false},
	{"GET", "[type]/[id]/$[name]", Operate, false},
	{"POST", "[type]/[id]/$[name]", Operate, false},
}

// Routes lists the addresses of the interface. The slice is shared and must not be changed.
func Routes() []Route { return routes }
