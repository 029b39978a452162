package server

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
)

// invitationPage lets somebody choose a name and a password.
type invitationPage struct {
	Token, Name, Problem string
	Named                bool // the account is there
	First                bool
}

const staleInvitation = "The link was used already, has expired or was copied in part. Ask for another."

func (s *Server) getInvitation(c *gin.Context) {
	token := c.Param("token")
	i, err := s.options.People.Invited(c, token)
	switch {
	case errors.Is(err, account.ErrNoSession):
		s.refuse(c, http.StatusNotFound, "This link does not work", staleInvitation)
	case err != nil:
		s.fail(c, err)
	default:
		s.showInvitation(c, http.StatusOK, invitationPage{Token: token, Name: i.Name, Named: i.Name != "", First: i.First})
	}
}

func (s *Server) showInvitation(c *gin.Context, status int, data invitationPage) {
	title := "Choose a password"
	if data.First {
		title = "The first administrator"
	}
	s.show(c, page{name: "invitation", status: status, title: title, data: data})
}

func (s *Server) postInvitation(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	data := invitationPage{Token: c.Param("token"), Name: c.PostForm("username")}
	i, err := s.options.People.Invited(c, data.Token)
	if err == nil {
		data.First, data.Named = i.First, i.Name != ""
		if data.Named {
			data.Name = i.Name
		}
		err = s.options.People.Accept(c, data.Token, data.Name, c.PostForm("password"))
	}
	var invalid *account.InvalidError
	switch {
	case err == nil:
		s.told(c, data.Name, "accepted an invitation")
		s.signInAt(c, "/auth/person")
	case errors.As(err, &invalid):
		data.Problem = "This cannot be: " + invalid.Error() + "."
		s.showInvitation(c, http.StatusUnprocessableEntity, data)
	case errors.Is(err, account.ErrExists):
		data.Problem = "That name is taken."
		s.showInvitation(c, http.StatusConflict, data)
	case errors.Is(err, account.ErrNoSession):
		s.refuse(c, http.StatusNotFound, "This link does not work", staleInvitation)
	default:
		s.fail(c, err)
	}
}
