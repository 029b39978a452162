package server

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/smart"
)

// registrationsAMinute is how many apps may register themselves in a minute.
const registrationsAMinute = 30

// pendingLasts is how long an app that registered itself waits for approval, maxRegistration what it may say, in bytes, and
// mostPending how many may wait.
const (
	pendingLasts    = 30 * 24 * time.Hour
	maxRegistration = 32 << 10
	mostPending     = 1000
)

// registered is the answer to a registration: https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
type registered struct {
	ID            string          `json:"client_id"`
	Secret        string          `json:"client_secret,omitempty"`
	Issued        int64           `json:"client_id_issued_at"`
	SecretExpires *int64          `json:"client_secret_expires_at,omitempty"`
	Means         smart.Means     `json:"token_endpoint_auth_method"`
	Name          string          `json:"client_name,omitempty"`
	Redirects     []string        `json:"redirect_uris"`
	GrantTypes    []string        `json:"grant_types"`
	ResponseTypes []string        `json:"response_types"`
	Scope         string          `json:"scope"`
	Contacts      []string        `json:"contacts,omitempty"`
	Website       string          `json:"client_uri,omitempty"`
	Keys          json.RawMessage `json:"jwks,omitempty"`
	KeysURL       string          `json:"jwks_uri,omitempty"`
	Launch        string          `json:"launch_uri,omitempty"`
	Status        smart.State     `json:"status"`
}

// register lets an app register itself. It is of use once an administrator approved it.
func (s *Server) register(c *gin.Context) {
	open(c)
	if wait := s.registrations.wait("all", s.now()); wait > 0 {
		c.Header("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		c.AbortWithStatusJSON(http.StatusTooManyRequests, smart.Error{Code: smart.InvalidRequest, Description: "Too many apps register at once; try again in a minute."})
		return
	}
	s.registrations.failed("all", s.now())
	var r smart.Registration
	body := http.MaxBytesReader(c.Writer, c.Request.Body, maxRegistration)
	text, err := io.ReadAll(body)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		s.refuseApp(c, &smart.Error{Code: smart.InvalidClientMeta, Description: "The body must be a JSON object of client metadata."})
		return
	}
	client, refused := smart.Register(&r, s.now())
	if refused != nil {
		s.refuseApp(c, refused)
		return
	}
	waiting, err := s.vault.listClients(c)
	if err != nil {
		s.failApp(c, err)
		return
	}
	if len(waiting) >= mostPending {
		if n := len(slices.DeleteFunc(waiting, func(c smart.Client) bool { return c.State != smart.Pending })); n >= mostPending {
			c.AbortWithStatusJSON(http.StatusTooManyRequests, smart.Error{Code: smart.InvalidRequest, Description: "Too many apps wait for approval."})
			return
		}
	}
	client.ID = s.token()[:22]
	answer := registered{
		ID: client.ID, Issued: client.Created.Unix(), Means: client.Means, Name: client.Name, Redirects: client.Redirects,
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, Scope: client.Scopes,
		Contacts: client.Contacts, Website: client.Website, Keys: client.Keys, KeysURL: client.KeysURL, Launch: client.Launch, Status: client.State,
	}
	if client.Means == smart.Secret {
		answer.Secret, answer.SecretExpires = s.token(), new(int64)
		client.Secret = randomSecret + hashed(answer.Secret)
	}
	if err := put(c, s.vault.clients, client.ID, client, s.now().Add(pendingLasts), 0); err != nil {
		s.failApp(c, err)
		return
	}
	s.told(c, client.ID, "registered itself")
	unkept(c)
	c.JSON(http.StatusCreated, answer)
}
