package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
	"kiln/auth/federation"
)

// away is what is kept while a person signs in at a provider.
type away struct {
	Name, Issuer, Browser, Next string
	State                       string `json:"-"` // kept as a hash alone, which names the record
	Nonce, Verifier             string
	Again                       bool
	Link                        string // the account that is to be linked, by whom is signed in to it
	Began                       time.Time
}

const awayTime = 10 * time.Minute

// postFederation sends a person to a provider: to sign in, or to link the account that they are signed in to.
func (s *Server) postFederation(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	a := away{Name: c.Param("name"), Browser: hashed(s.browser(c)), Next: local(c.PostForm("next")), State: s.token(), Nonce: s.token(), Verifier: s.token(), Began: s.now()}
	if c.PostForm("do") == "link" {
		who := s.person(c, true)
		if who == nil {
			return
		}
		a.Link = who.account.Name
	}
	before, err := s.session(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	// Who is signed in and comes to the sign-in needs a fresher or stronger one.
	a.Again = before != nil
	address, issuer, err := s.options.Providers.Begin(c, a.Name, federation.Asked{
		State: a.State, Nonce: a.Nonce, Verifier: a.Verifier, Again: a.Again, Levels: levels(c.PostForm("acr")),
	})
	if err != nil {
		s.federationFailed(c, a.Name, err)
		return
	}
	a.Issuer = issuer
	if err := put(c, s.away, hashed(a.State), a, s.now().Add(awayTime), 0); err != nil {
		s.fail(c, err)
		return
	}
	s.goTo(c, address)
}

// levels are those that an app asked for.
func levels(text string) []account.Level {
	var list []account.Level
	for name := range strings.FieldsSeq(text) {
		if level := account.Level(name); slices.Contains(account.Levels(), level) && len(list) < len(account.Levels()) {
			list = append(list, level)
		}
	}
	return list
}

// goTo leads to another site from a form. Browsers hold form-action against all redirects after a form, and where a provider
// leads on to is not known here, so that a page of its own goes on.
func (s *Server) goTo(c *gin.Context, address string) {
	c.Header("Refresh", "0; url="+address)
	s.show(c, page{name: "away", title: "One moment", data: struct{ Address string }{address}})
}

func (s *Server) getFederationCallback(c *gin.Context) {
	a, err := take[away](c, s.away, hashed(c.Query("state")))
	switch {
	case err != nil:
		s.fail(c, err)
		return
	case a == nil, a.Browser != hashed(s.browser(c)), a.Name != c.Param("name"), s.issuerOf(a.Name) != a.Issuer:
		s.refuse(c, http.StatusBadRequest, "This sign-in is out of date", "Go back to where you came from and begin once more.")
		return
	}
	who, err := s.options.Providers.Finish(c, a.Name, federation.Answer{
		Code: c.Query("code"), Error: c.Query("error"), Issuer: c.Query("iss"),
		Asked: federation.Asked{Nonce: a.Nonce, Verifier: a.Verifier, Again: a.Again},
	}, a.Began)
	if err == nil && a.Link != "" {
		s.link(c, a, who)
		return
	}
	var person *account.Account
	if err == nil {
		person, err = s.federated(c, a.Name, who)
	}
	if err != nil {
		if who != nil {
			s.told(c, clip(who.Name), "refused")
		}
		s.federationFailed(c, a.Name, err)
		return
	}
	s.enter(c, &account.SignedIn{Account: person, Level: who.Level, Methods: who.Methods, At: who.At.UTC()}, a.Next)
}

func (s *Server) issuerOf(name string) string {
	p, _ := s.options.Providers.Get(name)
	return p.Issuer
}

// federationFailed says in a sentence why nobody is signed in, and nothing of what happened between the servers.
func (s *Server) federationFailed(c *gin.Context, name string, err error) {
	var refusal *federation.Refusal
	var invalid *account.InvalidError
	switch {
	case errors.Is(err, federation.ErrUnknown):
		s.refuse(c, http.StatusNotFound, "There is no such provider", "Go back and choose another way to sign in.")
		return
	case errors.Is(err, federation.ErrDown):
		s.refuse(c, http.StatusBadGateway, "The provider does not answer", "Try again in a moment, or sign in another way.")
	case errors.As(err, &refusal):
		s.refuse(c, http.StatusForbidden, "You are not signed in", refusal.Text)
	case errors.As(err, &invalid):
		err = errors.New("the claims make no account") // what is wrong may name the person
		s.refuse(c, http.StatusForbidden, "You are not signed in", "What your provider says of you makes no account here. Ask an administrator.")
	default:
		s.fail(c, err)
		return
	}
	s.options.Logger.WarnContext(c, "a sign-in at an identity provider did not count", "provider", name, "error", err)
}

// Why a person whom a provider vouches for does not come in.
var (
	errNotLinked = &federation.Refusal{Text: "No account here is linked to yours at the provider. If you have one, sign in to it another way and link it on the page of your own account; otherwise ask an administrator."}
	errDisabled  = &federation.Refusal{Text: "Your account here is disabled. Ask an administrator."}
	errNoRank    = &federation.Refusal{Text: "Your provider no longer gives you a role that is known here. Ask an administrator."}
	errTaken     = &federation.Refusal{Text: "Another account here is linked to that person at the provider."}
	errNotYou    = &federation.Refusal{Text: "The account was not linked, since you are not signed in to it any more. Sign in and begin once more."}
)

// federated is the account of an identity: the one that is linked to it, or a new one where the file says so.
func (s *Server) federated(ctx context.Context, name string, who *federation.Identity) (*account.Account, error) {
	p, there := s.options.Providers.Get(name)
	if !there {
		return nil, federation.ErrUnknown
	}
	if who.Rank != "" && s.options.Policy.Policy().Rank(who.Rank) == nil {
		who.Rank = "" // the policy changed since the file was read
	}
	a, err := s.options.People.Vouched(ctx, who.Subject)
	if errors.Is(err, account.ErrUnknown) {
		a, err = s.newcomer(ctx, p, who)
	}
	if err == nil && a.Disabled {
		err = errDisabled
	}
	if err == nil && a.Provided && len(p.Ranks) > 0 {
		a, err = s.follow(ctx, p, a, who)
	}
	return a, err
}

// newcomer links or makes an account at the first sign-in, as far as the file lets it.
func (s *Server) newcomer(ctx context.Context, p federation.Provider, who *federation.Identity) (*account.Account, error) {
	a, err := s.options.People.Get(ctx, who.Name)
	switch {
	case err == nil && p.LinkByName && !a.Local() && a.Subject == "" && !a.Disabled:
		if err = s.options.People.Link(ctx, a.Name, who.Subject); err == nil {
			s.told(ctx, a.Name, "was linked to the identity provider "+p.Name)
		}
	case err == nil:
		return nil, errNotLinked
	case !errors.Is(err, account.ErrUnknown):
		return nil, err
	case p.NoNewAccounts, who.Rank == "":
		return nil, errNotLinked
	default:
		err = s.options.People.Add(ctx, account.Account{Name: who.Name, Rank: who.Rank, FHIRUser: who.FHIRUser, Subject: who.Subject, Provided: true}, "")
		if err == nil {
			s.told(ctx, who.Name, "was added as "+who.Rank+" by the identity provider "+p.Name)
		}
	}
	if err != nil && !errors.Is(err, account.ErrExists) && !errors.Is(err, account.ErrLinked) {
		return nil, err
	}
	// Another request of the same person may have been first.
	if a, err = s.options.People.Vouched(ctx, who.Subject); errors.Is(err, account.ErrUnknown) {
		return nil, errNotLinked
	}
	return a, err
}

// follow gives an account that a provider made the rank of the moment, and the record. Where there is no rank any more, what
// was issued ends.
func (s *Server) follow(ctx context.Context, p federation.Provider, a *account.Account, who *federation.Identity) (*account.Account, error) {
	same := a.Rank == who.Rank && (a.FHIRUser == who.FHIRUser || p.FHIRUserClaim == "")
	if same {
		return a, nil
	}
	err := s.options.People.Change(ctx, a.Name, func(a *account.Account) error {
		a.Epoch++
		if who.Rank == "" {
			return nil
		}
		a.Rank = who.Rank
		if p.FHIRUserClaim != "" {
			a.FHIRUser = who.FHIRUser
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case who.Rank == "":
		s.told(ctx, a.Name, "has no rank any more by the identity provider "+p.Name)
		return nil, errNoRank
	}
	s.told(ctx, a.Name, "is "+who.Rank+" by the identity provider "+p.Name)
	return s.options.People.Get(ctx, a.Name)
}

// link ties the account that a person is signed in to, to an identity.
func (s *Server) link(c *gin.Context, a *away, who *federation.Identity) {
	person, err := s.session(c)
	if err == nil && (person == nil || person.account.Name != a.Link) {
		err = errNotYou
	}
	if err == nil {
		err = s.options.People.Link(c, a.Link, who.Subject)
	}
	if errors.Is(err, account.ErrLinked) {
		err = errTaken
	}
	if err != nil {
		s.federationFailed(c, a.Name, err)
		return
	}
	s.told(c, a.Link, "was linked to the identity provider "+a.Name)
	if err := s.renew(c, person, person.session.Level, person.session.Methods); err != nil {
		s.fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/auth/person?"+url.Values{"linked": {"1"}}.Encode())
}
