package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"kiln/fhir"
)

// Authenticator finds out who asks.
type Authenticator interface {
	// Authenticate gives the context of a request with who asks in it, or the request's own where nobody says who they
	// are: whether that will do is for the service's Authorizer to say. A token that does not count is an *outcome.Error.
	Authenticate(r *http.Request) (context.Context, error)
	// Finished hears how a request ended that Authenticate was asked about, with the context it gave, or the request's own
	// where it refused.
	Finished(ctx context.Context, r *http.Request, end Ending)
}

// Ending is how a request ended.
type Ending struct {
	Action  fhir.Action // as the address tells it
	Version string      // of a vread
	Status  int
	Request string // its id
	// Asked is what the body asks for: the form of a search, or the GETs of a Bundle, one a line.
	Asked string
}

// authenticate puts who asks into the context. The CapabilityStatement is for all, whatever they send:
// https://hl7.org/fhir/R4/http.html#capabilities
func (x *exchange) authenticate() error {
	if x.options.Authenticator == nil || x.route.open {
		return nil
	}
	ctx, err := x.options.Authenticator.Authenticate(x.r)
	if err == nil {
		x.deadline.Context = ctx
	}
	x.authenticating = true
	return err
}

// ended tells the authenticator how a request ended that it was asked about.
func (x *exchange) ended(status int) {
	if !x.authenticating {
		return
	}
	end := Ending{Action: fhir.Action{Interaction: x.route.interaction}, Status: status, Request: x.id, Asked: x.asks}
	if x.route.typed {
		end.Action.Type = x.parts.part[0]
	}
	if x.route.named {
		end.Action.ID = x.parts.part[1]
	}
	if x.route.interaction == fhir.VRead {
		end.Version = x.parts.part[3]
	}
	if x.route.interaction == fhir.Operate {
		end.Action.Operation = strings.TrimPrefix(x.parts.part[x.parts.count-1], "$")
	}
	x.options.Authenticator.Finished(x.deadline.Context, x.r, end)
}

// challenging are errors that tell what a request lacks.
type challenging interface {
	error
	WWWAuthenticate() string
}

// challenge writes what a request lacks. Every 401 has it: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
func (x *exchange) challenge(status int, refused error) {
	var c challenging
	switch {
	case errors.As(refused, &c):
		x.w.Header()["Www-Authenticate"] = x.value(c.WWWAuthenticate())
	case status == http.StatusUnauthorized:
		x.w.Header()["Www-Authenticate"] = x.value(`Bearer realm="fhir"`)
	}
}
