package server

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"kiln/auth"
	"kiln/auth/account"
	"kiln/auth/scope"
	"kiln/auth/smart"
)

// bearerOf is the token of a request: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
func bearerOf(r *http.Request) (string, bool) {
	header := r.Header["Authorization"]
	if len(header) != 1 || len(header[0]) < 7 || !strings.EqualFold(header[0][:7], "bearer ") {
		return "", false
	}
	return strings.TrimSpace(header[0][7:]), true
}

// Authenticate implements rest.Authenticator.
func (s *Server) Authenticate(r *http.Request) (context.Context, error) {
	p, err := s.Principal(r)
	if err != nil || p == nil {
		return r.Context(), err
	}
	return auth.NewContext(r.Context(), p), nil
}

// Principal is who makes a request, by its bearer token; nil where it has none. Errors: *outcome.Error (401) for a token
// that does not count; those of the store.
func (s *Server) Principal(r *http.Request) (*auth.Principal, error) {
	if r.Header["Authorization"] == nil {
		return nil, nil
	}
	bearer, ok := bearerOf(r)
	if !ok || bearer == "" || len(bearer) > 200 {
		return nil, auth.BadToken()
	}
	hash := hashed(bearer)
	changes := s.vault.changes.Load()
	if p := s.known.get(hash, changes, s.now()); p != nil {
		return p, nil
	}
	token, g, err := s.active(r.Context(), hash)
	if err != nil {
		return nil, err
	}
	if token == nil {
		return nil, auth.BadToken()
	}
	p, err := s.principal(r.Context(), g, token)
	if err == nil && p == nil {
		err = auth.BadToken()
	}
	if err == nil && !s.options.Shared && (!g.Refreshes() || g.Offline()) { // others end with a session, which ends by the clock
		s.known.put(hash, changes, p)
	}
	return p, err
}

// principal makes of a grant who asks. The rank is that of the account now.
func (s *Server) principal(ctx context.Context, g *smart.Grant, token *smart.AccessToken) (*auth.Principal, error) {
	scopes, _ := scope.Parse(token.Scopes)
	p := &auth.Principal{
		Client: g.Client, Scopes: scopes, Patient: g.Context.Patient, Grant: g.ID, Session: g.Session, TokenID: token.ID,
		ACR: g.Level, AMR: g.Methods, AuthTime: g.AuthTime, Expires: token.Expires,
	}
	if g.User == "" {
		return p, nil
	}
	a, err := s.options.People.Living(ctx, g.User, g.Epoch)
	if err != nil {
		return nil, err
	}
	p.User, p.Rank, p.FHIRUser = a.Name, a.Rank, a.FHIRUser
	return p, nil
}

// pagePrincipal is a person at the pages of this server itself.
func pagePrincipal(who *signedIn) *auth.Principal {
	return pageOf(who.account, who.session)
}

func pageOf(a *account.Account, session *account.Session) *auth.Principal {
	return &auth.Principal{
		User: a.Name, Rank: a.Rank, FHIRUser: a.FHIRUser, Session: session.ID, ACR: string(session.Level), AMR: session.Methods,
		AuthTime: session.At,
	}
}

// remembered are principals of tokens, by the hash of the token, as long as nothing ended in this process. Where other
// processes may end things too, nothing is remembered.
type remembered struct {
	mutex   sync.RWMutex
	changes uint64
	by      map[string]*auth.Principal
}

const rememberedMost = 20_000

func (m *remembered) get(hash string, changes uint64, now time.Time) *auth.Principal {
	m.mutex.RLock()
	defer m.mutex.RUnlock()
	if m.changes != changes {
		return nil
	}
	if p := m.by[hash]; p != nil && now.Before(p.Expires) {
		return p
	}
	return nil
}

// put remembers what was found while so many changes had been.
func (m *remembered) put(hash string, changes uint64, p *auth.Principal) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.changes != changes || len(m.by) >= rememberedMost || m.by == nil {
		if m.changes > changes {
			return
		}
		m.changes, m.by = changes, map[string]*auth.Principal{}
	}
	m.by[hash] = p
}
