package server

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
	"kiln/auth/scope"
	"kiln/auth/smart"
	"kiln/store"
)

var errAnswered = errors.New("the request is answered")

// grantTypes is what the token endpoint does for each grant type.
var grantTypes = map[string]func(*Server, *gin.Context, *smart.Client) (*smart.TokenAnswer, *smart.Error, error){
	"authorization_code": (*Server).redeem,
	"refresh_token":      (*Server).refresh,
	"client_credentials": (*Server).backend,
}

// token is the token endpoint: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
func (s *Server) tokenEndpoint(c *gin.Context) {
	if !s.readForm(c) {
		return
	}
	kind := c.PostForm("grant_type")
	act := grantTypes[kind]
	if act == nil {
		s.refuseApp(c, &smart.Error{Code: smart.UnsupportedGrant, Description: "grant_type must be authorization_code, refresh_token or client_credentials."})
		return
	}
	client, refused, err := s.authenticated(c)
	if err == nil && refused == nil && client == nil && kind != "refresh_token" {
		refused = unknownClient
	}
	var answer *smart.TokenAnswer
	if err == nil && refused == nil {
		answer, refused, err = act(s, c, client)
	}
	name := "a client that is not known" // what was sent is anybody's to choose
	if client != nil {
		name = client.ID
	}
	switch {
	case errors.Is(err, errAnswered):
	case err != nil:
		s.failApp(c, err)
	case refused != nil:
		s.told(c, name, "was refused a token: "+refused.Code)
		s.refuseApp(c, refused)
	default:
		unkept(c)
		c.JSON(http.StatusOK, answer)
	}
}

// redeem gives tokens for a code.
func (s *Server) redeem(c *gin.Context, client *smart.Client) (*smart.TokenAnswer, *smart.Error, error) {
	code, err := s.vault.redeem(c, hashed(c.PostForm("code")))
	if err != nil {
		return nil, nil, err
	}
	revoke, refused := code.Redeem(client, c.PostForm("redirect_uri"), c.PostForm("code_verifier"), s.now())
	var g *smart.Grant
	var revision uint64
	if code != nil {
		if g, revision, err = s.vault.grant(c, code.Grant); err != nil {
			return nil, nil, err
		}
	}
	if revoke && g != nil {
		err = s.vault.revoke(c, g)
	}
	if refused != nil || err != nil {
		return nil, refused, err
	}
	if gone, err := s.gone(c, g); gone != nil || err != nil {
		return nil, gone, err
	}
	return s.issueTokens(c, client, g, revision, g.Granted(), true)
}

// gone refuses where what a grant stands on has ended: its person's account changed, or was closed.
func (s *Server) gone(c *gin.Context, g *smart.Grant) (*smart.Error, error) {
	ended := &smart.Error{Code: smart.InvalidGrant, Description: "What the person allowed has ended."}
	if g == nil {
		return ended, nil
	}
	if g.User == "" {
		return nil, nil
	}
	_, err := s.options.People.Living(c, g.User, g.Epoch)
	if err == nil && g.Refreshes() && !g.Offline() {
		_, _, err = s.options.People.SessionByID(c, g.Session)
	}
	if errors.Is(err, account.ErrNoSession) {
		return ended, nil
	}
	return nil, err
}

// issueTokens makes an access token, and where the grant allows it a refresh token in the place of the one before.
func (s *Server) issueTokens(c *gin.Context, client *smart.Client, g *smart.Grant, revision uint64, scopes scope.Set, first bool) (*smart.TokenAnswer, *smart.Error, error) {
	now := s.now()
	lives := min(s.options.AccessTokenLives, smart.AccessTokenLives)
	if g.User == "" {
		lives = min(lives, smart.BackendTokenLives)
	}
	answer := g.Answer(scopes, s.options.Issuer+smart.PathStyle)
	answer.AccessToken, answer.ExpiresIn = s.token(), int(lives.Seconds())
	if g.User != "" && g.Refreshes() {
		answer.RefreshToken = s.token()
		g.Before, g.Refresh, g.Rotated = g.Refresh, hashed(answer.RefreshToken), now
		if err := put(c, s.vault.refreshes, g.Refresh, g.ID, now.Add(smart.RefreshLives), 0); err != nil {
			return nil, nil, err
		}
		err := s.vault.putGrant(c, g, revision)
		if conflicts(err) { // it was refreshed, or revoked, at the same moment
			return nil, &smart.Error{Code: smart.InvalidGrant, Description: "The grant changed at the same moment; try again."}, nil
		}
		if err == nil {
			_, err = s.vault.granted.Put(c, grantedKey(g.User, g.ID), []byte(g.Client), g.Ends(), store.AnyRevision)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if first {
		var err error
		if answer.IDToken, err = s.signed(c, g); err != nil {
			return nil, nil, err
		}
	}
	err := put(c, s.vault.tokens, hashed(answer.AccessToken), smart.AccessToken{
		ID: s.token()[:16], Grant: g.ID, Scopes: scopes.String(), Issued: now, Expires: now.Add(lives),
	}, now.Add(lives), 0)
	s.told(c, client.ID, "was given a token")
	return &answer, nil, err
}

// refresh gives tokens for a refresh token. A public client need not say who it is: the token tells, and is replaced.
func (s *Server) refresh(c *gin.Context, client *smart.Client) (*smart.TokenAnswer, *smart.Error, error) {
	hash := hashed(c.PostForm("refresh_token"))
	id, _, err := get[string](c, s.vault.refreshes, hash)
	if err != nil {
		return nil, nil, err
	}
	var g *smart.Grant
	var revision uint64
	if id != nil {
		if g, revision, err = s.vault.grant(c, *id); err != nil {
			return nil, nil, err
		}
	}
	if client == nil {
		if g == nil {
			return nil, &smart.Error{Code: smart.InvalidGrant, Description: "The refresh token is unknown, was revoked or replaced."}, nil
		}
		if client, err = s.vault.client(c, g.Client); err != nil {
			return nil, nil, err
		}
		if client == nil || client.Means != smart.Public || client.State != smart.Active {
			return nil, unknownClient, nil
		}
	}
	refreshed, refused := g.TryRefresh(client, hash, c.PostForm("scope"), s.now())
	if refreshed.Revoke {
		err = s.vault.revoke(c, g)
	}
	if refused != nil || err != nil {
		return nil, refused, err
	}
	if gone, err := s.gone(c, g); gone != nil || err != nil {
		return nil, gone, err
	}
	return s.issueTokens(c, client, g, revision, refreshed.Scopes, true)
}

// backend gives a backend service a token: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
func (s *Server) backend(c *gin.Context, client *smart.Client) (*smart.TokenAnswer, *smart.Error, error) {
	if client.Means != smart.Key {
		return nil, &smart.Error{Code: smart.UnauthorizedClient, Description: "client_credentials is for clients that authenticate by private_key_jwt."}, nil
	}
	scopes, refused := client.BackendScopes(c.PostForm("scope"))
	if refused != nil {
		return nil, refused, nil
	}
	g := &smart.Grant{ID: s.token()[:22], Client: client.ID, Scopes: scopes.String(), Created: s.now()}
	if err := s.vault.putGrant(c, g, 0); err != nil {
		return nil, nil, err
	}
	return s.issueTokens(c, client, g, 0, scopes, false)
}
