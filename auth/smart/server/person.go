package server

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
	"kiln/auth/federation"
	"kiln/auth/policy"
)

// freshly is how old a sign-in may be for a change to one's own means of signing in.
const freshly = 10 * time.Minute

// person is who is signed in, freshly if that is asked for; others are led to the sign-in.
func (s *Server) person(c *gin.Context, fresh bool) *signedIn {
	who, err := s.session(c)
	switch {
	case err != nil:
		s.fail(c, err)
		return nil
	case who == nil, fresh && s.options.Now().Sub(who.session.At) > freshly:
		next := "/auth/person"
		if c.Request.Method == http.MethodGet {
			next = c.Request.URL.Path
		}
		if who != nil {
			next += "&again=1"
		}
		c.Redirect(http.StatusSeeOther, "/auth/signin?next="+next)
		c.Abort()
		return nil
	}
	return who
}

// personPage is a person's own means of signing in.
type personPage struct {
	Account  *account.Account
	Ends     time.Time
	Problem  string
	Said     string
	Secret   string // of one-time codes that are offered
	URL      string
	Recovery []string
	Passkeys []passkeyRow
	// Powers of administration, which have pages of their own.
	Users, Clients, Audit bool
	Providers             []federation.Button
}

type passkeyRow struct{ ID, Name string }

func (s *Server) getPerson(c *gin.Context) {
	if who := s.person(c, false); who != nil {
		s.showPerson(c, who, http.StatusOK, personPage{})
	}
}

func (s *Server) showPerson(c *gin.Context, who *signedIn, status int, data personPage) {
	data.Account, data.Ends, data.Providers = who.account, s.options.People.Ends(who.session), s.options.Providers.Buttons()
	if data.Said == "" && c.Query("linked") != "" && who.account.Subject != "" {
		data.Said = "The account is linked to your identity provider. All other sessions and apps are signed out."
	}
	rank := s.options.Policy.Policy().Rank(who.account.Rank)
	data.Users, data.Clients, data.Audit = rank.Has(policy.Users), rank.Has(policy.Clients), rank.Has(policy.Audit)
	for _, k := range who.account.Passkeys {
		id := base64.RawURLEncoding.EncodeToString(k.ID)
		data.Passkeys = append(data.Passkeys, passkeyRow{ID: id, Name: "Passkey " + id[:min(8, len(id))]})
	}
	s.show(c, page{name: "person", status: status, title: "Signing in", data: data, script: true})
}

// postPerson makes the change that a button names.
func (s *Server) postPerson(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	who := s.person(c, true)
	if who == nil {
		return
	}
	change := personChanges[c.PostForm("do")]
	if change == nil {
		s.refuse(c, http.StatusBadRequest, "Nothing was changed", "The form did not say what to do.")
		return
	}
	var data personPage
	err := change(s, c, who, &data)
	status := http.StatusOK
	var invalid *account.InvalidError
	var locked *account.LockedError
	switch {
	case errors.As(err, &invalid):
		data.Problem, status = "This cannot be: "+invalid.Error()+".", http.StatusUnprocessableEntity
	case errors.As(err, &locked):
		data.Problem, status = "Too many attempts failed. Wait a little.", http.StatusTooManyRequests
	case errors.Is(err, account.ErrWrong):
		data.Problem, status = "The password or code is wrong.", http.StatusUnauthorized
	case err != nil:
		s.fail(c, err)
		return
	}
	if c.IsAborted() {
		return
	}
	if who.account, err = s.options.People.Get(c, who.account.Name); err != nil {
		s.fail(c, err)
		return
	}
	s.showPerson(c, who, status, data)
}

