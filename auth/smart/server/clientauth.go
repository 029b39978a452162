package server

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
	"kiln/auth/smart"
)

// failuresAMinute is how often the authentication of one client may fail in a minute.
const failuresAMinute = 300

// readForm reads the form of an app, and otherwise answers.
func (s *Server) readForm(c *gin.Context) bool {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
	if err := c.Request.ParseForm(); err != nil || c.ContentType() != "application/x-www-form-urlencoded" {
		s.refuseApp(c, &smart.Error{Code: smart.InvalidRequest, Description: "The body must be a form (application/x-www-form-urlencoded)."})
		return false
	}
	for name, values := range c.Request.PostForm {
		if len(values) > 1 {
			s.refuseApp(c, &smart.Error{Code: smart.InvalidRequest, Description: "The parameter " + strconv.Quote(clip(name)) + " is there twice."})
			return false
		}
	}
	return true
}

func clip(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}

// statusOf is the status of a refusal: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
func statusOf(e *smart.Error) int {
	if e.Code == smart.InvalidClient {
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// refuseApp answers an app with a refusal.
func (s *Server) refuseApp(c *gin.Context, e *smart.Error) {
	unkept(c)
	if e.Code == smart.InvalidClient {
		c.Header("WWW-Authenticate", `Basic realm="token"`)
	}
	c.AbortWithStatusJSON(statusOf(e), e)
}

// failApp answers an app where the server is at fault.
func (s *Server) failApp(c *gin.Context, err error) {
	s.options.Logger.ErrorContext(c, "request of an app failed", "path", c.FullPath(), "error", err)
	unkept(c)
	c.AbortWithStatusJSON(http.StatusInternalServerError, smart.Error{Code: "server_error", Description: "The server failed to handle this."})
}

// unkept keeps answers with secrets out of caches: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
func unkept(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("Pragma", "no-cache")
	c.Header("X-Content-Type-Options", "nosniff")
}

// credentials are what a client brings to say who it is.
type credentials struct {
	id, secret    string
	plain         [2]string // id and secret of Basic as they came, not decoded
	basic, posted bool
	assertion     string
}

func readCredentials(r *http.Request) (credentials, *smart.Error) {
	form := r.PostForm
	k := credentials{id: form.Get("client_id"), secret: form.Get("client_secret"), assertion: form.Get("client_assertion")}
	k.posted = form.Has("client_secret")
	if id, secret, ok := r.BasicAuth(); ok {
		k.basic, k.plain = true, [2]string{id, secret}
		// https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 wants both encoded as in a form; many clients do not.
		k.id, k.secret = decoded(id), decoded(secret)
	}
	kind := form.Get("client_assertion_type")
	switch {
	case (k.assertion != "" || kind != "") && kind != smart.AssertionType:
		return k, &smart.Error{Code: smart.InvalidClient, Description: "client_assertion_type must be " + smart.AssertionType + "."}
	case k.basic && (k.posted || k.assertion != ""), k.posted && k.assertion != "":
		return k, &smart.Error{Code: smart.InvalidRequest, Description: "The client authenticates in two ways at once."}
	case form.Has("client_id") && k.basic && form.Get("client_id") != k.id && form.Get("client_id") != k.plain[0]:
		return k, &smart.Error{Code: smart.InvalidRequest, Description: "The client says two client ids."}
	}
	return k, nil
}

func decoded(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// authenticated is the client that a request is from; nil where it does not say so at all. A client without means is just named.
func (s *Server) authenticated(c *gin.Context) (*smart.Client, *smart.Error, error) {
	k, refused := readCredentials(c.Request)
	if refused != nil {
		return nil, refused, nil
	}
	var assertion *smart.Assertion
	if k.assertion != "" {
		if assertion, refused = smart.ReadAssertion(k.assertion); refused != nil {
			return nil, refused, nil
		}
		if k.id != "" && k.id != assertion.ClientID() {
			return nil, &smart.Error{Code: smart.InvalidClient, Description: "client_id is not the iss of client_assertion."}, nil
		}
		k.id = assertion.ClientID()
	}
	if k.id == "" {
		return nil, nil, nil
	}
	if len(k.id) > maxClientID {
		return nil, unknownClient, nil
	}
	if wait := s.failures.wait(k.id, s.now()); wait > 0 {
		c.Header("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		unkept(c)
		c.AbortWithStatusJSON(http.StatusTooManyRequests, smart.Error{Code: smart.InvalidClient, Description: "Too many attempts failed."})
		return nil, nil, errAnswered
	}
	client, err := s.vault.client(c, k.id)
	if err == nil && client == nil && k.basic {
		client, err = s.vault.client(c, k.plain[0])
	}
	if err != nil {
		return nil, nil, err
	}
	if client == nil || client.State != smart.Active {
		s.failures.failed(k.id, s.now())
		return nil, unknownClient, nil
	}
	if refused, err = s.proven(c, client, k, assertion); refused != nil {
		s.failures.failed(k.id, s.now())
	} else {
		s.failures.forgive(k.id)
	}
	return client, refused, err
}

// maxClientID bounds what is looked for and counted: no client has a longer id.
const maxClientID = 200

var unknownClient = &smart.Error{Code: smart.InvalidClient, Description: "The client is unknown, or did not prove who it is."}

// proven checks what a client brings against what it registered.
func (s *Server) proven(ctx context.Context, client *smart.Client, k credentials, assertion *smart.Assertion) (*smart.Error, error) {
	switch client.Means {
	case smart.Public:
		if k.secret != "" || assertion != nil {
			return unknownClient, nil
		}
		return nil, nil
	case smart.Secret:
		if secretFits(client.Secret, k.secret) || k.basic && secretFits(client.Secret, k.plain[1]) {
			return nil, nil
		}
		return unknownClient, nil
	}
	if assertion == nil {
		return unknownClient, nil
	}
	return s.provenByKey(ctx, client, assertion)
}

// Forms of the hashes of secrets: those that the server made are random.
const randomSecret = "sha256:"

func secretFits(hash, secret string) bool {
	if secret == "" {
		return false
	}
	if sum, random := strings.CutPrefix(hash, randomSecret); random {
		return subtle.ConstantTimeCompare([]byte(sum), []byte(hashed(secret))) == 1
	}
	return account.MatchesSecret(hash, secret)
}

// provenByKey checks a client_assertion. Keys at a URL are read again if they do not have the one it names.
func (s *Server) provenByKey(ctx context.Context, client *smart.Client, assertion *smart.Assertion) (*smart.Error, error) {
	audiences := []string{s.options.Issuer + smart.PathToken, s.options.Issuer + smart.PathIntrospect, s.options.Issuer + smart.PathRevoke}
	keys, fresh := client.Keys, true
	if client.KeysURL != "" {
		var err error
		if keys, fresh, err = s.keys.get(ctx, client, s.now(), false); err != nil {
			return &smart.Error{Code: smart.InvalidClient, Description: "The client's keys could not be read from its jwks_uri."}, nil
		}
	}
	refused := assertion.Check(client, keys, audiences, s.now())
	if refused != nil && !fresh {
		if again, _, err := s.keys.get(ctx, client, s.now(), true); err == nil {
			refused = assertion.Check(client, again, audiences, s.now())
		}
	}
	if refused != nil {
		return refused, nil
	}
	jti, expires := assertion.ID()
	first, err := s.vault.first(ctx, client.ID, jti, expires.Add(time.Minute))
	if err == nil && !first {
		refused = &smart.Error{Code: smart.InvalidClient, Description: "client_assertion has a jti that was used before."}
	}
	return refused, err
}
