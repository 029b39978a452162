package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kiln/auth/audit"
	"kiln/auth/smart/smarttest"
	"kiln/store"
	"kiln/store/pebble"
)

// show is a demo that runs.
type show struct {
	*testing.T
	process        *exec.Cmd
	said           string
	base, password string
}

var (
	demoBase     = regexp.MustCompile(`is at (http://\S+)/fhir;`)
	demoPassword = regexp.MustCompile(`with the password (\S+)`)
	demoCurl     = regexp.MustCompile(`curl -s -H 'Authorization: (Bearer \S+)' '(\S+)'`)
)

// newShow starts `kiln demo` as a process and reads what it prints.
func newShow(t *testing.T, args ...string) *show {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "kiln", append([]string{"demo", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	s := &show{T: t, process: cmd}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		s.said += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			s.base, s.password = demoBase.FindStringSubmatch(s.said)[1], demoPassword.FindStringSubmatch(s.said)[1]
			return s
		}
	}
	t.Fatalf("the demo did not start: %s", s.said)
	return nil
}

// end is Ctrl-C.
func (s *show) end() {
	s.Helper()
	if err := s.process.Process.Signal(syscall.SIGINT); err != nil {
		s.Fatal(err)
	}
	if err := s.process.Wait(); err != nil {
		s.Fatalf("the demo ends with %v", err)
	}
}

// request sends one and gives the status and the JSON of the answer.
func (s *show) request(method, address, authorization string, form url.Values) (int, map[string]any) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		s.Fatalf("%s: %v in %s", address, err, text)
	}
	return answer.StatusCode, body
}

// token is what the app gets when somebody signs in and allows what it asks, for a patient where they are asked for one.
func (s *show) token(name, scope, patient string) map[string]any {
	s.Helper()
	const verifier = "a-verifier-of-more-than-forty-three-letters-0123456789"
	sum := sha256.Sum256([]byte(verifier))
	redirect := s.base + demoPath
	browser := smarttest.NewBrowser(s.T, nil, redirect)
	page := browser.Open(s.base+"/auth/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {demoApp}, "redirect_uri": {redirect}, "aud": {s.base + "/fhir"}, "state": {"0123456789abcdef"},
		"scope": {scope}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()).SignIn(name, s.password)
	if patient != "" {
		page = page.Submit(smarttest.Field{Name: "patient", Value: patient})
	}
	if page.Left == nil { // they did not allow the same before
		page = page.Submit(smarttest.Field{Name: "decision", Value: "allow"})
	}
	if page.Left == nil {
		s.Fatalf("%s does not get back to the app: %s", name, page.Body)
	}
	status, answer := s.request(http.MethodPost, s.base+"/auth/token", "", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {demoApp}, "redirect_uri": {redirect}, "code": {page.Left.Query().Get("code")}, "code_verifier": {verifier},
	})
	if status != http.StatusOK {
		s.Fatalf("%s gets no token: %d %v", name, status, answer)
	}
	return answer
}

