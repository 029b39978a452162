package server_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kiln/auth/smart/smarttest"
)

// TestPageOfBrokenGlass: what a nurse did in an emergency waits for somebody with the power to audit.
func TestPageOfBrokenGlass(t *testing.T) {
	f := newFlow(t)
	token := f.tokens("ada", map[string]string{"scope": "openid user/*.cruds", "launch": ""}).text("access_token")
	why := `{"resourceType":"Parameters","parameter":[{"name":"reason","valueCoding":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"ETREAT"}},{"name":"comment","valueString":"Found <unconscious>."}]}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.base+"/Patient/berg/$break-glass", strings.NewReader(why))
	f.must(err)
	if a := f.send(r, "Authorization: Bearer "+token, "Content-Type: application/fhir+json"); a.status != http.StatusOK {
		t.Fatalf("the glass: %d %v", a.status, a.body)
	}
	logged := f.logged.String()
	if !strings.Contains(logged, "ALERT: the glass was broken") || strings.Contains(logged, "berg") || strings.Contains(logged, "unconscious") {
		t.Errorf("logged is %s", logged)
	}
	for _, who := range []string{"ada", "koch"} {
		if p := f.browser().Open(f.issuer+"/auth/glass").SignIn(who, passphrase); p.Status != http.StatusForbidden || strings.Contains(p.Body, "berg") {
			t.Errorf("%s sees %d %s", who, p.Status, p.Body)
		}
	}
	b := f.browser()
	p := b.Open(f.issuer+"/auth/glass").SignIn("boss", passphrase)
	_, seen, _ := strings.Cut(p.Body, "<code>")
	seen, _, _ = strings.Cut(seen, "</code>")
	u, err := url.Parse(html.UnescapeString(seen))
	if err != nil || u.Path != "/fhir/AuditEvent" || u.Query().Get("altid") != "ada" || u.Query().Get("patient") != "Patient/berg" || len(u.Query()["date"]) != 2 {
		t.Errorf("the search for what was seen is %q, %v", seen, err)
	}
	if p.Status != http.StatusOK || !strings.Contains(p.Body, "ada, Patient/berg") || !strings.Contains(p.Body, "ETREAT: Found &lt;unconscious&gt;.") {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	if p := b.Open(f.issuer + "/auth/person"); !strings.Contains(p.Body, "/auth/glass") {
		t.Errorf("the own page does not lead to it: %s", p.Body)
	}
	form := p.Forms[0]
	for _, c := range []struct {
		send   url.Values
		status int
		says   string
	}{
		{url.Values{"note": {" "}}, 422, "Say in a few words"},
		{url.Values{"note": {strings.Repeat("a", 2001)}}, 422, "Say in a few words"},
		{url.Values{"note": {"Fine."}, "do": {"nonsense"}}, 400, "did not say what to do"},
		{url.Values{"note": {"Fine."}, "csrf": {"made-up"}}, 403, "out of date"},
		{url.Values{"note": {"Fine."}, "id": {"nothing"}}, 409, "has reviewed it already"},
		{url.Values{"note": {"Fine, she was alone."}}, 200, "Nothing waits for review."},
		{url.Values{"note": {"Once more."}}, 409, "has reviewed it already"},
	} {
		if c.send["do"] == nil {
			c.send["do"] = []string{"review"}
		}
		if p = p.Send(&form, c.send); p.Status != c.status || !strings.Contains(p.Body, c.says) {
			t.Errorf("%v: %d, want %d and %q: %s", c.send, p.Status, c.status, c.says, p.Body)
		}
		p = b.Open(f.issuer + "/auth/glass")
	}
	if !strings.Contains(p.Body, "boss on") || !strings.Contains(p.Body, "Fine, she was alone.") || strings.Contains(p.Body, "Once more.") {
		t.Errorf("what was reviewed: %s", p.Body)
	}
	f.after(13 * time.Hour)
	if p := b.Open(f.issuer + "/auth/glass"); strings.Contains(p.Body, "berg") || !hasPassword(p) {
		t.Errorf("after the session: %d %s", p.Status, p.Body)
	}
}

func hasPassword(p *smarttest.Page) bool { return strings.Contains(p.Body, `name="password"`) }
