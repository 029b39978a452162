package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth"
	"kiln/auth/account"
	"kiln/auth/policy"
	"kiln/resources/outcome"
)

// Person is an account as administration sees it: without anything secret.
type Person struct {
	Name     string        `json:"name"`
	Title    string        `json:"title,omitempty"`
	Rank     string        `json:"rank"`
	FHIRUser string        `json:"fhirUser,omitempty"`
	Disabled bool          `json:"disabled,omitempty"`
	Level    account.Level `json:"level"`
	Linked   string        `json:"linked,omitempty"` // issuer and subject at an identity provider
	Created  time.Time     `json:"created"`
}

// PersonOf is what administration sees of an account.
func PersonOf(a *account.Account) Person {
	return Person{Name: a.Name, Title: a.Title, Rank: a.Rank, FHIRUser: a.FHIRUser, Disabled: a.Disabled, Level: a.Reach(), Linked: a.Subject, Created: a.Created}
}

// PersonChange is what administration sends: what is not there stays.
type PersonChange struct {
	Name     string  `json:"name,omitempty"` // of a new account
	Title    string  `json:"title,omitempty"`
	FHIRUser string  `json:"fhirUser,omitempty"`
	Rank     *string `json:"rank,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
	Password *string `json:"password,omitempty"`
	Link     *Link   `json:"link,omitempty"`
}

// Link names a person at an identity provider; without both it ends the link.
type Link struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// Named is how accounts keep it.
func (l *Link) Named() string {
	if l.Issuer == "" || l.Subject == "" {
		return ""
	}
	return account.SubjectOf(l.Issuer, l.Subject)
}

// administrator lets through who has a power and signed in strongly and freshly enough for it, by a token.
func (s *Server) administrator(power policy.Power) gin.HandlerFunc {
	return func(c *gin.Context) {
		p, err := s.Principal(c.Request)
		if err == nil {
			err = s.options.Policy.Policy().Require(p, power, s.options.Now())
		}
		if err != nil {
			s.answerAdmin(c, err)
			return
		}
		c.Set("principal", p)
	}
}

func problem(c *gin.Context, status int, text string) {
	c.Header("Cache-Control", "no-store")
	c.AbortWithStatusJSON(status, gin.H{"problem": text})
}

func (s *Server) listPeople(c *gin.Context) {
	all, err := s.options.People.List(c)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	people := make([]Person, len(all))
	for i := range all {
		people[i] = PersonOf(&all[i])
	}
	c.JSON(http.StatusOK, people)
}

func (s *Server) addPerson(c *gin.Context) {
	var change PersonChange
	if !readJSON(c, &change) {
		return
	}
	if err := s.add(c, principal(c), change); err != nil {
		s.answerAdmin(c, err)
		return
	}
	s.answerPerson(c, http.StatusCreated, change.Name)
}

// add makes an account, if who asks may give its rank.
func (s *Server) add(ctx context.Context, by *auth.Principal, change PersonChange) error {
	rank, password := "", ""
	if change.Rank != nil {
		rank = *change.Rank
	}
	if change.Password != nil {
		password = *change.Password
	}
	if err := s.unclaimed(ctx, change.FHIRUser); err != nil {
		return err
	}
	if err := s.mayGive(ctx, by, fmt.Sprintf("add %q %q %q %q", change.Name, rank, change.FHIRUser, change.Title), password, rank); err != nil {
		return err
	}
	err := s.options.People.Add(ctx, account.Account{Name: change.Name, Title: change.Title, Rank: rank, FHIRUser: change.FHIRUser}, password)
	if err == nil {
		s.told(ctx, by.User, "added the account "+change.Name)
	}
	return err
}

// unclaimed refuses a resource that stands for somebody else already.
func (s *Server) unclaimed(ctx context.Context, fhirUser string) error {
	if fhirUser == "" {
		return nil
	}
	all, err := s.options.People.List(ctx)
	if i := slices.IndexFunc(all, func(a account.Account) bool { return a.FHIRUser == fhirUser }); err == nil && i >= 0 {
		return &refusal{http.StatusConflict, "There is another account for " + fhirUser + ", which is " + all[i].Name + "."}
	}
	return err
}

// act names a change, so that two persons can mean the same.
func (c *PersonChange) act(a *account.Account) string {
	act := "change " + a.Name
	if c.Rank != nil {
		act += " rank " + *c.Rank
	}
	if c.Disabled != nil {
		act += fmt.Sprint(" disabled ", *c.Disabled)
	}
	if c.Password != nil {
		act += " password"
	}
	if c.Link != nil {
		act += " link " + c.Link.Named()
	}
	return act
}

// empties reports whether a change would leave nobody of the highest rank who can sign in.
func (s *Server) empties(ctx context.Context, a *account.Account, change PersonChange) (bool, error) {
	p := s.options.Policy.Policy()
	leaves := change.Disabled != nil && *change.Disabled || change.Rank != nil && *change.Rank != a.Rank
	if !leaves || a.Disabled || p.Rank(a.Rank) == nil || !p.Highest(a.Rank) {
		return false, nil
	}
	all, err := s.options.People.List(ctx)
	return !slices.ContainsFunc(all, func(other account.Account) bool {
		return other.Name != a.Name && other.Rank == a.Rank && !other.Disabled
	}), err
}

func (s *Server) changePerson(c *gin.Context) {
	var change PersonChange
	if !readJSON(c, &change) {
		return
	}
	name := c.Param("name")
	if err := s.change(c, principal(c), name, change); err != nil {
		s.answerAdmin(c, err)
		return
	}
	s.answerPerson(c, http.StatusOK, name)
}

// change changes what is given, the rank first: who may not give it changes nothing.
func (s *Server) change(ctx context.Context, by *auth.Principal, name string, change PersonChange) error {
	a, err := s.options.People.Get(ctx, name)
	if err != nil {
		return err
	}
	if by.User == a.Name {
		return &refusal{http.StatusForbidden, "Nobody changes their own account here; another administrator does."}
	}
	ranks := []string{a.Rank}
	if change.Rank != nil {
		ranks = append(ranks, *change.Rank)
	}
	password := ""
	if change.Password != nil {
		password = *change.Password
	}
	if err := s.mayGive(ctx, by, change.act(a), password, ranks...); err != nil {
		return err
	}
	if empties, err := s.empties(ctx, a, change); err != nil || empties {
		return cmp.Or(err, account.ErrLast)
	}
	if change.Rank != nil {
		err = s.options.People.SetRank(ctx, name, *change.Rank)
	}
	if err == nil && change.Disabled != nil {
		err = s.options.People.SetDisabled(ctx, name, *change.Disabled)
	}
	if err == nil && change.Password != nil {
		err = s.options.People.SetPassword(ctx, name, *change.Password)
	}
	if err == nil && change.Link != nil {
		err = s.options.People.Link(ctx, name, change.Link.Named())
	}
	if err == nil {
		s.told(ctx, by.User, "changed the account "+name)
	}
	return err
}

func principal(c *gin.Context) *auth.Principal {
	p, _ := c.Get("principal")
	return p.(*auth.Principal)
}

// refusal is an act of administration that was not done, and why.
type refusal struct {
	status int
	text   string
}

// Error is the sentence.
func (r *refusal) Error() string { return r.text }

// mayGive refuses where somebody may not give or take a rank. Where it takes two persons, the first who asks for an act is
// noted, and a second who asks for the same within a day does it.
func (s *Server) mayGive(ctx context.Context, by *auth.Principal, act, password string, ranks ...string) error {
	persons := 1
	for _, rank := range ranks {
		if s.options.Policy.Policy().Rank(rank) == nil {
			return &refusal{http.StatusUnprocessableEntity, "There is no rank of that name in the policy."}
		}
		takes := s.options.Policy.Policy().Assign(by.Rank, rank)
		if takes == 0 {
			return &refusal{http.StatusForbidden, "Your rank may not give, take or change the rank " + rank + "."}
		}
		persons = max(persons, takes)
	}
	if persons == 1 {
		return nil
	}
	if password != "" { // which one of the two would know
		return &refusal{http.StatusUnprocessableEntity, "What takes two persons sets no password: leave it out, and invite whom it is for to choose one."}
	}
	return s.second(ctx, by, act)
}

// secondWithin is how long an act waits for a second person.
const secondWithin = 24 * time.Hour

// asker is who asked for an act first.
type asker struct {
	User, Rank string
	Epoch      uint64
}

func (s *Server) still(ctx context.Context, first *asker) (bool, error) {
	a, err := s.options.People.Get(ctx, first.User)
	if errors.Is(err, account.ErrUnknown) {
		return false, nil
	}
	return err == nil && !a.Disabled && a.Rank == first.Rank && a.Epoch == first.Epoch, err
}

// second refuses until another person asked for the act before, and notes who did.
func (s *Server) second(ctx context.Context, by *auth.Principal, act string) error {
	first, revision, err := get[asker](ctx, s.vault.acts, hashed(act))
	counts := false
	if err == nil && first != nil && first.User != by.User {
		// Who asked first must still be who they were then.
		counts, err = s.still(ctx, first)
	}
	switch {
	case err != nil:
	case counts:
		if err = s.vault.acts.Delete(ctx, hashed(act), revision); err == nil {
			return nil
		}
	default:
		var a *account.Account
		if a, err = s.options.People.Get(ctx, by.User); err == nil {
			err = put(ctx, s.vault.acts, hashed(act), asker{a.Name, a.Rank, a.Epoch}, s.now().Add(secondWithin), revision)
		}
	}
	if err != nil && !conflicts(err) {
		return err
	}
	s.told(ctx, by.User, "asked for an act that takes two")
	return &refusal{http.StatusAccepted, "This takes two persons. It is noted; another one with the power must ask for the same within a day."}
}

func (s *Server) answerPerson(c *gin.Context, status int, name string) {
	a, err := s.options.People.Get(c, name)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	c.JSON(status, PersonOf(a))
}

// adminStatus is what became of an act of administration.
var adminStatus = []struct {
	err    error
	status int
}{
	{account.ErrUnknown, http.StatusNotFound},
	{account.ErrExists, http.StatusConflict},
	{account.ErrLinked, http.StatusConflict},
	{account.ErrLast, http.StatusConflict},
}

var adminCodes = map[outcome.Code]int{outcome.Login: http.StatusUnauthorized, outcome.Forbidden: http.StatusForbidden}

func (s *Server) answerAdmin(c *gin.Context, err error) {
	var not *refusal
	if errors.As(err, &not) {
		problem(c, not.status, not.text)
		return
	}
	var refused *outcome.Error
	if errors.As(err, &refused) {
		var challenge *auth.Challenge
		if errors.As(err, &challenge) {
			c.Header("WWW-Authenticate", challenge.WWWAuthenticate())
		}
		problem(c, adminCodes[refused.Code()], refused.Issues[0].Diagnostics)
		return
	}
	var invalid *account.InvalidError
	if errors.As(err, &invalid) {
		problem(c, http.StatusUnprocessableEntity, "This cannot be: "+invalid.Error()+".")
		return
	}
	for _, known := range adminStatus {
		if errors.Is(err, known.err) {
			problem(c, known.status, known.err.Error())
			return
		}
	}
	s.options.Logger.ErrorContext(c, "administration failed", "error", err)
	problem(c, http.StatusInternalServerError, "The server failed to handle this.")
}
