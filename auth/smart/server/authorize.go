package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
	"kiln/auth/policy"
	"kiln/auth/scope"
	"kiln/auth/smart"
	"kiln/store"
)

// authorize takes a request of an app, by GET or by a form of another site, keeps it, and goes on by GET: the cookies of this
// server do not come with what another site posts.
func (s *Server) authorize(c *gin.Context) {
	form := c.Request.URL.Query()
	if c.Request.Method == http.MethodPost {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
		if err := c.Request.ParseForm(); err != nil {
			s.refuse(c, http.StatusBadRequest, "This request cannot be read", "Go back to the app and begin once more.")
			return
		}
		form = c.Request.PostForm
	}
	r, refused := smart.ReadAuthorize(form)
	var client *smart.Client
	var err error
	if refused == nil {
		if client, err = s.vault.client(c, r.ClientID); err != nil {
			s.fail(c, err)
			return
		}
		refused = r.Check(client, s.addresses.Base)
	}
	a := &smart.Authorization{Began: s.now()}
	if refused == nil {
		a.AuthorizeRequest = *r
		refused, err = s.takeLaunch(c, a)
	}
	switch {
	case err != nil:
		s.fail(c, err)
	case refused != nil && refused.Page:
		s.refuse(c, http.StatusBadRequest, "The app cannot be connected", refused.Description)
	case refused != nil:
		c.Redirect(http.StatusSeeOther, r.Refuse(s.options.Issuer, refused))
	default:
		id := s.token()
		if err := put(c, s.vault.requests, hashed(id), a, a.Began.Add(smart.AuthorizationLives), 0); err != nil {
			s.fail(c, err)
			return
		}
		c.Redirect(http.StatusSeeOther, continueAt(id))
	}
}

func continueAt(id string) string { return "/auth/continue?" + url.Values{"request": {id}}.Encode() }

// takeLaunch gives an authorization the launch that its handle stands for.
func (s *Server) takeLaunch(c *gin.Context, a *smart.Authorization) (*smart.Error, error) {
	if a.Launch == "" {
		return nil, nil
	}
	l, err := take[smart.Launch](c, s.vault.launches, hashed(a.Launch))
	if err != nil {
		return nil, err
	}
	a.Launch = ""
	return a.TakeLaunch(l, s.now()), nil
}

// underway is an authorization that a browser goes on with.
type underway struct {
	*smart.Authorization
	id       string
	revision uint64
	client   *smart.Client
	asked    scope.Set
	who      *signedIn
	person   *smart.Person
}

// underway finds the authorization that a page or form names, for this browser, and otherwise says that it is out of date.
func (s *Server) underway(c *gin.Context, id string) *underway {
	stale := func() *underway {
		s.refuse(c, http.StatusBadRequest, "This request is out of date", "Go back to the app and begin once more.")
		return nil
	}
	a, revision, err := get[smart.Authorization](c, s.vault.requests, hashed(id))
	if err != nil {
		s.fail(c, err)
		return nil
	}
	if a == nil {
		return stale()
	}
	u := &underway{Authorization: a, id: id, revision: revision}
	browser := hashed(s.browser(c))
	if a.Browser == "" {
		a.Browser = browser
		if err := s.keep(c, u); err != nil {
			return stale()
		}
	}
	if a.Browser != browser {
		return stale()
	}
	if u.client, err = s.vault.client(c, a.ClientID); err == nil && (u.client == nil || u.client.State != smart.Active) {
		return stale()
	}
	if err == nil {
		u.asked = a.Asked(u.client)
		u.who, err = s.session(c)
	}
	if err == nil && u.who != nil {
		u.person, err = s.personOf(c, u.who)
	}
	if err != nil {
		s.fail(c, err)
		return nil
	}
	return u
}

// keep writes what changed of an authorization.
func (s *Server) keep(c *gin.Context, u *underway) error {
	text := u.Authorization
	if err := put(c, s.vault.requests, hashed(u.id), text, text.Began.Add(smart.AuthorizationLives), u.revision); err != nil {
		return err
	}
	_, revision, err := get[smart.Authorization](c, s.vault.requests, hashed(u.id))
	u.revision = revision
	return err
}

func (s *Server) personOf(c *gin.Context, who *signedIn) (*smart.Person, error) {
	own, err := s.hospital.own(c, who.account.FHIRUser)
	return &smart.Person{
		User: who.account.Name, Rank: who.account.Rank, FHIRUser: who.account.FHIRUser, Level: string(who.session.Level),
		Methods: who.session.Methods, At: who.session.At, Session: who.session.ID, Own: own, Staff: s.chooses(who.account.Rank),
	}, err
}

// chooses reports whether people of a rank choose among the patients that they reach.
func (s *Server) chooses(rank string) bool {
	r := s.options.Policy.Policy().Rank(rank)
	return r != nil && r.Audience != policy.Patients && len(r.Reaches("Patient", scope.Search)) > 0
}

// reaches compares levels of sign-in.
func reaches(level, wanted string) bool { return account.Level(level).Reaches(account.Level(wanted)) }

