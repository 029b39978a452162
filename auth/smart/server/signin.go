package server

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
	"kiln/auth/federation"
)

// signInPage is what the sign-in shows.
type signInPage struct {
	Next, Name, Problem string
	Again               bool // the person is signed in, but not freshly or strongly enough
	CodeAsked           bool
	ACR                 string // that an app asks for
	Providers           []federation.Button
}

// signInAt leads to the sign-in, and from there on to a path.
func (s *Server) signInAt(c *gin.Context, next string) {
	c.Redirect(http.StatusSeeOther, "/auth/signin?"+url.Values{"next": {next}}.Encode())
	c.Abort()
}

func (s *Server) getSignIn(c *gin.Context) {
	data := signInPage{Next: local(c.Query("next")), Name: c.Query("name"), Again: c.Query("again") != "", ACR: c.Query("acr"), Providers: s.options.Providers.Buttons()}
	s.showSignIn(c, http.StatusOK, data)
}

func (s *Server) showSignIn(c *gin.Context, status int, data signInPage) {
	s.show(c, page{name: "signin", status: status, title: "Sign in", data: data, script: true, leads: s.leads(c, data.Next)})
}

func (s *Server) postSignIn(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	data := signInPage{Next: local(c.PostForm("next")), Name: c.PostForm("username"), ACR: c.PostForm("acr"), Providers: s.options.Providers.Buttons()}
	who, err := s.options.People.SignIn(c, data.Name, c.PostForm("password"), c.PostForm("otp"))
	var locked *account.LockedError
	switch {
	case err == nil:
		s.enter(c, who, data.Next)
	case errors.As(err, &locked):
		wait := max(time.Second, locked.Until.Sub(s.options.Now()))
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		data.Problem = "Too many attempts failed. Try again in " + wait.Round(time.Second).String() + ", use a passkey, or ask an administrator for a new password."
		s.told(c, s.called(c, data.Name), "locked")
		s.showSignIn(c, http.StatusTooManyRequests, data)
	case errors.Is(err, account.ErrCodeNeeded):
		data.Problem, data.CodeAsked = "Type the code that your authenticator app shows, and your password again.", true
		s.showSignIn(c, http.StatusOK, data)
	case errors.Is(err, account.ErrWrong):
		data.Problem = "The name, password or code is wrong."
		s.told(c, s.called(c, data.Name), "refused")
		s.showSignIn(c, http.StatusUnauthorized, data)
	default:
		s.fail(c, err)
	}
}

// called is the name of an account, for the audit log: what else is typed there may be a password.
func (s *Server) called(ctx context.Context, name string) string {
	if a, err := s.options.People.Get(ctx, name); err == nil {
		return a.Name
	}
	return "a name that is not known"
}

// enter begins a session and goes on.
func (s *Server) enter(c *gin.Context, who *account.SignedIn, next string) {
	if err := s.begin(c, who); err != nil {
		s.fail(c, err)
		return
	}
	s.told(c, who.Account.Name, "signed in")
	c.Redirect(http.StatusSeeOther, next)
}

// Passkeys need a script; these are its two requests for signing in.

func (s *Server) askPasskey(c *gin.Context) {
	options, err := s.passkeys.Ask(c, s.browser(c))
	s.answerCeremony(c, options, err)
}

func (s *Server) usePasskey(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
	who, err := s.passkeys.SignIn(c, s.browser(c), c.Request)
	if err == nil {
		err = s.begin(c, who)
	}
	if err == nil {
		s.told(c, who.Account.Name, "signed in")
	}
	body, wrong := json.Marshal(map[string]string{"next": local(c.Query("next"))})
	s.answerCeremony(c, body, errors.Join(err, wrong))
}

// answerCeremony answers passkey.js.
func (s *Server) answerCeremony(c *gin.Context, body []byte, err error) {
	c.Header("Cache-Control", "no-store")
	switch {
	case err == nil:
		c.Data(http.StatusOK, "application/json", body)
	case errors.Is(err, account.ErrWrong), errors.Is(err, account.ErrUnknown):
		c.Data(http.StatusUnauthorized, "application/json", []byte(`{"problem":"That passkey is not known here."}`))
	default:
		s.options.Logger.ErrorContext(c, "a passkey could not be used", "error", err)
		c.Data(http.StatusInternalServerError, "application/json", []byte(`{"problem":"The server failed to handle this."}`))
	}
}
