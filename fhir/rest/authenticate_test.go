package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/resources/outcome"
	"kiln/store"
)

// door lets in whoever says "Bearer good", and tells the service so.
type door struct{}

type insideKey struct{}

type lack string

func (l lack) Error() string           { return string(l) }
func (l lack) WWWAuthenticate() string { return string(l) }

func (door) Authenticate(r *http.Request) (context.Context, error) {
	switch r.Header.Get("Authorization") {
	case "":
		return r.Context(), nil
	case "Bearer good":
		return context.WithValue(r.Context(), insideKey{}, true), nil
	}
	return nil, outcome.New(outcome.Login, "That token does not count.").Because(lack(`Bearer error="invalid_token"`))
}

// Finished notes nothing.
func (door) Finished(context.Context, *http.Request, rest.Ending) {}

func (door) Authorize(ctx context.Context, a fhir.Action) error {
	switch {
	case ctx.Value(insideKey{}) == nil:
		return outcome.New(outcome.Login, "A token is needed.")
	case a.Type == "Claim":
		return outcome.New(outcome.Forbidden, "No claims.").Because(lack(`Bearer error="insufficient_scope"`))
	}
	return nil
}

func (door) Reach(context.Context, fhir.Action) (fhir.Reach, error) { return fhir.Reach{}, nil }

func (door) Behalf(context.Context) (fhir.Behalf, error) { return fhir.Behalf{}, nil }

func (door) Committed([]store.Key)         {}
func (door) Caller(context.Context) string { return "" }

func TestAuthentication(t *testing.T) {
	h := newHandlerOn(t, "memory", fhir.Options{Authorizer: door{}}, rest.Options{Authenticator: door{}})
	put := call(h, http.MethodPut, "/fhir/Patient/a", `{"resourceType":"Patient","id":"a"}`, "Authorization: Bearer good")
	if put.Code != http.StatusCreated {
		t.Fatalf("a write with a token: %d %s", put.Code, put.Body)
	}
	for _, c := range []struct {
		name, method, path, token string
		status                    int
		challenge                 string
	}{
		{"a good token", "GET", "Patient/a", "Bearer good", 200, ""},
		{"no token", "GET", "Patient/a", "", 401, `Bearer realm="fhir"`},
		{"a bad token", "GET", "Patient/a", "Bearer bad", 401, `Bearer error="invalid_token"`},
		{"a token that does not reach so far", "GET", "Claim", "Bearer good", 403, `Bearer error="insufficient_scope"`},
		{"no token on what is not there", "GET", "Patient/b", "", 401, `Bearer realm="fhir"`},
		{"capabilities without a token", "GET", "metadata", "", 200, ""},
		{"capabilities with a bad token", "GET", "metadata", "Bearer bad", 200, ""},
		{"a preflight", "OPTIONS", "Patient/a", "", 204, ""},
	} {
		var headers []string
		if c.token != "" {
			headers = []string{"Authorization: " + c.token}
		}
		answer := call(h, c.method, "/fhir/"+c.path, "", headers...)
		if got := answer.Header().Get("WWW-Authenticate"); answer.Code != c.status || got != c.challenge {
			t.Errorf("%s: got %d %q, want %d %q", c.name, answer.Code, got, c.status, c.challenge)
		}
		if answer.Code == 401 && !strings.Contains(answer.Body.String(), `"code":"login"`) {
			t.Errorf("%s: the body is %s", c.name, answer.Body)
		}
	}
}
