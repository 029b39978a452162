package main

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kiln/auth/smart/smarttest"
)

// loggingIn is `kiln login` on its way.
type loggingIn struct {
	*testing.T
	cmd  *exec.Cmd
	at   string // what it asks to be opened
	rest *bufio.Scanner
}

func startLogin(t *testing.T, args ...string) *loggingIn {
	t.Helper()
	l := &loggingIn{T: t, cmd: exec.Command("kiln", append([]string{"login"}, args...)...)}
	out, err := l.cmd.StderrPipe()
	if err == nil {
		err = l.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.cmd.Process.Kill() })
	l.rest = bufio.NewScanner(out)
	for l.rest.Scan() {
		if address := strings.TrimSpace(l.rest.Text()); strings.HasPrefix(address, "http") {
			l.at = address
			return l
		}
	}
	t.Fatal("it asks for nothing to be opened")
	return nil
}

// end waits for it, and gives what else it said.
func (l *loggingIn) end() (string, error) {
	var said []string
	for l.rest.Scan() {
		said = append(said, l.rest.Text())
	}
	return strings.Join(said, "\n"), l.cmd.Wait()
}

func TestLogin(t *testing.T) {
	s := newShow(t)
	file := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(file, []byte(strings.Repeat("an older and longer one ", 20)), 0o644); err != nil {
		t.Fatal(err)
	}
	browser := smarttest.NewBrowser(t, nil)
	allow := smarttest.Field{Name: "decision", Value: "allow"}
	l := startLogin(t, "--url", s.base+"/fhir", "--token-file", file)
	page := browser.Open(l.at).SignIn("koch", s.password)
	if !strings.Contains(page.Body, "Kiln on the command line") || !strings.Contains(page.Body, "administer this server in your name") {
		t.Fatalf("the person is asked: %s", page.Body)
	}
	if page = page.Submit(allow); page.Status != http.StatusOK || !strings.Contains(page.Body, "You are signed in on the command line") {
		t.Fatalf("the browser comes back to %d: %s", page.Status, page.Body)
	}
	if said, err := l.end(); err != nil || !strings.HasPrefix(said, file+" holds an access token until ") {
		t.Fatalf("it ends with %v: %s", err, said)
	}
	if at, err := os.Stat(file); err != nil || at.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", at.Mode(), err)
	}
	if out, err := exec.Command("kiln", "user", "list", "--url", s.base, "--token-file", file).CombinedOutput(); err != nil || !strings.Contains(string(out), "koch") {
		t.Errorf("with it the people are %s, %v", out, err)
	}

	// Whoever is signed in and allowed it before signs in and is asked once more: anything may listen on this machine.
	l = startLogin(t, "--url", s.base, "--token-file", file+"2")
	if page = browser.Open(l.at); !strings.Contains(page.Body, `name="password"`) {
		t.Fatalf("the second time begins with %s", page.Body)
	}
	page = page.SignIn("koch", s.password)
	asked, err := url.Parse(l.at)
	if err != nil {
		t.Fatal(err)
	}
	forged := asked.Query().Get("redirect_uri") + "?code=made-up&state=made-up&iss=" + url.QueryEscape(s.base)
	if other := smarttest.NewBrowser(t, nil).Open(forged); other.Status != http.StatusBadRequest { // and it goes on waiting
		t.Errorf("a made-up answer gets %d: %s", other.Status, other.Body)
	}
	page.Submit(smarttest.Field{Name: "decision", Value: "deny"})
	if said, err := l.end(); err == nil || said != "kiln: nobody signed in: The person did not allow it." {
		t.Errorf("not allowed, it ends with %v: %s", err, said)
	}
	if _, err := os.Stat(file + "2"); err == nil {
		t.Error("there is a token")
	}

	for args, want := range map[string]string{
		"":                            "--token-file is missing",
		"--token-file x --level high": "expected mfa or phr",
		"--token-file x --url kiln":   `--url is "kiln"`,
		"--token-file x --url " + "http://" + freeAddress(t): "--url: ",
	} {
		out, err := exec.Command("kiln", append([]string{"login"}, strings.Fields(args)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("kiln login %s: %v: %s", args, err, out)
		}
	}
	s.end()
}
