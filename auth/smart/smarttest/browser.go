// Package smarttest is what tests of the authorization server share: a browser without scripts, which fills in forms as a
// person would.
package smarttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Browser keeps cookies and follows redirects, but not to addresses that Stop names: those are of apps.
type Browser struct {
	t      testing.TB
	client *http.Client
	stop   []string
}

// NewBrowser is a browser that ends a walk at addresses with one of the prefixes. Transport may be nil.
func NewBrowser(t testing.TB, transport http.RoundTripper, stop ...string) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, stop: stop}
	b.client = &http.Client{Jar: jar, Transport: transport, CheckRedirect: b.redirected}
	return b
}

func (b *Browser) redirected(r *http.Request, via []*http.Request) error {
	if len(via) > 20 {
		return errors.New("too many redirects")
	}
	if slices.ContainsFunc(b.stop, func(prefix string) bool { return strings.HasPrefix(r.URL.String(), prefix) }) {
		return http.ErrUseLastResponse
	}
	return nil
}

// Page is what a browser shows.
type Page struct {
	b      *Browser
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	// Left is the address of an app that the walk ended at; nil on a page of the server.
	Left  *url.URL
	Forms []Form
}

// Form is a form of a page.
type Form struct {
	Action, Method string
	Fields         url.Values // as they would be sent, but for buttons
	Buttons        []Field
	Boxes          []Box
	Names          []string
}

// Field is a name and a value.
type Field struct{ Name, Value string }

// Box is a checkbox.
type Box struct {
	Field
	Checked bool
}

// Open gets an address.
func (b *Browser) Open(address string) *Page {
	b.t.Helper()
	return b.do(http.MethodGet, address, nil)
}

// Post sends a form from nowhere, as a page of another site could.
func (b *Browser) Post(address string, form url.Values) *Page {
	b.t.Helper()
	return b.do(http.MethodPost, address, form)
}

func (b *Browser) do(method, address string, form url.Values) *Page {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(context.Background(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, address, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := &Page{b: b, URL: answer.Request.URL, Status: answer.StatusCode, Header: answer.Header, Body: string(text)}
	if answer.StatusCode/100 == 3 {
		if p.Left, err = answer.Location(); err != nil {
			b.t.Fatal(err)
		}
		return p
	}
	if next, ok := strings.CutPrefix(p.Header.Get("Refresh"), "0; url="); ok {
		return b.Open(next)
	}
	if root, err := html.Parse(strings.NewReader(p.Body)); err == nil {
		p.forms(root, nil)
	}
	return p
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func value(n *html.Node, name string) string {
	text, _ := attribute(n, name)
	return text
}

func (p *Page) forms(n *html.Node, in *Form) {
	if n.Type == html.ElementNode {
		switch n.Data {
		case "form":
			p.Forms = append(p.Forms, Form{Action: value(n, "action"), Method: strings.ToUpper(value(n, "method")), Fields: url.Values{}})
			in = &p.Forms[len(p.Forms)-1]
		case "input":
			in.input(n)
		case "button":
			if in != nil && value(n, "type") != "button" {
				in.Buttons = append(in.Buttons, Field{value(n, "name"), value(n, "value")})
			}
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		p.forms(child, in)
	}
}

func (f *Form) input(n *html.Node) {
	if f == nil {
		return
	}
	name := value(n, "name")
	f.Names = append(f.Names, name)
	switch value(n, "type") {
	case "checkbox":
		_, checked := attribute(n, "checked")
		f.Boxes = append(f.Boxes, Box{Field{name, value(n, "value")}, checked})
		if checked {
			f.Fields.Add(name, value(n, "value"))
		}
	case "submit":
		f.Buttons = append(f.Buttons, Field{name, value(n, "value")})
	default:
		f.Fields.Set(name, value(n, "value"))
	}
}

// Form is the first form with a field or button of a name; the test ends where there is none.
func (p *Page) Form(with string) *Form {
	p.b.t.Helper()
	for i := range p.Forms {
		f := &p.Forms[i]
		if slices.Contains(f.Names, with) || slices.ContainsFunc(f.Buttons, func(b Field) bool { return b.Name == with }) {
			return f
		}
	}
	p.b.t.Fatalf("%s (%d) has no form with %q: %s", p.URL, p.Status, with, p.Body)
	return nil
}

// Submit fills in fields of the form that has the first of them and sends it. A field that the form does not have ends the
// test, unless it is one of its buttons.
func (p *Page) Submit(fields ...Field) *Page {
	p.b.t.Helper()
	f := p.Form(fields[0].Name)
	send := url.Values{}
	for name, values := range f.Fields {
		send[name] = values
	}
	for _, field := range fields {
		button := slices.Contains(f.Buttons, field)
		if !button && !slices.Contains(f.Names, field.Name) {
			p.b.t.Fatalf("%s: the form has no field %q", p.URL, field.Name)
		}
		send.Set(field.Name, field.Value)
	}
	return p.b.Post(p.resolve(f.Action), send)
}

// Send sends a form with just these fields besides its hidden ones: for checkboxes.
func (p *Page) Send(f *Form, fields url.Values) *Page {
	p.b.t.Helper()
	send := url.Values{}
	for name, values := range f.Fields {
		if !slices.ContainsFunc(f.Boxes, func(b Box) bool { return b.Name == name }) {
			send[name] = values
		}
	}
	for name, values := range fields {
		send[name] = values
	}
	return p.b.Post(p.resolve(f.Action), send)
}

func (p *Page) resolve(action string) string {
	p.b.t.Helper()
	u, err := p.URL.Parse(action)
	if err != nil {
		p.b.t.Fatal(err)
	}
	return u.String()
}

// SignIn fills in the sign-in page.
func (p *Page) SignIn(name, password string) *Page {
	p.b.t.Helper()
	return p.Submit(Field{"username", name}, Field{"password", password})
}
