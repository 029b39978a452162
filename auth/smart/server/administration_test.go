package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kiln/auth/smart/smarttest"
)

// press sends the form of a row of the people or apps, by the button with a value.
func press(t *testing.T, p *smarttest.Page, row, button string, changes url.Values) *smarttest.Page {
	t.Helper()
	for i := range p.Forms {
		f := &p.Forms[i]
		if f.Fields.Get("name") != row && f.Fields.Get("client") != row {
			continue
		}
		for _, b := range f.Buttons {
			if b.Value != button {
				continue
			}
			send := url.Values{"do": {button}}
			for name, values := range changes {
				send[name] = values
			}
			return p.Send(f, send)
		}
	}
	t.Fatalf("%s (%d) has no button %s for %q: %s", p.URL, p.Status, button, row, p.Body)
	return nil
}

func TestPagesOfPeople(t *testing.T) {
	f := newFlow(t)
	b := f.browser()
	p := b.Open(f.issuer+"/auth/people").SignIn("koch", passphrase)
	if p.Status != http.StatusOK || strings.Contains(p.Body, "<option>director") || !strings.Contains(p.Body, ">nurse</option>") {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	p = press(t, p, "", "add", url.Values{"name": {"zoe"}, "title": {"Zoë"}, "fhir-user": {"Practitioner/zoe"}, "rank": {"nurse"}})
	_, link, _ := strings.Cut(p.Body, "<code>"+f.issuer)
	link, _, _ = strings.Cut(link, "</code>")
	if !strings.Contains(p.Body, "zoe was added.") || !strings.HasPrefix(link, "/auth/invitation/") {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	f.browser().Open(f.issuer + link).Submit(smarttest.Field{Name: "password", Value: "nine small boats"})
	if who := f.browser().Open(f.issuer+"/auth/person").SignIn("zoe", "nine small boats"); !strings.Contains(who.Body, "(nurse)") || strings.Contains(who.Body, "/auth/people") {
		t.Errorf("who was invited sees %d %s", who.Status, who.Body)
	}
	for _, c := range []struct {
		row, button string
		changes     url.Values
		status      int
		says        string
	}{
		{"zoe", "rank", url.Values{"rank": {"clerk"}}, 200, "zoe is clerk now."},
		{"zoe", "rank", url.Values{"rank": {"director"}}, 403, "Your rank may not give, take or change the rank director."},
		{"zoe", "rank", url.Values{"rank": {"queen"}}, 422, "There is no rank of that name"},
		{"zoe", "rank", url.Values{"name": {"boss"}, "rank": {"clerk"}}, 403, "Your rank may not give, take or change the rank director."},
		{"zoe", "disable", url.Values{"name": {"koch"}}, 403, "Nobody changes their own account here"},
		{"zoe", "disable", nil, 200, "zoe is disabled."},
		{"zoe", "enable", nil, 200, "zoe may sign in."},
		{"zoe", "invite", nil, 200, "choose a new password"},
		{"zoe", "invite", url.Values{"name": {"boss"}}, 403, "Your rank may not"},
		{"", "add", url.Values{"name": {"zoe"}, "rank": {"nurse"}}, 409, "This cannot be"},
		{"", "add", url.Values{"name": {"?"}, "rank": {"nurse"}}, 422, "This cannot be"},
		{"zoe", "rank", url.Values{"do": {"nonsense"}}, 400, "did not say what to do"},
		{"zoe", "rank", url.Values{"csrf": {"made-up"}, "rank": {"nurse"}}, 403, "out of date"},
	} {
		p = press(t, b.Open(f.issuer+"/auth/people"), c.row, c.button, c.changes)
		if p.Status != c.status || !strings.Contains(p.Body, c.says) || c.status != 200 && strings.Contains(p.Body, "/auth/invitation/") {
			t.Errorf("%s of %q with %v: %d, want %d and %q: %s", c.button, c.row, c.changes, p.Status, c.status, c.says, p.Body)
		}
	}
	for _, path := range []string{"/auth/people", "/auth/apps"} {
		if p := f.browser().Open(f.issuer+path).SignIn("ada", passphrase); p.Status != http.StatusForbidden || strings.Contains(p.Body, "zoe") {
			t.Errorf("a nurse sees %s: %d", path, p.Status)
		}
	}
	f.after(16 * time.Minute)
	if p := b.Open(f.issuer + "/auth/people"); !strings.Contains(p.Body, `name="password"`) || strings.Contains(p.Body, "zoe") {
		t.Errorf("with a sign-in of 16 minutes ago: %d %s", p.Status, p.Body)
	}
}

func TestPagesOfApps(t *testing.T) {
	f := newFlow(t)
	b := f.browser()
	p := b.Open(f.issuer+"/auth/apps").SignIn("koch", passphrase)
	if at, other := strings.Index(p.Body, "<code>pending</code>"), strings.Index(p.Body, "<code>app</code>"); at < 0 || other < at {
		t.Errorf("the app that waits does not come first: %s", p.Body)
	}
	for _, c := range []struct {
		app, button string
		usable      bool
		says        string
	}{{"pending", "approve", true, "pending is active."}, {"pending", "suspend", false, "pending is suspended."}, {"pending", "approve", true, "pending is active."}} {
		p = press(t, b.Open(f.issuer+"/auth/apps"), c.app, c.button, nil)
		if !strings.Contains(p.Body, c.says) {
			t.Errorf("%s: %d %s", c.button, p.Status, p.Body)
		}
		asked := f.browser().Open(f.authorizeURL(map[string]string{"client_id": c.app}))
		if usable := asked.Status == http.StatusOK; usable != c.usable {
			t.Errorf("after %s the app may be used: %t", c.button, usable)
		}
	}
	if p := press(t, b.Open(f.issuer+"/auth/apps"), "pending", "suspend", url.Values{"client": {"nobody"}}); p.Status != http.StatusNotFound || !strings.Contains(p.Body, "This cannot be") {
		t.Errorf("an app that is not there: %d %s", p.Status, p.Body)
	}
}
