package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/access"
	"kiln/auth/policy"
)

// Bounds of the page and of what is written on it.
const (
	glassOpen = 200
	glassDone = 50
	maxNote   = 2000
)

// glassPage is the breakings of the glass, for those who review them.
type glassPage struct {
	Person        string
	Open          []glassRow
	More          bool // there are more open ones than are shown
	Done          []access.Review
	Said, Problem string
}

type glassRow struct {
	access.Review
	Mine bool
	Seen string // the address of the AuditEvents of what was seen
}

func (s *Server) getGlass(c *gin.Context) {
	if who, _ := s.administering(c, policy.Audit); who != nil {
		s.told(c, who.account.Name, "looked at the list of broken glass")
		s.showGlass(c, who, http.StatusOK, glassPage{})
	}
}

func (s *Server) showGlass(c *gin.Context, who *signedIn, status int, data glassPage) {
	data.Person = who.account.Called()
	open, err := s.options.Authorizer.ToReview(c, glassOpen+1)
	if err == nil {
		data.Done, err = s.options.Authorizer.Reviewed(c, glassDone)
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	data.More = len(open) > glassOpen
	for _, r := range open[:min(len(open), glassOpen)] {
		data.Open = append(data.Open, glassRow{Review: r, Mine: r.User == who.account.Name, Seen: s.seen(&r)})
	}
	s.show(c, page{name: "glass", status: status, title: "Broken glass", data: data})
}

// seen is the search for what somebody saw of a patient, or did to their record, since they broke the glass.
func (s *Server) seen(r *access.Review) string {
	return s.options.Issuer + "/fhir/AuditEvent?" + url.Values{
		"altid": {r.User}, "patient": {"Patient/" + r.Patient}, "date": {"ge" + r.Began.Format(time.RFC3339), "le" + r.Expires.Format(time.RFC3339)},
	}.Encode()
}

// postGlass notes a review.
func (s *Server) postGlass(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	who, p := s.administering(c, policy.Audit)
	if who == nil {
		return
	}
	id, note := c.PostForm("id"), strings.TrimSpace(c.PostForm("note"))
	var err error
	switch {
	case c.PostForm("do") != "review":
		err = &refusal{http.StatusBadRequest, "The form did not say what to do."}
	case note == "", len(note) > maxNote:
		err = &refusal{http.StatusUnprocessableEntity, "Say in a few words what you found."}
	default:
		err = s.options.Authorizer.Review(c, id, p.User, note)
	}
	switch {
	case errors.Is(err, access.ErrReviewed):
		err = &refusal{http.StatusConflict, "Somebody has reviewed it already."}
	case errors.Is(err, access.ErrOwnReview):
		err = &refusal{http.StatusForbidden, "Nobody reviews what they did themselves."}
	}
	status, problem, ok := s.administered(c, err)
	if !ok {
		return
	}
	data := glassPage{Problem: problem}
	if problem == "" {
		data.Said = "Your review was noted."
		s.told(c, p.User, "reviewed a breaking of the glass")
	}
	s.showGlass(c, who, status, data)
}
