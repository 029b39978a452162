package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth"
	"kiln/auth/account"
	"kiln/auth/scope"
	"kiln/auth/smart"
)

// App is a client as administration sees it: without its secret.
type App struct {
	ID        string          `json:"client_id"`
	Name      string          `json:"name,omitempty"`
	Means     smart.Means     `json:"means"`
	State     smart.State     `json:"state"`
	Redirects []string        `json:"redirect_uris,omitempty"`
	Launch    string          `json:"launch_uri,omitempty"`
	Scopes    string          `json:"scope,omitempty"`
	Backend   bool            `json:"backend,omitempty"`
	Keys      json.RawMessage `json:"jwks,omitempty"`
	KeysURL   string          `json:"jwks_uri,omitempty"`
	Created   time.Time       `json:"created"`
}

// AppOf is what administration sees of a client.
func AppOf(c *smart.Client) App {
	return App{
		ID: c.ID, Name: c.Name, Means: c.Means, State: c.State, Redirects: c.Redirects, Launch: c.Launch, Scopes: c.Scopes,
		Backend: c.Backend, Keys: c.Keys, KeysURL: c.KeysURL, Created: c.Created,
	}
}

// AppChange is what administration sends of a new app, or, with State alone, of one that is there.
type AppChange struct {
	App
	Secret    string `json:"secret,omitempty"`
	LocalKeys bool   `json:"-"`
}

// Client makes a client of it. The error tells all that is wrong.
func (a *AppChange) Client(now time.Time) (*smart.Client, error) {
	c := &smart.Client{
		ID: a.ID, Name: a.Name, Means: a.Means, State: smart.Active, Redirects: a.Redirects, Launch: a.Launch, Scopes: a.Scopes,
		Backend: a.Backend, KeysURL: a.KeysURL, LocalKeys: a.LocalKeys, Created: now.UTC().Truncate(time.Millisecond),
	}
	if len(a.Keys) > 0 {
		public, err := smart.PublicKeys(a.Keys)
		if err != nil {
			return nil, &account.InvalidError{Problems: []string{"the keys are not a JWK Set"}}
		}
		c.Keys = public
	}
	wrong := []string{}
	if a.Secret != "" {
		if len(a.Secret) < 16 {
			wrong = append(wrong, "the secret must have 16 characters or more")
		}
		c.Secret = account.HashSecret(a.Secret)
	}
	if wrong = append(wrong, c.Check()...); len(wrong) > 0 {
		return nil, &account.InvalidError{Problems: wrong}
	}
	return c, nil
}

func (s *Server) listApps(c *gin.Context) {
	clients, err := s.vault.listClients(c)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	apps := make([]App, len(clients))
	for i := range clients {
		apps[i] = AppOf(&clients[i])
	}
	c.JSON(http.StatusOK, apps)
}

func (s *Server) addApp(c *gin.Context) {
	var change AppChange
	if !readJSON(c, &change) {
		return
	}
	client, err := change.Client(s.now())
	if err == nil {
		err = s.mayAddApp(c, principal(c), client, change.Secret)
	}
	if err == nil {
		err = AddClient(c, s.options.Records, client)
	}
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	s.told(c, principal(c).User, "added the app "+client.ID)
	c.JSON(http.StatusCreated, AppOf(client))
}

// mayAddApp asks for a second person where an app reaches records in nobody's name: who manages apps reaches none of their own.
func (s *Server) mayAddApp(ctx context.Context, by *auth.Principal, client *smart.Client, secret string) error {
	asked, _ := scope.Parse(client.Scopes)
	if !client.Backend && !asked.AnyOf(scope.System) {
		return nil
	}
	same := *client
	same.Created, same.Secret = time.Time{}, ""
	if secret != "" {
		same.Secret = hashed(secret)
	}
	text, err := json.Marshal(same) //nolint:gosec // of the secret it has a hash, and it is hashed itself
	if err != nil {
		return err
	}
	return s.second(ctx, by, "add app "+string(text))
}

// changeApp approves or suspends; suspending ends what was issued.
func (s *Server) changeApp(c *gin.Context) {
	var change struct {
		State smart.State `json:"state"`
	}
	if !readJSON(c, &change) {
		return
	}
	client, err := s.setApp(c, principal(c).User, c.Param("id"), change.State)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	c.JSON(http.StatusOK, AppOf(client))
}

func (s *Server) setApp(ctx context.Context, by, id string, state smart.State) (*smart.Client, error) {
	client, err := SetClientState(ctx, s.options.Records, id, state)
	if err == nil && state != smart.Active {
		err = s.vault.revokeClient(ctx, client.ID)
	}
	s.vault.changed()
	if err == nil {
		s.told(ctx, by, "made the app "+client.ID+" "+string(state))
	}
	return client, err
}
