package server

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"kiln/auth/smart"
	"kiln/store"
)

// revokeEndpoint ends a token and what belongs to it: https://www.rfc-editor.org/rfc/rfc7009. A refresh token ends with its
// grant; an access token alone.
func (s *Server) revokeEndpoint(c *gin.Context) {
	if !s.readForm(c) {
		return
	}
	client, refused, err := s.authenticated(c)
	if err == nil && refused == nil && client == nil {
		refused = unknownClient
	}
	if err == nil && refused == nil && c.PostForm("token") == "" {
		refused = &smart.Error{Code: smart.InvalidRequest, Description: "token is missing."}
	}
	if err == nil && refused == nil {
		err = s.revokeToken(c, client, hashed(c.PostForm("token")))
	}
	switch {
	case errors.Is(err, errAnswered):
	case err != nil:
		s.failApp(c, err)
	case refused != nil:
		s.refuseApp(c, refused)
	default:
		unkept(c)
		c.Status(http.StatusOK)
	}
}

func (s *Server) revokeToken(c *gin.Context, client *smart.Client, hash string) error {
	id, _, err := get[string](c, s.vault.refreshes, hash)
	if err != nil {
		return err
	}
	if id != nil {
		g, _, err := s.vault.grant(c, *id)
		if err != nil || g == nil || g.Client != client.ID {
			return err
		}
		return s.vault.revoke(c, g)
	}
	token, _, err := get[smart.AccessToken](c, s.vault.tokens, hash)
	if err != nil || token == nil {
		return err
	}
	g, _, err := s.vault.grant(c, token.Grant)
	if err != nil || g != nil && g.Client != client.ID {
		return err
	}
	defer s.vault.changed()
	return s.vault.tokens.Delete(c, hash, store.AnyRevision)
}
