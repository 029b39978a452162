package fhir

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
)

// CapabilitiesRequest asks what the server can do: https://hl7.org/fhir/R4/http.html#capabilities
type CapabilitiesRequest struct {
	Mode string // "", full, normative or terminology
}

// capabilityModes say what is answered; normative and full are the same statement here.
var capabilityModes = map[string]func(s *Service) []byte{
	"": (*Service).statementBytes, "full": (*Service).statementBytes, "normative": (*Service).statementBytes,
	"terminology": (*Service).terminologyCapabilities,
}

// Capabilities is the CapabilityStatement as JSON (TerminologyCapabilities with mode terminology),
// built from the tables of routes, operations and search parameters. The bytes are shared and must
// not be changed. Error: an unknown mode.
func (s *Service) Capabilities(_ context.Context, request CapabilitiesRequest) ([]byte, error) {
	build, ok := capabilityModes[request.Mode]
	if !ok {
		return nil, outcome.New(outcome.Value, "The mode is %q; expected full, normative or terminology.", clip(request.Mode)).In(outcome.StageSyntax)
	}
	return build(s), nil
}

func (s *Service) statementBytes() []byte {
	return s.statement.of(s.params.Generation(), s.capabilityStatement)
}

// followed is something made of the search parameters, and made again when these change.
type followed[T any] struct {
	mu         sync.Mutex
	made       bool
	generation uint64
	value      T
}

func (f *followed[T]) of(generation uint64, build func() T) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.made || f.generation != generation {
		f.value, f.generation, f.made = build(), generation, true
	}
	return f.value
}

// The parts of a CapabilityStatement that the server fills in:
// https://hl7.org/fhir/R4/capabilitystatement.html
type capabilityStatement struct {
	ResourceType   string             `json:"resourceType"`
	URL            string             `json:"url"`
	Version        string             `json:"version,omitempty"`
	Name           string             `json:"name"`
	Title          string             `json:"title"`
	Status         string             `json:"status"`
	Date           string             `json:"date"`
	Publisher      string             `json:"publisher"`
	Kind           string             `json:"kind"`
	Software       capabilitySoftware `json:"software"`
	Implementation capabilityAddress  `json:"implementation"`
	FHIRVersion    string             `json:"fhirVersion"`
	Format         []string           `json:"format"`
	PatchFormat    []string           `json:"patchFormat"`
	REST           []capabilityREST   `json:"rest"`
}

type capabilitySoftware struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

type capabilityAddress struct {
	Description string `json:"description"`
	URL         string `json:"url"`
}

type capabilityREST struct {
	Mode          string                  `json:"mode"`
	Documentation string                  `json:"documentation"`
	Security      *capabilitySecurity     `json:"security,omitempty"`
	Resource      []capabilityResource    `json:"resource"`
	Interaction   []capabilityInteraction `json:"interaction"`
	SearchParam   []capabilityParameter   `json:"searchParam"`
	Operation     []capabilityOperation   `json:"operation,omitempty"`
	Compartment   []string                `json:"compartment"`
}

type capabilityResource struct {
	Type              string                  `json:"type"`
	Profile           string                  `json:"profile"`
	Interaction       []capabilityInteraction `json:"interaction"`
	Versioning        string                  `json:"versioning"`
	ReadHistory       bool                    `json:"readHistory"`
	UpdateCreate      bool                    `json:"updateCreate"`
	ConditionalCreate bool                    `json:"conditionalCreate"`
	ConditionalRead   string                  `json:"conditionalRead"`
	ConditionalUpdate bool                    `json:"conditionalUpdate"`
	ConditionalDelete string                  `json:"conditionalDelete"`
	ReferencePolicy   []string                `json:"referencePolicy"`
	SearchInclude     []string                `json:"searchInclude,omitempty"`
	SearchRevInclude  []string                `json:"searchRevInclude,omitempty"`
	SearchParam       []capabilityParameter   `json:"searchParam"`
	Operation         []capabilityOperation   `json:"operation,omitempty"`
}

type capabilityInteraction struct {
	Code          string `json:"code"`
	Documentation string `json:"documentation,omitempty"`
}

type capabilityParameter struct {
	Name       string `json:"name"`
	Definition string `json:"definition,omitempty"`
	Type       string `json:"type"`
}

