package auth

import (
	"context"
	"sync"
	"time"

	"kiln/auth/scope"
)

// Principal is who asks: a person through an app, a person at Kiln's own pages, or a backend service on its own.
// It is made for one request from what is kept of a token, and not changed after.
type Principal struct {
	// User is the account of the person; "" for a backend service.
	User string
	// Rank names the person's set of powers in the policy; "" for a backend service.
	Rank string
	// FHIRUser is the person as a resource, such as Practitioner/ward-1; "" where there is none.
	FHIRUser string
	// Client is the app. "" for a person at Kiln's own pages, whom no scope limits.
	Client string
	// Scopes are what was granted to the app.
	Scopes scope.Set
	// Patient is the id of the patient in context, to whom patient/ scopes are bound; "" where there is none.
	Patient string
	// Grant is the approval that the token stems from; all its tokens end together.
	Grant string
	// Session is the sign-in the grant was made in; "" for a backend service.
	Session string
	// TokenID names the token in the audit log. It is not the token.
	TokenID string
	// ACR and AMR tell how, and AuthTime when, the person signed in
	// (https://openid.net/specs/openid-connect-core-1_0.html#IDToken).
	ACR      string
	AMR      []string
	AuthTime time.Time
	// Expires is the end of the token.
	Expires time.Time

	itself bool
}

// Itself is the server at work of its own accord: it reads who acts for whom, and stores what it must. Nothing that a
// request brings becomes it.
func Itself() *Principal { return &Principal{Client: "kiln", itself: true} }

// Itself reports whether it is the server.
func (p *Principal) Itself() bool { return p.itself }

// Backend reports whether no person stands behind the request.
func (p *Principal) Backend() bool { return p.User == "" && !p.itself }

type contextKey struct{}

// asked is a principal with what is worked out for the request.
type asked struct {
	principal *Principal
	memo      sync.Map
}

// NewContext is a context of one request by p.
func NewContext(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, &asked{principal: p})
}

// FromContext is who asks, or nil where nobody said who they are.
func FromContext(ctx context.Context) *Principal {
	if a, ok := ctx.Value(contextKey{}).(*asked); ok {
		return a.principal
	}
	return nil
}

// Memo is for what is worked out once a request and holds until its end; nil where nobody said who they are.
func Memo(ctx context.Context) *sync.Map {
	if a, ok := ctx.Value(contextKey{}).(*asked); ok {
		return &a.memo
	}
	return nil
}
