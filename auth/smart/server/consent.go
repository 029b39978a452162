package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"kiln/auth"
	"kiln/auth/smart"
	"kiln/store"
)

// consentPage asks what an app may do.
type consentPage struct {
	Request, App, Host, Person, Patient, Website string
	Offers                                       []smart.Offer
	Offline                                      bool
}

func (s *Server) showConsent(c *gin.Context, u *underway) {
	data := consentPage{
		Request: u.id, App: u.client.Called(), Host: hostOf(u.RedirectURI), Person: u.who.account.Called(), Website: u.client.Website,
		Offers: smart.Offers(u.asked), Offline: u.asked.Has("offline_access"),
	}
	if u.Context.Patient != "" {
		data.Patient = s.patientName(c, u)
	}
	s.show(c, page{name: "consent", title: "Connect " + data.App + "?", data: data, leads: []string{u.RedirectURI}})
}

// patientName is how the page calls the patient in context, as far as the person may know.
func (s *Server) patientName(c *gin.Context, u *underway) string {
	v, err := s.hospital.service.Read(auth.NewContext(c, pagePrincipal(u.who)), store.Key{Type: "Patient", ID: u.Context.Patient})
	if err == nil {
		if row, ok := rowOf(v.Body); ok && row.Name != "" {
			return row.Name
		}
	}
	return u.Context.Patient
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		scheme, _, _ := strings.Cut(address, ":")
		return scheme
	}
	return u.Host
}

func (s *Server) postConsent(c *gin.Context) {
	u := s.posted(c)
	if u == nil {
		return
	}
	if c.PostForm("decision") != "allow" {
		s.dropRequest(c, u)
		c.Redirect(http.StatusSeeOther, u.Refuse(s.options.Issuer, &smart.Error{Code: smart.AccessDenied, Description: "The person did not allow it."}))
		return
	}
	// What was shown must still be the next step: a sign-in may have grown stale, somebody else may be signed in.
	if step := u.Next(u.person, u.asked, nil, reaches, s.now()); step != smart.Consent && step != smart.Issue {
		c.Redirect(http.StatusSeeOther, continueAt(u.id))
		return
	}
	granted := smart.Decide(u.asked, c.PostFormArray("scope"))
	if len(granted) == 0 {
		s.dropRequest(c, u)
		c.Redirect(http.StatusSeeOther, u.Refuse(s.options.Issuer, &smart.Error{Code: smart.AccessDenied, Description: "The person allowed none of it."}))
		return
	}
	if err := put(c, s.vault.consents, grantedKey(u.person.User, u.ClientID), granted.String(), s.now().Add(smart.RefreshLives), store.AnyRevision); err != nil {
		s.fail(c, err)
		return
	}
	s.issue(c, u, granted)
}
