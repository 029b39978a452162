package audit

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"kiln/resources/definitions"
)

// The systems of the codes that an AuditEvent carries: https://hl7.org/fhir/R4/auditevent.html and
// https://profiles.ihe.net/ITI/BALP/
const (
	systemType   = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	systemDICOM  = "http://dicom.nema.org/resources/ontology/DCM"
	systemREST   = "http://hl7.org/fhir/restful-interaction"
	systemObject = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	systemRole   = "http://terminology.hl7.org/CodeSystem/object-role"
	systemSource = "http://terminology.hl7.org/CodeSystem/security-source-type"
	systemPart   = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	systemBALP   = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	profileBALP  = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
)

// sort is how a kind of act is told.
type sort struct {
	typ, subtype coding
	action       string // https://hl7.org/fhir/R4/valueset-audit-event-action.html
	profile      string // of BALP; a P before it where a patient is known
	incoming     bool   // what moves goes from the client to the server
}

var (
	typeREST = coding{System: systemType, Code: "rest", Display: "RESTful Operation"}
	typeUser = coding{System: systemDICOM, Code: "110114", Display: "User Authentication"}
	typeSafe = coding{System: systemDICOM, Code: "110113", Display: "Security Alert"}
)

// sorts is the table of kinds.
var sorts = map[Kind]sort{
	Create:     {typ: typeREST, action: "C", profile: "Create", incoming: true},
	Read:       {typ: typeREST, action: "R", profile: "Read"},
	Update:     {typ: typeREST, action: "U", profile: "Update", incoming: true},
	Delete:     {typ: typeREST, action: "D", profile: "Delete", incoming: true},
	Query:      {typ: typeREST, action: "E", profile: "Query"},
	Execute:    {typ: typeREST, action: "E", incoming: true},
	SignIn:     {typ: typeUser, subtype: coding{System: systemDICOM, Code: "110122", Display: "Login"}, action: "E", incoming: true},
	SignOut:    {typ: typeUser, subtype: coding{System: systemDICOM, Code: "110123", Display: "Logout"}, action: "E", incoming: true},
	Token:      {typ: typeUser, subtype: coding{System: systemDICOM, Code: "110122", Display: "Login"}, action: "E"},
	Break:      {typ: typeSafe, subtype: coding{System: systemDICOM, Code: "110127", Display: "Emergency Override Started"}, action: "E", incoming: true},
	Administer: {typ: typeSafe, subtype: coding{System: systemDICOM, Code: "110137", Display: "User Security Attributes Changed"}, action: "E", incoming: true},
}

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type identifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