// goOn does the next step of an authorization.
func (s *Server) goOn(c *gin.Context) {
	if u := s.underway(c, c.Query("request")); u != nil {
		s.step(c, u)
	}
}

func (s *Server) step(c *gin.Context, u *underway) {
	var consented scope.Set
	if u.person != nil && u.client.Assured(u.RedirectURI) {
		text, err := s.vault.consented(c, u.person.User, u.ClientID)
		if err != nil {
			s.fail(c, err)
			return
		}
		consented, _ = scope.Parse(text)
	}
	before := u.Context.Patient
	step := u.Next(u.person, u.asked, consented, reaches, s.now())
	if u.Context.Patient != before {
		if err := s.keep(c, u); err != nil {
			s.fail(c, err)
			return
		}
	}
	if refused := u.Silent(step); refused != nil {
		c.Redirect(http.StatusSeeOther, u.Refuse(s.options.Issuer, refused))
		return
	}
	steps[step](s, c, u)
}

// steps is what each step shows.
var steps = map[smart.Step]func(*Server, *gin.Context, *underway){
	smart.SignIn: func(s *Server, c *gin.Context, u *underway) {
		next := url.Values{"next": {continueAt(u.id)}, "name": {u.LoginHint}}
		if u.person != nil {
			next.Set("name", u.person.User)
			next.Set("again", "1")
		}
		if len(u.ACR) > 0 {
			next.Set("acr", strings.Join(u.ACR, " "))
		}
		c.Redirect(http.StatusSeeOther, "/auth/signin?"+next.Encode())
	},
	smart.WrongUser: func(s *Server, c *gin.Context, _ *underway) {
		s.refuse(c, http.StatusForbidden, "Somebody else is signed in", "The app was started by another person than the one who is signed in here. Sign out and start it again.")
	},
	smart.NoPatient: func(s *Server, c *gin.Context, u *underway) {
		c.Redirect(http.StatusSeeOther, u.Refuse(s.options.Issuer, &smart.Error{Code: smart.AccessDenied, Description: "There is no patient whose record the person may choose."}))
	},
	smart.Pick:    (*Server).showPicker,
	smart.Consent: (*Server).showConsent,
	smart.Issue:   func(s *Server, c *gin.Context, u *underway) { s.issue(c, u, u.asked) },
}

func (s *Server) posted(c *gin.Context) *underway {
	if !s.ownForm(c) {
		return nil
	}
	u := s.underway(c, c.PostForm("request"))
	if u != nil && u.person == nil {
		s.signInAt(c, continueAt(u.id))
		return nil
	}
	return u
}

func (s *Server) dropRequest(c *gin.Context, u *underway) {
	if err := s.vault.requests.Delete(c, hashed(u.id), store.AnyRevision); err != nil {
		s.options.Logger.WarnContext(c, "a request could not be dropped", "error", err)
	}
}

// issue makes the grant and sends the app a code.
func (s *Server) issue(c *gin.Context, u *underway, granted scope.Set) {
	// The request goes first, so that one consent gives one code.
	err := s.vault.requests.Delete(c, hashed(u.id), u.revision)
	if conflicts(err) || errors.Is(err, store.ErrNotFound) {
		s.refuse(c, http.StatusBadRequest, "This request is out of date", "Go back to the app and begin once more.")
		return
	}
	now := s.now()
	g := &smart.Grant{
		ID: s.token()[:22], Client: u.ClientID, User: u.person.User, Epoch: u.who.account.Epoch, FHIRUser: u.person.FHIRUser,
		Session: u.person.Session, Scopes: granted.String(), Context: u.Context, Level: u.person.Level, Methods: u.person.Methods,
		AuthTime: u.person.At, Nonce: u.Nonce, Created: now,
	}
	if !granted.Has("launch/patient") && !granted.Has("launch") && !granted.AnyOf(scope.Patient) {
		g.Context.Patient, g.Context.Banner = "", false
	}
	if err == nil {
		err = s.vault.putGrant(c, g, 0)
	}
	code := s.token()
	if err == nil {
		err = put(c, s.vault.codes, hashed(code), smart.Code{
			Grant: g.ID, Client: g.Client, Redirect: u.RedirectURI, Challenge: u.Challenge, Expires: now.Add(smart.CodeLives),
		}, now.Add(smart.CodeLives+smart.AccessTokenLives), 0)
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	s.told(c, g.User, "connected the app "+g.Client)
	c.Redirect(http.StatusSeeOther, u.Answer(s.options.Issuer, url.Values{"code": {code}}))
}

// leads are the apps to which the form of a page may lead in the end: that of the request to go on with.
func (s *Server) leads(c *gin.Context, next string) []string {
	u, err := url.Parse(next)
	if err != nil || u.Path != "/auth/continue" {
		return nil
	}
	a, _, err := get[smart.Authorization](c, s.vault.requests, hashed(u.Query().Get("request")))
	if err != nil || a == nil {
		return nil
	}
	return []string{a.RedirectURI}
}
