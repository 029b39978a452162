package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"kiln/auth/account"
	"kiln/store"
)

// Federation is a hospital's own OpenID provider, by which its people sign in
// (https://openid.net/specs/openid-connect-core-1_0.html).
type Federation struct {
	Name         string // in addresses, such as hospital
	Title        string // on the button
	Issuer       string
	ClientID     string
	ClientSecret string
	Scopes       []string // besides openid and profile
	// UserClaim names the claim with the name of the account; default: sub. An account must be there, with this
	// provider's subject or none yet, unless Ranks makes one.
	UserClaim string
	// RankClaim names the claim, a text or a list, in which Ranks looks up the rank: the first match of the list. With
	// a rank found, a missing account is made and an existing one gets the rank.
	RankClaim string
	Ranks     map[string]string
	// FHIRUserClaim names the claim with the person as a resource; default: fhirUser.
	FHIRUserClaim string
	// Level is how strong a sign-in there counts, where its amr claim does not say mfa. Default: pwd.
	Level account.Level
}

// provider is a federation on the sign-in page.
type provider struct{ Name, Title string }

func (s *Server) providers() []provider {
	list := make([]provider, len(s.options.Federations))
	for i, f := range s.options.Federations {
		list[i] = provider{f.Name, f.Title}
	}
	return list
}

// federations are the providers whose discovery document was read, by name.
type federations struct {
	mutex sync.Mutex
	found map[string]*oidc.Provider
}

const federationTime = 10 * time.Second

// relying is what a sign-in at a provider needs. Its discovery document is read at the first, so that the server starts
// without the provider.
func (s *Server) relying(ctx context.Context, name string) (*Federation, *oidc.Provider, *oauth2.Config, error) {
	i := slices.IndexFunc(s.options.Federations, func(f Federation) bool { return f.Name == name })
	if i < 0 {
		return nil, nil, nil, errNoFederation
	}
	f := &s.options.Federations[i]
	s.federations.mutex.Lock()
	p := s.federations.found[name]
	s.federations.mutex.Unlock()
	if p == nil {
		var err error
		// The provider keeps the context for reading its keys later, so that it must not end with the request.
		if p, err = oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), federationClient), f.Issuer); err != nil {
			return nil, nil, nil, err
		}
		s.federations.mutex.Lock()
		s.federations.found[name] = p
		s.federations.mutex.Unlock()
	}
	return f, p, &oauth2.Config{
		ClientID: f.ClientID, ClientSecret: f.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: s.options.Issuer + "/auth/federation/" + f.Name + "/callback",
		Scopes:      append([]string{oidc.ScopeOpenID, "profile"}, f.Scopes...),
	}, nil
}

var (
	errNoFederation  = errors.New("there is no such provider")
	federationClient = &http.Client{Timeout: federationTime}
)

// away is what is kept while a person signs in at a provider.
type away struct {
	Browser, Nonce, Verifier, Next, Name string
}

const awayTime = 10 * time.Minute

