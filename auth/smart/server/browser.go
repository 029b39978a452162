package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
)

// The cookies. With HTTPS their names begin with __Host-, which binds them to this very host:
// https://www.rfc-editor.org/rfc/rfc6265#section-4.1.3 of its successor, draft-ietf-httpbis-rfc6265bis.
const (
	browserCookie = "kiln-browser" // names the browser, so that forms and ceremonies are bound to it
	sessionCookie = "kiln-session" // the token of the session
	browserLasts  = 24 * time.Hour
)

func (s *Server) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *Server) setCookie(c *gin.Context, name, value string, lasts time.Duration) {
	cookie := &http.Cookie{ //nolint:gosec // over HTTP on loopback a cookie cannot be Secure
		Name: s.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: s.secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(lasts.Seconds()),
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Writer, cookie)
}

func (s *Server) cookie(c *gin.Context, name string) string {
	cookie, err := c.Request.Cookie(s.cookieName(name))
	if err != nil || len(cookie.Value) > 100 {
		return ""
	}
	return cookie.Value
}

// browser names the browser, which gets a name with its first page.
func (s *Server) browser(c *gin.Context) string {
	if known := c.GetString(browserCookie); known != "" {
		return known
	}
	name := s.cookie(c, browserCookie)
	if raw, err := base64.RawURLEncoding.DecodeString(name); err != nil || len(raw) != 32 {
		name = s.token()
		s.setCookie(c, browserCookie, name, browserLasts)
	}
	c.Set(browserCookie, name)
	return name
}

// csrf is what every form carries: nobody else's page knows it, since it depends on the browser's cookie and a key.
func (s *Server) csrf(browser string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("form of " + browser))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ownForm reports whether a form was sent from a page of this server in this browser, and otherwise says so.
func (s *Server) ownForm(c *gin.Context) bool {
	if hmac.Equal([]byte(c.PostForm("csrf")), []byte(s.csrf(s.browser(c)))) {
		return true
	}
	s.refuse(c, http.StatusForbidden, "This form is out of date", "Go back, load the page again and send it once more.")
	return false
}

// signedIn is who is signed in, in this browser.
type signedIn struct {
	token   string
	session *account.Session
	account *account.Account
}

// session is who is signed in, or nil.
func (s *Server) session(c *gin.Context) (*signedIn, error) {
	token := s.cookie(c, sessionCookie)
	if token == "" {
		return nil, nil
	}
	session, person, err := s.options.People.Session(c, token)
	if errors.Is(err, account.ErrNoSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &signedIn{token, session, person}, nil
}

// begin signs somebody in, in this browser. The session is a new one, whatever the browser brought.
func (s *Server) begin(c *gin.Context, who *account.SignedIn) error {
	if before, err := s.session(c); err == nil && before != nil {
		if before.account.Name == who.Account.Name {
			_, err := s.options.People.Raise(c, before.token, who)
			return err
		}
		if err := s.options.People.End(c, before.session.ID); err != nil {
			return err
		}
	}
	token, _, err := s.options.People.Begin(c, who)
	if err == nil {
		s.setCookie(c, sessionCookie, token, s.options.SessionLasts)
	}
	return err
}

// local is a path of this server to go on to, or the page of one's own account where it is another's or none.
func local(next string) string {
	if strings.HasPrefix(next, "/auth/") && !strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r == '\\' || r == '"' || r == 0x7f }) && !strings.Contains(next, "//") {
		return next
	}
	return "/auth/manage"
}
