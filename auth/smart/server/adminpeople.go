package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth"
	"kiln/auth/account"
)

// Powers of administration, as the policy names them.
const (
	PowerUsers   = "users"   // people: add, list, disable, password, rank
	PowerClients = "clients" // apps: add, list, approve, disable
)

// Ranks is what the policy says of ranks.
type Ranks interface {
	// Staff reports whether people of a rank work here, and so may choose among the patients they reach.
	Staff(rank string) bool
	// Known reports whether there is such a rank.
	Known(rank string) bool
	// Has reports whether a rank has a power.
	Has(rank, power string) bool
	// MayGrant reports whether one rank may give, take and change accounts of another.
	MayGrant(by, rank string) bool
	// StepUp says how strong (one of the levels) and how fresh a sign-in a power needs; no level and 0 for any.
	StepUp(power string) (levels []string, maxAge time.Duration)
}

// Person is an account as administration sees it: without anything secret.
type Person struct {
	Name     string        `json:"name"`
	Title    string        `json:"title,omitempty"`
	Rank     string        `json:"rank"`
	FHIRUser string        `json:"fhirUser,omitempty"`
	Disabled bool          `json:"disabled,omitempty"`
	Level    account.Level `json:"level"`
	Created  time.Time     `json:"created"`
}

// PersonOf is what administration sees of an account.
func PersonOf(a *account.Account) Person {
	return Person{Name: a.Name, Title: a.Title, Rank: a.Rank, FHIRUser: a.FHIRUser, Disabled: a.Disabled, Level: a.Reach(), Created: a.Created}
}

// PersonChange is what administration sends: what is not there stays.
type PersonChange struct {
	Name     string  `json:"name,omitempty"` // of a new account
	Title    string  `json:"title,omitempty"`
	FHIRUser string  `json:"fhirUser,omitempty"`
	Rank     *string `json:"rank,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
	Password *string `json:"password,omitempty"`
}

// administrator lets through who has a power and signed in strongly and freshly enough for it: by a token, or at the pages.
func (s *Server) administrator(power string) gin.HandlerFunc {
	return func(c *gin.Context) {
		p, err := s.Principal(c.Request)
		if err == nil && p == nil {
			err = auth.NoToken()
		}
		if err == nil && (p.Rank == "" || !s.options.Ranks.Has(p.Rank, power)) {
			problem(c, http.StatusForbidden, "Your rank does not have the power "+power+".")
			return
		}
		if err == nil {
			levels, maxAge := s.options.Ranks.StepUp(power)
			if !strongEnough(p, levels, maxAge, s.options.Now()) {
				err = auth.StepUp(levels, maxAge)
			}
		}
		var challenge *auth.Challenge
		switch {
		case errors.As(err, &challenge):
			c.Header("WWW-Authenticate", challenge.WWWAuthenticate())
			problem(c, http.StatusUnauthorized, err.Error())
		case err != nil:
			s.options.Logger.ErrorContext(c, "administration failed", "error", err)
			problem(c, http.StatusInternalServerError, "The server failed to handle this.")
		default:
			c.Set("principal", p)
		}
	}
}

func strongEnough(p *auth.Principal, levels []string, maxAge time.Duration, now time.Time) bool {
	if maxAge > 0 && now.Sub(p.AuthTime) > maxAge {
		return false
	}
	for _, level := range levels {
		if account.Level(p.ACR).Reaches(account.Level(level)) {
			return true
		}
	}
	return len(levels) == 0
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
	rank, password := "", ""
	if change.Rank != nil {
		rank = *change.Rank
	}
	if change.Password != nil {
		password = *change.Password
	}
	if !s.mayGrant(c, rank) {
		return
	}
	err := s.options.People.Add(c, account.Account{Name: change.Name, Title: change.Title, Rank: rank, FHIRUser: change.FHIRUser}, password)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	s.told(c, change.Name, "was added")
	s.answerPerson(c, http.StatusCreated, change.Name)
}

// changePerson changes what is sent, the rank first: who may not give it changes nothing.
func (s *Server) changePerson(c *gin.Context) {
	var change PersonChange
	if !readJSON(c, &change) {
		return
	}
	name := c.Param("name")
	a, err := s.options.People.Get(c, name)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	if !s.mayGrant(c, a.Rank) || change.Rank != nil && !s.mayGrant(c, *change.Rank) {
		return
	}
	if principal(c).User == a.Name {
		problem(c, http.StatusForbidden, "Nobody changes their own account here; another administrator does.")
		return
	}
	if change.Rank != nil {
		err = s.options.People.SetRank(c, name, *change.Rank)
	}
	if err == nil && change.Disabled != nil {
		err = s.options.People.SetDisabled(c, name, *change.Disabled)
	}
	if err == nil && change.Password != nil {
		err = s.options.People.SetPassword(c, name, *change.Password)
	}
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	s.told(c, name, "was changed")
	s.answerPerson(c, http.StatusOK, name)
}

func principal(c *gin.Context) *auth.Principal {
	p, _ := c.Get("principal")
	return p.(*auth.Principal)
}

// mayGrant reports whether who asks may give a rank, and otherwise says so.
func (s *Server) mayGrant(c *gin.Context, rank string) bool {
	switch {
	case !s.options.Ranks.Known(rank):
		problem(c, http.StatusUnprocessableEntity, "There is no such rank in the policy.")
	case !s.options.Ranks.MayGrant(principal(c).Rank, rank):
		problem(c, http.StatusForbidden, "Your rank may not give or change the rank "+rank+".")
	default:
		return true
	}
	return false
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
	{account.ErrLast, http.StatusConflict},
}

func (s *Server) answerAdmin(c *gin.Context, err error) {
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