type capabilityOperation struct {
	Name       string `json:"name"`
	Definition string `json:"definition"`
}

// Formats and PatchFormats are what the interface reads and writes.
var (
	formats      = []string{"application/fhir+json", "application/fhir+xml", "json", "xml"}
	patchFormats = []string{"application/json-patch+json", "application/merge-patch+json", "application/xml-patch+xml", "application/fhir+json", "application/fhir+xml"}
)

func (s *Service) capabilityStatement() []byte {
	base := s.options.BaseURL
	statement := capabilityStatement{
		ResourceType: "CapabilityStatement", URL: base + "/metadata", Version: s.options.Version,
		Name: "Kiln", Title: "Kiln FHIR R4 server", Status: "active", Date: s.now().Format("2006-01-02T15:04:05Z"),
		Publisher: "Kiln", Kind: "instance",
		Software:       capabilitySoftware{"Kiln", s.options.Version},
		Implementation: capabilityAddress{"Kiln FHIR R4 server", base},
		FHIRVersion:    definitions.Version, Format: formats, PatchFormat: patchFormats,
		REST: []capabilityREST{s.capabilityREST()},
	}
	return mustJSON(statement)
}

func (s *Service) capabilityREST() capabilityREST {
	rest := capabilityREST{
		Mode:          "server",
		Documentation: "Every interaction of FHIR R4, with all conditional forms. Paging links are opaque. Concurrent conditional creates with the same criteria make one resource.",
		Security:      s.options.Security.capability(),
		Interaction:   s.systemInteractions(),
		SearchParam:   s.capabilityParameters(""),
		Operation:     s.capabilityOperations(LevelSystem, ""),
	}
	revIncludes := s.revIncludes()
	for _, typ := range definitions.R4().ResourceNames() {
		rest.Resource = append(rest.Resource, s.capabilityResource(typ, revIncludes[typ]))
		if definitions.R4().Compartment(typ) != nil {
			rest.Compartment = append(rest.Compartment, "http://hl7.org/fhir/CompartmentDefinition/"+compartmentID(typ))
		}
	}
	return rest
}

// compartmentID is the id of a compartment's definition: "relatedPerson".
func compartmentID(typ string) string { return string(typ[0]|0x20) + typ[1:] }

func (s *Service) capabilityResource(typ string, revIncludes []string) capabilityResource {
	r := capabilityResource{
		Type: typ, Profile: definitions.R4().Type(typ).URL, Interaction: interactionsAt(true),
		Versioning: "versioned-update", ReadHistory: true, UpdateCreate: true,
		ConditionalCreate: true, ConditionalRead: "full-support",
		ConditionalUpdate: conditional(Update), ConditionalDelete: "single",
		ReferencePolicy:  s.referencePolicy(),
		SearchRevInclude: revIncludes,
		SearchParam:      s.capabilityParameters(typ),
		Operation:        s.capabilityOperations(LevelType|LevelInstance, typ),
	}
	r.SearchInclude = append(r.SearchInclude, "*")
	for _, p := range s.params.Of(typ) {
		if p.Type == search.TypeReference {
			r.SearchInclude = append(r.SearchInclude, typ+":"+p.Code)
		}
	}
	return r
}

// referencePolicy tells how references are kept: https://hl7.org/fhir/R4/valueset-reference-handling-policy.html
func (s *Service) referencePolicy() []string {
	if s.options.Integrity == IntegrityFull {
		return []string{"literal", "logical", "enforced", "local"}
	}
	return []string{"literal", "logical"}
}

// systemInteractions are those that R4 lists for the whole system, not for a type.
var systemInteractions = map[Interaction]bool{Transaction: true, Batch: true, SearchSystem: true, HistorySystem: true}

// unlisted are interactions that R4 has no code for in these lists.
var unlisted = map[Interaction]bool{Capabilities: true, Operate: true, SearchCompart: true}

