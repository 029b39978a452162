package rest

import (
	"context"
	"errors"
	"net/http"
)

// Authenticator finds out who asks.
type Authenticator interface {
	// Authenticate gives the context of a request with who asks in it, or the request's own where nobody says who they
	// are: whether that will do is for the service's Authorizer to say. A token that does not count is an *outcome.Error.
	Authenticate(r *http.Request) (context.Context, error)
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
	return err
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