type reference struct {
	Reference  string      `json:"reference,omitempty"`
	Identifier *identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

type network struct {
	Address string `json:"address"`
	Type    string `json:"type"`
}

type agent struct {
	Type      *concept   `json:"type,omitempty"`
	Role      []concept  `json:"role,omitempty"`
	Who       *reference `json:"who,omitempty"`
	AltID     string     `json:"altId,omitempty"`
	Requestor bool       `json:"requestor"`
	Policy    []string   `json:"policy,omitempty"`
	Network   *network   `json:"network,omitempty"`
	Purpose   []concept  `json:"purposeOfUse,omitempty"`
}

type entity struct {
	What  *reference `json:"what,omitempty"`
	Type  *coding    `json:"type,omitempty"`
	Role  *coding    `json:"role,omitempty"`
	Query string     `json:"query,omitempty"`
}

type meta struct {
	Profile []string `json:"profile,omitempty"`
}

// auditEvent is the resource, in the order of its definition.
type auditEvent struct {
	ResourceType string    `json:"resourceType"`
	ID           string    `json:"id"`
	Meta         *meta     `json:"meta,omitempty"`
	Type         coding    `json:"type"`
	Subtype      []coding  `json:"subtype,omitempty"`
	Action       string    `json:"action"`
	Recorded     string    `json:"recorded"`
	Outcome      Outcome   `json:"outcome"`
	OutcomeDesc  string    `json:"outcomeDesc,omitempty"`
	Purpose      []concept `json:"purposeOfEvent,omitempty"`
	Agent        []agent   `json:"agent"`
	Source       source    `json:"source"`
	Entity       []entity  `json:"entity,omitempty"`
}

type source struct {
	Site     string    `json:"site,omitempty"`
	Observer reference `json:"observer"`
	Type     []coding  `json:"type"`
}

// AuditEvent is an event as an AuditEvent with an id, in JSON. Site is the public address of the server.
func (e *Event) AuditEvent(id, site string) ([]byte, error) {
	k, known := sorts[e.Kind]
	if !known {
		return nil, fmt.Errorf("an event of the unknown kind %q", e.Kind)
	}
	r := auditEvent{
		ResourceType: "AuditEvent", ID: id, Type: k.typ, Action: k.action, Recorded: e.At.UTC().Format("2006-01-02T15:04:05.000Z"),
		Outcome: e.Outcome, OutcomeDesc: e.Detail, Agent: e.agents(k, site), Entity: e.entities(),
		Source: source{Observer: reference{Display: "Kiln"}, Type: []coding{{System: systemSource, Code: "4", Display: "Application Server"}}},
	}
	switch {
	case k.subtype.Code != "":
		r.Subtype = []coding{k.subtype}
	case e.Interaction != "":
		r.Subtype = []coding{{System: systemREST, Code: e.Interaction}}
	}
	if e.Purpose != "" {
		r.Purpose = []concept{{Coding: []coding{{System: systemReason, Code: e.Purpose}}}}
	}
	if k.profile != "" {
		name := k.profile
		if e.Patient != "" {
			name = "Patient" + name
		}
		r.Meta = &meta{Profile: []string{profileBALP + name}}
	}
	return json.Marshal(r)
}

// agents are the app, the server and, where there is one, the person, of whom just one asked.
func (e *Event) agents(k sort, site string) []agent {
	from := coding{System: systemDICOM, Code: "110153", Display: "Source Role ID"}
	to := coding{System: systemDICOM, Code: "110152", Display: "Destination Role ID"}
	if !k.incoming {
		from, to = to, from
	}
	client := agent{Type: &concept{Coding: []coding{from}}, Who: &reference{Display: "an unnamed client"}, Requestor: e.User == ""}
	if e.Client != "" {
		client.Who = &reference{Identifier: &identifier{System: site + "/auth/clients", Value: e.Client}}
	}
	if e.Address != "" {
		client.Network = &network{e.Address, "2"}
	}
	server := agent{
		Type: &concept{Coding: []coding{to}}, Who: &reference{Display: "Kiln"},
		Network: &network{site, "5"},
	}
	agents := []agent{client, server}
	if e.User == "" {
		return agents
	}
	person := agent{
		Type: &concept{Coding: []coding{{System: systemPart, Code: "IRCP", Display: "information recipient"}}}, Requestor: true,
		Who: &reference{Identifier: &identifier{System: site + "/auth/users", Value: e.User}}, AltID: e.User,
	}
	if isReference(e.FHIRUser) {
		person.Who.Reference = e.FHIRUser
	}
	if k.incoming {
		person.Type.Coding = []coding{{System: systemPart, Code: "AUT", Display: "author (originator)"}}
	}
	if e.Rank != "" {
		person.Role = []concept{{Text: e.Rank}}
	}
	if e.Token != "" {
		person.Policy = []string{"urn:kiln:token:" + e.Token}
	}
	if e.Purpose != "" {
		person.Purpose = []concept{{Coding: []coding{{System: systemReason, Code: e.Purpose}}, Text: e.Reason}}
	}
	return append(agents, person)
}

// entities are the resource, the query, the patient and the request.
func (e *Event) entities() []entity {
	var list []entity
	object := &coding{System: systemObject, Code: "2", Display: "System Object"}
	if isReference(e.Resource) {
		list = append(list, entity{
			What: &reference{Reference: e.Resource}, Type: object,
			Role: &coding{System: systemRole, Code: "4", Display: "Domain Resource"},
		})
	} else if e.Resource != "" { // what was asked for, which cannot be
		list = append(list, entity{
			Type: object, Role: &coding{System: systemRole, Code: "24", Display: "Query"},
			Query: base64.StdEncoding.EncodeToString([]byte(e.Resource)),
		})
	}
	if e.Query != "" {
		list = append(list, entity{
			Type: object, Role: &coding{System: systemRole, Code: "24", Display: "Query"},
			Query: base64.StdEncoding.EncodeToString([]byte(e.Query)),
		})
	}
	if isReference("Patient/" + e.Patient) {
		list = append(list, entity{
			What: &reference{Reference: "Patient/" + e.Patient},
			Type: &coding{System: systemObject, Code: "1", Display: "Person"},
			Role: &coding{System: systemRole, Code: "1", Display: "Patient"},
		})
	}
	if e.Request != "" {
		list = append(list, entity{
			What: &reference{Identifier: &identifier{Value: e.Request}},
			Type: &coding{System: systemBALP, Code: "XrequestId"},
		})
	}
	return list
}

var localReference = regexp.MustCompile(`^[A-Z][A-Za-z]*/[A-Za-z0-9.-]{1,64}(/_history/[A-Za-z0-9.-]{1,64})?$`)

// isReference reports whether a text is a reference to a resource that can be, or to a version of one.
func isReference(text string) bool {
	typ, _, _ := strings.Cut(text, "/")
	return definitions.R4().Resource(typ) != nil && localReference.MatchString(text)
}

// bare is the event without what a client, a policy or an app may have put into it, where the whole of it cannot be told as an
// AuditEvent. The log has it.
func (e *Event) bare() *Event {
	return &Event{At: e.At, Kind: e.Kind, Outcome: e.Outcome, Detail: "What else is known of it is in the audit log alone.", Request: e.Request}
}

// resourceID is the id of the AuditEvent of the event at a place in the log.
func resourceID(chunk uint64, at int) string { return fmt.Sprintf("%x-%d", chunk, at) }