func (s *Server) postFederation(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	_, _, config, err := s.relying(c, c.Param("name"))
	if err != nil {
		s.federationDown(c, err)
		return
	}
	state, verifier := s.token(), oauth2.GenerateVerifier()
	kept, err := json.Marshal(away{Browser: hashed(s.browser(c)), Nonce: s.token(), Verifier: verifier, Next: local(c.PostForm("next")), Name: c.Param("name")})
	if err == nil {
		_, err = s.away.Put(c, hashed(state), kept, s.options.Now().Add(awayTime), 0)
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	var a away
	_ = json.Unmarshal(kept, &a)
	c.Redirect(http.StatusSeeOther, config.AuthCodeURL(state, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(verifier)))
}

func (s *Server) federationDown(c *gin.Context, err error) {
	if errors.Is(err, errNoFederation) {
		s.refuse(c, http.StatusNotFound, "There is no such provider", "Go back and choose another way to sign in.")
		return
	}
	s.options.Logger.WarnContext(c, "an identity provider did not answer", "provider", c.Param("name"), "error", err)
	s.refuse(c, http.StatusBadGateway, "The provider does not answer", "Try again in a moment, or sign in another way.")
}

func (s *Server) getFederationCallback(c *gin.Context) {
	record, err := s.away.Get(c, hashed(c.Query("state")))
	var a away
	if err == nil {
		err = errors.Join(json.Unmarshal(record.Value, &a), s.away.Delete(c, record.Key, record.Revision))
	}
	var conflict *store.ConflictError
	switch {
	case errors.Is(err, store.ErrNotFound), errors.As(err, &conflict), err == nil && (a.Browser != hashed(s.browser(c)) || a.Name != c.Param("name")):
		s.refuse(c, http.StatusBadRequest, "This sign-in is out of date", "Go back to where you came from and begin once more.")
		return
	case err != nil:
		s.fail(c, err)
		return
	}
	f, p, config, err := s.relying(c, a.Name)
	if err != nil {
		s.federationDown(c, err)
		return
	}
	who, err := s.vouched(c, f, p, config, a, c.Query("code"))
	if err != nil {
		s.options.Logger.WarnContext(c, "a sign-in at an identity provider did not count", "provider", f.Name, "error", err)
		s.refuse(c, http.StatusForbidden, "You are not known here", "The provider vouched for nobody who has an account here. Ask an administrator.")
		return
	}
	s.enter(c, who, a.Next)
}

// vouched is the account of the person whom a code of the provider stands for.
func (s *Server) vouched(c *gin.Context, f *Federation, p *oidc.Provider, config *oauth2.Config, a away, code string) (*account.SignedIn, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(c, federationClient), federationTime)
	defer cancel()
	tokens, err := config.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return nil, errors.New("the code was not taken")
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := p.Verifier(&oidc.Config{ClientID: f.ClientID, Now: s.options.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if token.Nonce != a.Nonce {
		return nil, errors.New("the nonce is another")
	}
	claims := map[string]json.RawMessage{}
	if err := token.Claims(&claims); err != nil {
		return nil, err
	}
	person, err := s.federated(ctx, f, token.Issuer+" "+token.Subject, claims)
	if err != nil {
		return nil, err
	}
	level, methods := f.Level, texts(claims["amr"])
	if level == "" {
		level = account.PasswordOnly
	}
	if slices.Contains(methods, "mfa") && !level.Reaches(account.TwoFactors) {
		level = account.TwoFactors
	}
	return &account.SignedIn{Account: person, Level: level, Methods: append(methods, "fed"), At: s.options.Now().UTC()}, nil
}

// federated finds, makes or brings up to date the account of a subject.
func (s *Server) federated(ctx context.Context, f *Federation, subject string, claims map[string]json.RawMessage) (*account.Account, error) {
	name := first(texts(claims[or(f.UserClaim, "sub")]))
	rank := ""
	for _, value := range texts(claims[f.RankClaim]) {
		if rank == "" {
			rank = f.Ranks[value]
		}
	}
	fhirUser := first(texts(claims[or(f.FHIRUserClaim, "fhirUser")]))
	if i := strings.LastIndex(fhirUser, "/fhir/"); i >= 0 {
		fhirUser = fhirUser[i+len("/fhir/"):]
	}
	_, err := s.options.People.Get(ctx, name)
	if errors.Is(err, account.ErrUnknown) && rank != "" {
		err = s.options.People.Add(ctx, account.Account{Name: name, Rank: rank, FHIRUser: fhirUser, Subject: subject}, "")
	} else if err == nil {
		err = s.options.People.Change(ctx, name, func(a *account.Account) error {
			if a.Subject == "" && a.Password != "" || a.Subject != "" && a.Subject != subject || a.Disabled {
				return account.ErrWrong // somebody else's, or one that signs in here alone
			}
			a.Subject = subject
			if rank != "" && a.Rank != rank {
				a.Rank = rank
				a.Epoch++
			}
			return nil
		})
	}
	if err != nil {
		return nil, err
	}
	person, err := s.options.People.Get(ctx, name)
	if err == nil && person.Disabled {
		err = account.ErrWrong
	}
	return person, err
}

// texts reads a claim that is a text or a list of texts.
func texts(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var many []string
	_ = json.Unmarshal(raw, &many)
	return many
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