// personChanges are what the buttons of the page do. A change of means ends all sessions: the person stays in a new one.
var personChanges = map[string]func(s *Server, c *gin.Context, who *signedIn, data *personPage) error{
	"password": func(s *Server, c *gin.Context, who *signedIn, data *personPage) error {
		signed, err := s.options.People.SignIn(c, who.account.Name, c.PostForm("password"), c.PostForm("otp"))
		if errors.Is(err, account.ErrCodeNeeded) {
			err = account.ErrWrong
		}
		if err == nil {
			err = s.options.People.SetPassword(c, who.account.Name, c.PostForm("new-password"))
		}
		if err == nil {
			data.Said = "The password was changed. All other sessions and apps are signed out."
			err = s.renew(c, who, signed.Level, signed.Methods)
		}
		return err
	},
	"code-offer": func(s *Server, c *gin.Context, who *signedIn, data *personPage) (err error) {
		data.URL, data.Secret, err = s.options.People.OfferCode(c, who.account.Name)
		return err
	},
	"code-confirm": func(s *Server, c *gin.Context, who *signedIn, data *personPage) (err error) {
		if data.Recovery, err = s.options.People.ConfirmCode(c, who.account.Name, c.PostForm("otp")); err != nil {
			return err
		}
		data.Said = "One-time codes are on. Keep these recovery codes: each replaces one code, once."
		return s.renew(c, who, account.TwoFactors, []string{"pwd", "otp", "mfa"})
	},
	"code-remove": func(s *Server, c *gin.Context, who *signedIn, data *personPage) error {
		if err := s.options.People.RemoveCode(c, who.account.Name); err != nil {
			return err
		}
		data.Said = "One-time codes are off."
		return s.renew(c, who, account.PasswordOnly, []string{"pwd"})
	},
	"unlink": func(s *Server, c *gin.Context, who *signedIn, data *personPage) error {
		if !who.account.Local() {
			return &account.InvalidError{Problems: []string{"without a password or a passkey the account can be reached by the identity provider alone"}}
		}
		if err := s.options.People.Link(c, who.account.Name, ""); err != nil {
			return err
		}
		data.Said = "The account is not linked to an identity provider any more."
		return s.renew(c, who, who.session.Level, who.session.Methods)
	},
	"passkey-remove": func(s *Server, c *gin.Context, who *signedIn, data *personPage) error {
		id, err := base64.RawURLEncoding.DecodeString(c.PostForm("passkey"))
		if err == nil && s.passkeys != nil {
			err = s.passkeys.Remove(c, who.account.Name, id)
		}
		if err == nil {
			data.Said = "The passkey was removed."
			err = s.renew(c, who, who.session.Level, who.session.Methods)
		}
		return err
	},
}

// renew signs a person in anew whose sessions ended by their own change.
func (s *Server) renew(c *gin.Context, who *signedIn, level account.Level, methods []string) error {
	a, err := s.options.People.Get(c, who.account.Name)
	if err != nil {
		return err
	}
	token, session, err := s.options.People.Begin(c, &account.SignedIn{Account: a, Level: level, Methods: methods, At: s.options.Now()})
	if err == nil {
		who.token, who.session = token, session
		s.setCookie(c, sessionCookie, token, s.options.SessionLasts)
	}
	return err
}

// The two requests of passkey.js for a new passkey.

func (s *Server) offerPasskey(c *gin.Context) {
	if who := s.person(c, true); who != nil {
		options, err := s.passkeys.Offer(c, who.account.Name)
		s.answerCeremony(c, options, err)
	}
}

func (s *Server) addPasskey(c *gin.Context) {
	if who := s.person(c, true); who != nil {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
		s.answerCeremony(c, []byte(`{}`), s.passkeys.Confirm(c, who.account.Name, c.Request))
	}
}

// ownScript lets in what passkey.js sends: the page's token in a header, which no other site can set.
func (s *Server) ownScript(c *gin.Context) {
	if c.GetHeader("X-CSRF") == "" || c.GetHeader("X-CSRF") != s.csrf(s.browser(c)) || !strings.HasPrefix(c.ContentType(), "application/json") {
		c.Header("Cache-Control", "no-store")
		c.AbortWithStatusJSON(http.StatusForbidden, gin.H{"problem": "This page is out of date; load it again."})
	}
}
