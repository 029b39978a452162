package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/smart"
)

// managePage is a person's connected apps.
type managePage struct {
	Person string
	Said   string
	Ends   time.Time
	Apps   []appRow
}

// appRow is an app with what it may do.
type appRow struct {
	Client, Name string
	Since        time.Time
	Scopes       []string
	Offline      bool
	Patients     []string
}

func (s *Server) getManage(c *gin.Context) {
	if who := s.person(c, false); who != nil {
		s.showManage(c, who, "")
	}
}

func (s *Server) showManage(c *gin.Context, who *signedIn, said string) {
	grants, err := s.vault.grantsOf(c, who.account.Name)
	if err != nil {
		s.fail(c, err)
		return
	}
	data := managePage{Person: who.account.Called(), Said: said, Ends: s.options.People.Ends(who.session)}
	for _, g := range grants {
		if g.Epoch == who.account.Epoch {
			data.add(g)
		}
	}
	for i := range data.Apps {
		client, err := s.vault.client(c, data.Apps[i].Client)
		if err != nil {
			s.fail(c, err)
			return
		}
		if client != nil {
			data.Apps[i].Name = client.Called()
		}
	}
	s.show(c, page{name: "manage", title: "Connected apps", data: data})
}

// add adds a grant to the row of its app.
func (m *managePage) add(g *smart.Grant) {
	i := slices.IndexFunc(m.Apps, func(row appRow) bool { return row.Client == g.Client })
	if i < 0 {
		m.Apps = append(m.Apps, appRow{Client: g.Client, Name: g.Client, Since: g.Created})
		i = len(m.Apps) - 1
	}
	row := &m.Apps[i]
	row.Offline = row.Offline || g.Offline()
	if g.Created.Before(row.Since) {
		row.Since = g.Created
	}
	for _, offer := range smart.Offers(g.Granted()) {
		if !slices.Contains(row.Scopes, offer.Text) {
			row.Scopes = append(row.Scopes, offer.Text)
		}
	}
}

func (s *Server) postManage(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	who := s.person(c, false)
	if who == nil {
		return
	}
	client := c.PostForm("revoke")
	if err := s.vault.revokeApp(c, who.account.Name, client); err != nil {
		s.fail(c, err)
		return
	}
	s.told(c, who.account.Name, "disconnected the app "+clip(client))
	s.showManage(c, who, "The app's access has ended.")
}

// logout ends the session, and goes back to an app if it asks for that with an address that it registered:
// https://openid.net/specs/openid-connect-rpinitiated-1_0.html
func (s *Server) getLogout(c *gin.Context) {
	s.show(c, page{name: "logout", title: "Sign out?", data: struct{ Back, Client string }{c.Query("post_logout_redirect_uri"), c.Query("client_id")}})
}

func (s *Server) postLogout(c *gin.Context) {
	if !s.ownForm(c) {
		return
	}
	who, err := s.session(c)
	there := "" // where to sign out too
	if err == nil && who != nil {
		if slices.Contains(who.session.Methods, "fed") {
			there = s.options.Providers.SignOut(who.account.Subject, s.options.Issuer+"/auth/signedout")
		}
		err = s.options.People.End(c, who.session.ID)
		s.told(c, who.account.Name, "signed out")
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	s.setCookie(c, sessionCookie, "", 0)
	if back := c.PostForm("back"); back != "" {
		client, err := s.vault.client(c, c.PostForm("client"))
		if err != nil {
			s.fail(c, err)
			return
		}
		if client != nil && slices.ContainsFunc(client.Redirects, func(r string) bool { return sameOrigin(r, back) }) {
			c.Redirect(http.StatusSeeOther, back)
			return
		}
	}
	if there != "" {
		s.goTo(c, there)
		return
	}
	s.signedOut(c)
}

// signedOut is also where a provider leads back to.
func (s *Server) signedOut(c *gin.Context) {
	s.refuse(c, http.StatusOK, "Signed out", "You are signed out here, and apps that act only while you are signed in have lost their access.")
}

// sameOrigin reports whether two web addresses are of one origin.
func sameOrigin(a, b string) bool {
	u, err := url.Parse(a)
	v, err2 := url.Parse(b)
	return err == nil && err2 == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Scheme == v.Scheme && strings.EqualFold(u.Host, v.Host) && v.User == nil
}
