package audit

import (
	"time"

	"kiln/auth"
)

// Kind is what sort of act an event tells of.
type Kind string

// The kinds.
const (
	Create     Kind = "create"
	Read       Kind = "read"
	Update     Kind = "update"
	Delete     Kind = "delete"
	Query      Kind = "query"
	Execute    Kind = "execute" // an operation, or a batch or transaction as a whole
	SignIn     Kind = "sign-in"
	SignOut    Kind = "sign-out"
	Token      Kind = "token"
	Break      Kind = "break-glass"
	Administer Kind = "administer"
)

// Outcome is how an act ended: https://hl7.org/fhir/R4/valueset-audit-event-outcome.html
type Outcome string

// The outcomes.
const (
	Done    Outcome = "0"
	Refused Outcome = "4"  // not found, not valid, not allowed to this caller
	Serious Outcome = "8"  // nobody who may ask, or a fault of the server
	Major   Outcome = "12" // the server could not go on
)

// Event is one act. It has no content of any record: identifiers, and for a query its text.
type Event struct {
	At          time.Time `json:"at"`
	Kind        Kind      `json:"kind"`
	Interaction string    `json:"act,omitempty"` // restful-interaction code, or what was done otherwise
	Outcome     Outcome   `json:"out"`
	Detail      string    `json:"why,omitempty"` // a sentence without patient data
	Request     string    `json:"req,omitempty"` // id of the request
	Address     string    `json:"from,omitempty"`

	User     string `json:"user,omitempty"`
	FHIRUser string `json:"fhirUser,omitempty"`
	Rank     string `json:"rank,omitempty"`
	Client   string `json:"client,omitempty"`
	Token    string `json:"jti,omitempty"` // names the token

	Resource string `json:"res,omitempty"`   // Type/id, with /_history/version where one version is meant
	Query    string `json:"query,omitempty"` // path and query string
	Patient  string `json:"pat,omitempty"`   // id of the patient whose record it is
	Purpose  string `json:"use,omitempty"`   // code of v3-ActReason, such as BTG
	Reason   string `json:"because,omitempty"`
}

// By fills in who asks.
func (e *Event) By(p *auth.Principal) *Event {
	if p != nil {
		e.User, e.FHIRUser, e.Rank, e.Client, e.Token = p.User, p.FHIRUser, p.Rank, p.Client, p.TokenID
	}
	return e
}
