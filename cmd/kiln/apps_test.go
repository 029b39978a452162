package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kiln/cmd/kiln/sample"
)

// appScripts names the folder with the client libraries that `.ci/apps` prepares: fhir-client.js and fhir-kit-client.js.
const appScripts = "KILN_TEST_APPS"

// hospital is a server with the sample hospital, authorization on, and an app on another origin.
type hospital struct {
	*testing.T
	base, apps string
}

const samplePassword = "seven small boats"

func newHospital(t *testing.T) hospital {
	t.Helper()
	scripts := os.Getenv(appScripts)
	if scripts == "" {
		t.Skipf("%s names no folder; `.ci/apps FOLDER` prepares one, and installs a browser", appScripts)
	}
	files := http.NewServeMux()
	files.Handle("/", http.FileServer(http.Dir("testdata/apps")))
	for _, name := range []string{"fhir-client.js", "fhir-kit-client.js"} {
		files.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(scripts, name)) })
	}
	apps := httptest.NewServer(files)
	t.Cleanup(apps.Close)

	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for i, bundle := range sample.Bundles(time.Now()) {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".json"), bundle, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kiln(t, "load", dir, "--store", data)
	for _, a := range sample.Accounts() {
		kilnReading(t, samplePassword, "user", "add", a.Name, "--rank", a.Rank, "--fhir-user", a.FHIRUser, "--password-stdin", "--store", data)
	}
	kiln(t, "client", "add", "judge", "--public", "--name", "Judge", "--store", data,
		"--redirect-uri", apps.URL+"/fhirclient-index.html", "--redirect-uri", apps.URL+"/kit-index.html",
		"--launch-uri", apps.URL+"/fhirclient-launch.html",
		"--scope", "launch launch/patient openid fhirUser offline_access patient/*.rs patient/Patient.r patient/Observation.rs")
	server := serveChild(t, data, "KILN_AUTH=smart")
	return hospital{T: t, base: server.base, apps: apps.URL}
}

// kilnReading is kiln with a line on its standard input.
func kilnReading(t *testing.T, line string, args ...string) {
	t.Helper()
	cmd := exec.Command("kiln", args...)
	cmd.Stdin = strings.NewReader(line + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kiln %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// chromium is a headless browser with nothing in it.
func (h hospital) chromium() context.Context {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	allocated, stop := chromedp.NewExecAllocator(h.Context(), options...)
	h.Cleanup(stop)
	browser, end := chromedp.NewContext(allocated)
	h.Cleanup(end)
	timed, cancel := context.WithTimeout(browser, 2*time.Minute)
	h.Cleanup(cancel)
	return timed
}

// do is a step of a browser; the test ends where it fails, and says where the browser was.
//
//nolint:revive // browser is no context of the test but a browser
func do[T any](h hospital, browser context.Context, what string, action chromedp.Action[T]) T {
	h.Helper()
	value, err := chromedp.Run(browser, action)
	if err != nil {
		where, _ := chromedp.Run(browser, chromedp.Location())
		body, _ := chromedp.Run(browser, chromedp.OuterHTML("body"))
		h.Fatalf("%s: %v at %s\n%s", what, err, where, body)
	}
	return value
}

// result waits for the app to say what it got.
func (h hospital) result(browser context.Context) map[string]any {
	h.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		do(h, browser, "waiting for the app", chromedp.Sleep(50*time.Millisecond))
		title := do(h, browser, "reading the title", chromedp.Title())
		if title == "done" {
			break
		}
		if strings.HasPrefix(title, "failed") || time.Now().After(end) {
			h.Fatalf("the app says %q at %s\n%s", title, do(h, browser, "reading the address", chromedp.Location()), do(h, browser, "reading the page", chromedp.OuterHTML("body")))
		}
	}
	text := do(h, browser, "reading the result", chromedp.Text("#result"))
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		h.Fatalf("%s: %v", text, err)
	}
	return got
}

func (h hospital) launch(page, scope string) string {
	return h.apps + "/" + page + "?" + url.Values{"iss": {h.base}, "client": {"judge"}, "scope": {scope}}.Encode()
}

// signIn fills in the page as a person does.
func (h hospital) signIn(browser context.Context, name string) {
	h.Helper()
	do(h, browser, "waiting for the sign-in", chromedp.WaitVisible("#username"))
	do(h, browser, "typing the name", chromedp.SendKeys("#username", name))
	do(h, browser, "typing the password", chromedp.SendKeys("#password", samplePassword))
	do(h, browser, "signing in", chromedp.Submit("#password"))
}

const allowButton = `button[name=decision][value=allow]`

// TestAppsInABrowser runs the client libraries that apps are made with, from another origin, through sign-in, the choice of a
// patient and consent to data.
func TestAppsInABrowser(t *testing.T) {
	h := newHospital(t)
	const scope = "openid fhirUser launch/patient offline_access patient/Patient.r patient/Observation.rs"
	for _, c := range []struct {
		name, page, person string
		picks              bool
		want               map[string]any
	}{
		{"fhirclient, a patient", "fhirclient-launch.html", "anna-berg", false, map[string]any{
			"patient": "anna-berg", "family": "Berg", "pulse": 4., "user": "Patient/anna-berg", "refreshed": true, "again": "anna-berg", "forbidden": 403., "scope": scope,
		}},
		{"fhir-kit-client, a patient", "kit-launch.html", "grace-hansen", false, map[string]any{
			"patient": "grace-hansen", "family": "Hansen", "pulse": 1., "scope": scope,
		}},
		{"fhir-kit-client, a nurse", "kit-launch.html", "lindqvist", true, map[string]any{
			"patient": "bruno-costa", "family": "Costa", "pulse": 4., "scope": scope,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := h
			h.T = t
			browser := h.chromium()
			do(h, browser, "opening the app", chromedp.Navigate(h.launch(c.page, scope)))
			h.signIn(browser, c.person)
			if c.picks {
				do(h, browser, "choosing the patient", chromedp.Click(`button[name=patient][value="bruno-costa"]`))
			}
			do(h, browser, "allowing", chromedp.Click(allowButton))
			got := h.result(browser)
			for name, want := range c.want {
				if got[name] != want {
					t.Errorf("%s is %v, want %v", name, got[name], want)
				}
			}
		})
	}
}
