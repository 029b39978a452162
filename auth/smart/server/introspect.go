package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
	"kiln/auth/smart"
)

// introspect tells of a token: https://www.rfc-editor.org/rfc/rfc7662
func (s *Server) introspect(c *gin.Context) {
	if !s.readForm(c) {
		return
	}
	allowed, refused, err := s.mayIntrospect(c)
	if errors.Is(err, errAnswered) {
		return
	}
	if err != nil {
		s.failApp(c, err)
		return
	}
	if refused == nil && !allowed {
		refused = unknownClient
	}
	if refused != nil {
		s.refuseApp(c, refused)
		return
	}
	token, g, err := s.active(c, hashed(c.PostForm("token")))
	if err != nil {
		s.failApp(c, err)
		return
	}
	unkept(c)
	c.JSON(http.StatusOK, smart.Introspect(g, token, s.addresses))
}

// mayIntrospect lets in clients that authenticate, and who brings a bearer token that is active.
func (s *Server) mayIntrospect(c *gin.Context) (bool, *smart.Error, error) {
	if bearer, ok := bearerOf(c.Request); ok {
		token, _, err := s.active(c, hashed(bearer))
		return token != nil, nil, err
	}
	client, refused, err := s.authenticated(c)
	return client != nil && client.Means != smart.Public, refused, err
}

// active is an access token with its grant; nil where it has ended, was revoked, or never was.
func (s *Server) active(c context.Context, hash string) (*smart.AccessToken, *smart.Grant, error) {
	token, _, err := get[smart.AccessToken](c, s.vault.tokens, hash)
	if err != nil || token == nil || !s.now().Before(token.Expires) {
		return nil, nil, err
	}
	g, _, err := s.vault.grant(c, token.Grant)
	if err != nil || g == nil {
		return nil, nil, err
	}
	client, err := s.vault.client(c, g.Client)
	if err != nil || client == nil || client.State != smart.Active {
		return nil, nil, err
	}
	if g.User != "" {
		if _, err := s.options.People.Living(c, g.User, g.Epoch); errors.Is(err, account.ErrNoSession) {
			return nil, nil, nil
		} else if err != nil {
			return nil, nil, err
		}
		if g.Refreshes() && !g.Offline() { // it ends with the session: also before it is refreshed
			if _, _, err := s.options.People.SessionByID(c, g.Session); errors.Is(err, account.ErrNoSession) {
				return nil, nil, nil
			} else if err != nil {
				return nil, nil, err
			}
		}
	}
	return token, g, nil
}
