package server

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

//go:embed pages
var files embed.FS

// pages are the templates: layout.html around each of the others.
var pages = parsePages()

func parsePages() map[string]*template.Template {
	names, err := files.ReadDir("pages")
	if err != nil {
		panic(err)
	}
	parsed := map[string]*template.Template{}
	for _, entry := range names {
		if name := entry.Name(); strings.HasSuffix(name, ".html") && name != "layout.html" {
			parsed[strings.TrimSuffix(name, ".html")] = template.Must(template.ParseFS(files, "pages/layout.html", "pages/"+name))
		}
	}
	return parsed
}

// page is one answer for people. Its forms work without a script.
type page struct {
	name   string // of the template
	status int    // 200 where it is 0
	title  string
	data   any
	script bool     // whether passkey.js may run on it
	leads  []string // URLs of others that its form may lead to
}

// frame is what the layout shows around a page.
type frame struct {
	Title, Site, CSRF string
	Script            bool
	Data              any
}

// show answers with a page. Nothing keeps it and nothing frames it, and only what this server holds is loaded into it.
func (s *Server) show(c *gin.Context, p page) {
	var body bytes.Buffer
	p.script = p.script && s.passkeys != nil
	f := frame{Title: p.title, Site: s.options.Site, CSRF: s.csrf(s.browser(c)), Script: p.script, Data: p.data}
	if err := pages[p.name].ExecuteTemplate(&body, "layout.html", f); err != nil {
		s.options.Logger.ErrorContext(c, "a page could not be made", "page", p.name, "error", err)
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	guard(c, p.script, p.leads)
	if p.status == 0 {
		p.status = http.StatusOK
	}
	c.Data(p.status, "text/html; charset=utf-8", body.Bytes())
}

// guard writes the headers that keep a page to itself. Browsers hold form-action against redirects after a form too, so
// that the apps to which it may lead are named.
func guard(c *gin.Context, script bool, leads []string) {
	policy := []string{"default-src 'none'", "style-src 'self'", "img-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"}
	if script {
		policy = append(policy, "script-src 'self'", "connect-src 'self'")
	}
	targets := []string{"'self'"}
	for _, lead := range leads {
		if source := sourceOf(lead); source != "" && !slices.Contains(targets, source) {
			targets = append(targets, source)
		}
	}
	policy = append(policy, "form-action "+strings.Join(targets, " "))
	for name, value := range map[string]string{
		"Content-Security-Policy": strings.Join(policy, "; "),
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "DENY",
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "no-store",
	} {
		c.Header(name, value)
	}
}

// sourceOf is the origin of a URL as a policy names it; "" where there is none that is safe to name.
func sourceOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || strings.ContainsAny(address, " ;,'\"") {
		return ""
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":" // of an app on a phone
}

// notice is a page with a sentence alone, such as an error that no app may hear.
type notice struct{ Text string }

// refuse shows a sentence that says what was wrong and what to do.
func (s *Server) refuse(c *gin.Context, status int, title, text string) {
	s.show(c, page{name: "notice", status: status, title: title, data: notice{text}})
	c.Abort()
}

// fail is for faults of the server: it logs them and tells nothing of them.
func (s *Server) fail(c *gin.Context, err error) {
	s.options.Logger.ErrorContext(c, "request failed", "path", c.FullPath(), "error", err)
	s.refuse(c, http.StatusInternalServerError, "Something went wrong", "The server failed to handle this. Try again in a moment.")
}

// asset serves a file of the pages.
func asset(name, contentType string) gin.HandlerFunc {
	body, err := files.ReadFile("pages/" + name)
	if err != nil {
		panic(err)
	}
	return func(c *gin.Context) {
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Cache-Control", "max-age=3600")
		c.Data(http.StatusOK, contentType, body)
	}
}
