package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kiln/store"
)

// pickerPage is the choice of a patient.
type pickerPage struct {
	Request, App, Query string
	Rows                []patientRow
	More                bool
}

func (s *Server) showPicker(c *gin.Context, u *underway) {
	rows, err := s.choices(c, u, c.Query("q"))
	if err != nil {
		s.fail(c, err)
		return
	}
	s.show(c, page{name: "picker", title: "Choose a patient", leads: []string{u.RedirectURI}, data: pickerPage{
		Request: u.id, App: u.client.Called(), Query: c.Query("q"), Rows: rows, More: len(rows) == pickerRows,
	}})
}

// choices are the patients among whom a person may choose.
func (s *Server) choices(c *gin.Context, u *underway, query string) ([]patientRow, error) {
	if u.person.Staff {
		return s.hospital.patients(c, pagePrincipal(u.who), query)
	}
	rows := make([]patientRow, 0, len(u.person.Own))
	for _, id := range u.person.Own {
		rows = append(rows, patientRow{ID: id, Name: id})
	}
	return rows, nil
}

// postPicker takes the choice; only who is reached now can be chosen.
func (s *Server) postPicker(c *gin.Context) {
	u := s.posted(c)
	if u == nil {
		return
	}
	chosen := c.PostForm("patient")
	ok := false
	var err error
	if u.person.Staff {
		ok, err = s.hospital.reaches(c, pagePrincipal(u.who), store.Key{Type: "Patient", ID: chosen})
	} else {
		for _, id := range u.person.Own {
			ok = ok || id == chosen
		}
	}
	if err == nil && ok {
		u.Context.Patient, u.Context.Banner = chosen, true
		err = s.keep(c, u)
	}
	switch {
	case err != nil:
		s.fail(c, err)
	case !ok:
		s.refuse(c, http.StatusNotFound, "There is no such patient", "Go back and choose one of the list.")
	default:
		c.Redirect(http.StatusSeeOther, continueAt(u.id))
	}
}

// posted is the authorization of a form that a signed-in person sent.
