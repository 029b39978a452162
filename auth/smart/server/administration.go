package server

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth"
	"kiln/auth/account"
	"kiln/auth/policy"
	"kiln/auth/smart"
	"kiln/resources/outcome"
)

// invitedFor is how long an invitation that somebody was given counts.
const invitedFor = 24 * time.Hour

// administering is who is signed in with a power, strongly and freshly enough for it; others are told, or led to the sign-in.
func (s *Server) administering(c *gin.Context, power policy.Power) (*signedIn, *auth.Principal) {
	who, err := s.session(c)
	if err != nil {
		s.fail(c, err)
		return nil, nil
	}
	again := ""
	if who != nil {
		p := pagePrincipal(who)
		err = s.options.Policy.Policy().Require(p, power, s.now())
		if err == nil {
			return who, p
		}
		if !outcome.Is(err, outcome.Login) {
			s.refuse(c, http.StatusForbidden, "This is not for you", "Your rank does not have the power "+string(power)+".")
			return nil, nil
		}
		again = "&again=1"
	}
	c.Redirect(http.StatusSeeOther, "/auth/signin?next="+c.Request.URL.Path+again)
	c.Abort()
	return nil, nil
}

// peoplePage is the people who may sign in, for those who manage them.
type peoplePage struct {
	Person  string
	People  []personRow
	Ranks   []string // that may be given
	Said    string
	Problem string
	Link    string // at which somebody who was added chooses a password
}

type personRow struct {
	Person
	Mine  bool     // the own account, which others change
	Ranks []string // that it may be given instead
}

func (s *Server) getPeople(c *gin.Context) {
	if who, p := s.administering(c, policy.Users); who != nil {
		s.showPeople(c, who, p, http.StatusOK, peoplePage{})
	}
}

func (s *Server) showPeople(c *gin.Context, who *signedIn, p *auth.Principal, status int, data peoplePage) {
	all, err := s.options.People.List(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	data.Person = who.account.Called()
	for _, rank := range s.options.Policy.Policy().Ranks() {
		if s.options.Policy.Policy().Assign(p.Rank, rank) > 0 {
			data.Ranks = append(data.Ranks, rank)
		}
	}
	for i := range all {
		row := personRow{Person: PersonOf(&all[i]), Mine: all[i].Name == who.account.Name}
		if !row.Mine && slices.Contains(data.Ranks, row.Rank) {
			row.Ranks = data.Ranks
		}
		data.People = append(data.People, row)
	}
	s.show(c, page{name: "people", status: status, title: "People", data: data})
}

// postPeople makes the change that a button names.
func (s *Server) postPeople(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	who, p := s.administering(c, policy.Users)
	if who == nil {
		return
	}
	name := c.PostForm("name")
	var data peoplePage
	var err error
	yes, no, rank := true, false, c.PostForm("rank")
	switch c.PostForm("do") {
	case "add":
		err = s.add(c, p, PersonChange{Name: name, Title: c.PostForm("title"), FHIRUser: c.PostForm("fhir-user"), Rank: &rank})
		if err == nil {
			data.Said = name + " was added."
			data.Link, err = s.invite(c, name)
		}
	case "invite":
		if err = s.change(c, p, name, PersonChange{}); err == nil { // who may not change them may not invite them
			data.Said = name + " may choose a new password."
			data.Link, err = s.invite(c, name)
		}
	case "rank":
		err, data.Said = s.change(c, p, name, PersonChange{Rank: &rank}), name+" is "+rank+" now. Sessions and tokens have ended."
	case "disable":
		err, data.Said = s.change(c, p, name, PersonChange{Disabled: &yes}), name+" is disabled. Sessions and tokens have ended."
	case "enable":
		err, data.Said = s.change(c, p, name, PersonChange{Disabled: &no}), name+" may sign in."
	default:
		err = &refusal{http.StatusBadRequest, "The form did not say what to do."}
	}
	status, problem, ok := s.administered(c, err)
	if !ok {
		return
	}
	if data.Problem = problem; problem != "" {
		data.Said, data.Link = "", ""
	}
	s.showPeople(c, who, p, status, data)
}

// invite makes a link at which somebody chooses a password, once.
func (s *Server) invite(c *gin.Context, name string) (string, error) {
	token, err := s.options.People.Invite(c, account.Invitation{Name: name}, invitedFor)
	return s.options.Issuer + "/auth/invitation/" + token, err
}

// administered says how an act ended, for a page; false where the request is answered, since the server failed.
func (s *Server) administered(c *gin.Context, err error) (status int, problem string, ok bool) {
	var not *refusal
	var invalid *account.InvalidError
	switch {
	case err == nil:
		return http.StatusOK, "", true
	case errors.As(err, &not):
		return not.status, not.text, true
	case errors.As(err, &invalid):
		return http.StatusUnprocessableEntity, "This cannot be: " + invalid.Error() + ".", true
	}
	for _, known := range adminStatus {
		if errors.Is(err, known.err) {
			return known.status, "This cannot be: " + known.err.Error() + ".", true
		}
	}
	s.fail(c, err)
	return 0, "", false
}

// appsPage is the apps and backend services, for those who manage them.
type appsPage struct {
	Person        string
	Apps          []App
	Said, Problem string
}

func (s *Server) getApps(c *gin.Context) {
	if who, _ := s.administering(c, policy.Clients); who != nil {
		s.showApps(c, who, http.StatusOK, appsPage{})
	}
}

func (s *Server) showApps(c *gin.Context, who *signedIn, status int, data appsPage) {
	clients, err := s.vault.listClients(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	data.Person = who.account.Called()
	for i := range clients {
		data.Apps = append(data.Apps, AppOf(&clients[i]))
	}
	// What waits for somebody comes first.
	slices.SortStableFunc(data.Apps, func(a, b App) int { return waiting(b) - waiting(a) })
	s.show(c, page{name: "apps", status: status, title: "Apps", data: data})
}

func waiting(a App) int {
	if a.State == smart.Pending {
		return 1
	}
	return 0
}

var appStates = map[string]smart.State{"approve": smart.Active, "suspend": smart.Suspended}

func (s *Server) postApps(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	who, p := s.administering(c, policy.Clients)
	if who == nil {
		return
	}
	var data appsPage
	state, known := appStates[c.PostForm("do")]
	err := error(&refusal{http.StatusBadRequest, "The form did not say what to do."})
	if known {
		_, err = s.setApp(c, p.User, c.PostForm("client"), state)
	}
	status, problem, ok := s.administered(c, err)
	if !ok {
		return
	}
	if data.Problem = problem; problem == "" {
		data.Said = c.PostForm("client") + " is " + string(state) + "."
	}
	s.showApps(c, who, status, data)
}