// interactionsAt lists the interactions of the routes: those of a type, or of the system.
func interactionsAt(typed bool) []capabilityInteraction {
	var list []capabilityInteraction
	add := func(i Interaction) {
		c := capabilityInteraction{Code: string(i)}
		if systemInteractions[i] != typed && !unlisted[i] && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	for _, r := range routes {
		add(r.Interaction)
		if r.Interaction == Transaction {
			add(Batch)
		}
	}
	return list
}

// systemInteractions lists those of the system, transaction with its bounds.
func (s *Service) systemInteractions() []capabilityInteraction {
	list := interactionsAt(false)
	for i := range list {
		if list[i].Code == string(Transaction) {
			list[i].Documentation = s.transactionBounds()
		}
	}
	return list
}

// transactionBounds says what is refused with 413, for CapabilityStatement.rest.interaction.documentation:
// https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.interaction.documentation
func (s *Service) transactionBounds() string {
	bounds := []string{fmt.Sprintf("%d entries", s.options.Limits.Entries)}
	limits := s.store.Limits()
	if limits.TransactionBytes > 0 {
		bounds = append(bounds, fmt.Sprintf("%d bytes as they are stored, indexes included", limits.TransactionBytes))
	}
	if limits.TransactionTime > 0 {
		bounds = append(bounds, fmt.Sprintf("%g s to be applied", limits.TransactionTime.Seconds()))
	}
	return "A transaction may have at most " + strings.Join(bounds, ", ") + ". Beyond that it is refused with 413, and nothing is changed."
}

// conditional reports whether an interaction has a conditional route.
func conditional(i Interaction) bool {
	return slices.ContainsFunc(routes, func(r Route) bool { return r.Interaction == i && r.Conditional })
}

func (s *Service) capabilityParameters(typ string) []capabilityParameter {
	var list []capabilityParameter
	for _, p := range s.params.Of(typ) {
		c := capabilityParameter{Name: p.Code, Type: p.Type.String()}
		if p.Definition != nil {
			c.Type, c.Definition = p.Definition.Type, p.Definition.URL
		}
		list = append(list, c)
	}
	// R4 has no SearchParameter for _list: https://hl7.org/fhir/R4/search.html#list
	list = append(list, capabilityParameter{Name: "_list", Type: search.TypeSpecial.String()})
	if len(s.params.Queries(typ)) > 0 {
		list = append(list, capabilityParameter{"_query", "http://hl7.org/fhir/SearchParameter/Resource-query", search.TypeToken.String()})
	}
	return list
}

func (s *Service) capabilityOperations(levels Level, typ string) []capabilityOperation {
	var list []capabilityOperation
	for _, o := range s.operations {
		if o.Levels&levels == 0 || typ != "" && len(o.Types) > 0 && !slices.Contains(o.Types, typ) {
			continue
		}
		definition := o.Definition
		if definition == "" {
			definition = s.options.BaseURL + "/OperationDefinition/" + o.Name
		}
		list = append(list, capabilityOperation{o.Name, definition})
	}
	// R4 lists named queries here too, by what _query calls them.
	for _, q := range s.params.Queries(typ) {
		list = append(list, capabilityOperation{q.Name, q.Definition})
	}
	return list
}

// revIncludes lists for each type the reference parameters that may point to it.
func (s *Service) revIncludes() map[string][]string {
	names := definitions.R4().ResourceNames()
	list := make(map[string][]string, len(names))
	for _, source := range names {
		for _, p := range s.params.Of(source) {
			for _, target := range names {
				if p.Refers(target) {
					list[target] = append(list[target], source+":"+p.Code)
				}
			}
		}
	}
	return list
}

// terminologyCapabilities tells that there are no operations of a terminology service; searches alone ask for
// value sets and hierarchies: https://hl7.org/fhir/R4/terminologycapabilities.html
func (s *Service) terminologyCapabilities() []byte {
	return mustJSON(struct {
		ResourceType   string             `json:"resourceType"`
		URL            string             `json:"url"`
		Name           string             `json:"name"`
		Status         string             `json:"status"`
		Date           string             `json:"date"`
		Kind           string             `json:"kind"`
		Software       capabilitySoftware `json:"software"`
		Implementation capabilityAddress  `json:"implementation"`
		CodeSearch     string             `json:"codeSearch"`
	}{
		"TerminologyCapabilities", s.options.BaseURL + "/metadata?mode=terminology", "KilnTerminology", "active",
		s.now().Format("2006-01-02T15:04:05Z"), "instance",
		capabilitySoftware{"Kiln", s.options.Version},
		capabilityAddress{"Kiln FHIR R4 server", s.options.BaseURL},
		"explicit",
	})
}

// mustJSON writes a structure of texts, which cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