func TestTheDemoShowsWhatItPrints(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "hospital")
	var before, passwords []string
	for range 2 { // the second time on what the first one left
		s := newShow(t, "--data", folder)
		line := demoCurl.FindStringSubmatch(s.said)
		if line == nil || strings.Count(s.said, "clinician ") != 3 {
			t.Fatalf("it prints\n%s", s.said)
		}
		var ids []string
		status, found := s.request(http.MethodGet, line[2], line[1], nil)
		for _, entry := range found["entry"].([]any) {
			ids = append(ids, entry.(map[string]any)["resource"].(map[string]any)["id"].(string))
		}
		if got := strings.Join(ids, " "); status != http.StatusOK || got != "anna-berg bruno-costa carla-dumont" {
			t.Errorf("the printed request gets %d: %s", status, got)
		}
		for _, wrong := range []string{"", "Bearer nonsense"} {
			if status, body := s.request(http.MethodGet, line[2], wrong, nil); status != http.StatusUnauthorized || body["resourceType"] != "OperationOutcome" {
				t.Errorf("with %q it gets %d %v", wrong, status, body)
			}
		}
		token := s.token("anna-berg", "openid launch/patient patient/Patient.r patient/Observation.rs", "")
		if token["patient"] != "anna-berg" || token["scope"] != "openid launch/patient patient/Patient.r patient/Observation.rs" {
			t.Errorf("a patient gets %v", token)
		}
		status, history := s.request(http.MethodGet, s.base+"/fhir/Observation/anna-berg-pulse-1/_history", "Bearer "+token["access_token"].(string), nil)
		if entries, _ := history["entry"].([]any); status != http.StatusOK || len(entries) != 1 {
			t.Errorf("the pulse has %d versions, status %d", len(entries), status)
		}
		if _, found := s.request(http.MethodGet, s.base+"/fhir/.well-known/smart-configuration", "", nil); found["issuer"] != s.base {
			t.Errorf("the issuer is %v at %s", found["issuer"], s.base)
		}
		s.end()
		passwords = append(passwords, s.password)
		before = append(before, line[1])
	}
	if passwords[0] == passwords[1] || before[0] == before[1] {
		t.Error("the second run has the password or the token of the first")
	}
}

func TestTheAppOfTheDemoIsGuarded(t *testing.T) {
	s := newShow(t)
	for path, want := range map[string]string{"": "text/html", "app.js": "text/javascript", "app.css": "text/css"} {
		answer, err := http.Get(s.base + demoPath + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		policy := answer.Header.Get("Content-Security-Policy")
		if err != nil || answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), want) || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%q answers %d %v %v", path, answer.StatusCode, answer.Header, err)
		}
		if path == "" && regexp.MustCompile(`<script[^>]*>[^<]|<style| on[a-z]+=`).Match(body) {
			t.Errorf("the page holds script or style itself: %s", body)
		}
	}
	s.end()
}

func TestTheDemoKeepsOutOfOtherStores(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	kilnReading(t, samplePassword, "user", "add", "ada", "--rank", "nurse", "--password-stdin", "--store", folder)
	patient, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(patient, "kiln", "demo", "--data", folder, "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "holds something else than a demo") {
		t.Errorf("%v: %s", err, out)
	}
	listing, err := exec.Command("kiln", "user", "list", "--store", folder).Output()
	if err != nil || strings.Contains(string(listing), demoNurse) {
		t.Errorf("%v: %s", err, listing)
	}
}

func TestTheDemoLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newShow(t)
	if made, err := os.ReadDir(os.TempDir()); err != nil || len(made) != 1 {
		t.Fatalf("while it runs there is %v, %v", made, err)
	}
	patient, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	second, err := exec.CommandContext(patient, "kiln", "demo", "--listen", strings.TrimPrefix(s.base, "http://")).CombinedOutput()
	if err == nil || !strings.Contains(string(second), "another program listens there") {
		t.Errorf("a second one on the address: %v: %s", err, second)
	}
	s.end()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

