package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startProcess starts `kiln serve` as a process and returns its base URL.
func startProcess(t *testing.T, store string, env ...string) (*exec.Cmd, string) {
	t.Helper()
	self, err := exec.LookPath("kiln") // the test binary itself, see TestMain
	if err != nil {
		self, err = os.Executable()
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), self, "serve", "--listen", "127.0.0.1:0", "--store", store)
	cmd.Env = append(append(os.Environ(), "KILN_AUTH=off"), env...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		if base, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return cmd, base
		}
		said = append(said, lines.Text())
	}
	t.Fatalf("the server did not start: %s", strings.Join(said, "\n"))
	return nil, ""
}

func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestServe writes, reads and searches through the real process, on each kind of store.
func TestServe(t *testing.T) {
	for _, c := range []struct {
		name, store string
		kept        bool
	}{
		{"OnAnEmbeddedStoreWhatIsWrittenIsThereAfterARestart", filepath.Join(t.TempDir(), "data"), true},
		{"InMemoryWhatIsWrittenIsGoneAfterARestart", "memory:", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, base := startProcess(t, c.store)
			if status, body := ask(t, "PUT", base+"/fhir/Patient/ada", `{"resourceType":"Patient","id":"ada","name":[{"family":"Example"}]}`); status != 201 {
				t.Fatalf("PUT answers %d %s", status, body)
			}
			if status, body := ask(t, "GET", base+"/fhir/Patient?name=exam", ""); status != 200 || !strings.Contains(body, `"total":1`) {
				t.Errorf("the search answers %d %s", status, body)
			}
			for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
				if status, _ := ask(t, "GET", base+path, ""); status != 200 {
					t.Errorf("%s answers %d", path, status)
				}
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			select {
			case err := <-done:
				if err != nil {
					t.Fatalf("SIGTERM ends the server with %v", err)
				}
			case <-time.After(40 * time.Second):
				t.Fatal("SIGTERM does not end the server")
			}
			_, base = startProcess(t, c.store)
			want := map[bool]int{true: 200, false: 404}[c.kept]
			if status, _ := ask(t, "GET", base+"/fhir/Patient/ada", ""); status != want {
				t.Errorf("after a restart the read answers %d; want %d", status, want)
			}
		})
	}
}

// TestSecondServerOnAStoreIsRefused starts two processes on one folder.
func TestSecondServerOnAStoreIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	startProcess(t, dir)
	if status := run(context.Background(), []string{"serve", "--listen", "127.0.0.1:0", "--store", dir}); status != 1 {
		t.Errorf("the second server exits with %d; want 1", status)
	}
}