// TestAdministrationThroughAServer uses --url with the tokens of an administrator and of a nurse.
func TestAdministrationThroughAServer(t *testing.T) {
	s := newShow(t)
	dir := t.TempDir()
	tokens := map[string]string{}
	for _, name := range []string{"koch", "director", demoNurse} {
		tokens[name] = filepath.Join(dir, name)
		if err := os.WriteFile(tokens[name], []byte(s.token(name, "openid fhirUser user/*.rs administration", "")["access_token"].(string)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ args, by, want string }{
		{"user add ada --rank nurse --password-stdin", "koch", "added ada, nurse\n"},
		{"user --rank nurse add --password-stdin", "koch", ""},
		{"user add eve --rank director --password-stdin", "koch", ""},
		{"user add mallory --rank nurse --password-stdin", demoNurse, ""},
		{"user add eve --rank director --password-stdin", "director", ""}, // takes two
		{"user rank ada clerk", "koch", "ada is clerk now; sessions and tokens have ended\n"},
		{"user disable ada", "koch", "ada is disabled; sessions and tokens have ended\n"},
		{"user enable ada", "koch", "ada may sign in\n"},
		{"user password --password-stdin ada", "koch", "ada has a new password; sessions and tokens have ended\n"},
		{"user disable ada", demoNurse, ""},
		{"client add growth --public --redirect-uri http://127.0.0.1/ --scope patient/*.rs", "koch", "added growth, a public app without a secret\n"},
		{"client disable growth", "koch", "growth is suspended\n"},
		{"client approve growth", "koch", "growth is active\n"},
		{"client add other --public --redirect-uri http://127.0.0.1/ --scope patient/*.rs", demoNurse, ""},
		{"client list", demoNurse, ""},
	} {
		cmd := exec.Command("kiln", append(strings.Fields(c.args), "--url", s.base, "--token-file", tokens[c.by])...)
		cmd.Stdin = strings.NewReader(samplePassword + "\n")
		out, err := cmd.CombinedOutput()
		if c.want != "" && (err != nil || string(out) != c.want) || c.want == "" && (err == nil || strings.Count(string(out), "\n") != 1) {
			t.Errorf("kiln %s by %s: %v: %s", c.args, c.by, err, out)
		}
	}
	out, err := exec.Command("kiln", "user", "list", "--url", s.base+"/fhir", "--token-file", tokens["koch"]).Output()
	if err != nil || !regexp.MustCompile(`(?m)^ada +clerk .*active`).Match(out) || strings.Contains(string(out), "mallory") || strings.Contains(string(out), "eve") {
		t.Errorf("%v: %s", err, out)
	}
	s.end()
}

// TestTheAppOfTheDemoInABrowser goes through the app as a nurse does.
func TestTheAppOfTheDemoInABrowser(t *testing.T) {
	if os.Getenv(appScripts) == "" {
		t.Skipf("%s names no folder; `.ci/apps FOLDER` installs a browser", appScripts)
	}
	s := newShow(t)
	h := hospital{T: t, base: s.base}
	browser := h.chromium()
	do(h, browser, "opening the app", chromedp.Navigate(s.base+demoPath))
	do(h, browser, "connecting", chromedp.Click("#connect"))
	do(h, browser, "waiting for the sign-in", chromedp.WaitVisible("#username"))
	do(h, browser, "typing the name", chromedp.SendKeys("#username", demoNurse))
	do(h, browser, "typing the password", chromedp.SendKeys("#password", s.password))
	do(h, browser, "signing in", chromedp.Submit("#password"))
	do(h, browser, "choosing the patient", chromedp.Click(`button[name=patient][value="bruno-costa"]`))
	do(h, browser, "allowing", chromedp.Click(allowButton))
	do(h, browser, "waiting for the table", chromedp.WaitVisible("#vitals"))
	table := do(h, browser, "reading the table", chromedp.Text("#vitals"))
	for _, want := range []string{"Bruno Costa, born 1962-07-30", "Heart rate", "/min", "Body temperature", "Body weight"} {
		if !strings.Contains(table, want) {
			t.Errorf("the app shows no %s:\n%s", want, table)
		}
	}
	s.end()
}

// TestCheckOfTheAuditLog: the command tells how the log ends, and what somebody took out of it.
func TestCheckOfTheAuditLog(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	s, err := pebble.Open(folder, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), audit.Options{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := errors.Join(log.Note(&audit.Event{At: time.Now(), Kind: audit.Read, Outcome: audit.Done}), log.Flush(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	if out := kiln(t, "check", "--store", folder); !strings.Contains(out, "the audit log has 3 events in 3 chunks and ends with ") || !strings.Contains(out, "the store is consistent") {
		t.Errorf("the check of a whole log says %s", out)
	}
	if s, err = pebble.Open(folder, pebble.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Records("audit").Delete(t.Context(), "chunk/0000000000000001", store.AnyRevision), s.Close()); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("kiln", "check", "--store", folder).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "audit log, chunk 1: it is missing") {
		t.Errorf("the check of a log without its middle says %v: %s", err, out)
	}
}
