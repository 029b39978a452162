package main

import (
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// balancer spreads requests over servers, those that said by /readyz that they are ready.
type balancer struct {
	client  *http.Client
	mu      sync.Mutex
	servers map[string]bool // ready
}

func (b *balancer) set(base string, ready bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers[base] = ready
}

func (b *balancer) look() {
	b.mu.Lock()
	var all []string
	for base := range b.servers {
		all = append(all, base)
	}
	b.mu.Unlock()
	for _, base := range all {
		response, err := b.client.Get(base + "/readyz")
		ready := err == nil && response.StatusCode == http.StatusOK
		if err == nil {
			_ = response.Body.Close()
		}
		b.set(base, ready)
	}
}

func (b *balancer) pick() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for base, ready := range b.servers { // in any order
		if ready {
			return base
		}
	}
	return ""
}

// TestRollingRestartFailsNoRequest restarts two servers one after the other, while clients ask whichever is
// ready over connections that they keep.
func TestRollingRestartFailsNoRequest(t *testing.T) {
	stores := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")}
	processes := make([]*exec.Cmd, 2)
	b := &balancer{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}, servers: map[string]bool{}}
	bases := make([]string, 2)
	start := func(i int) {
		processes[i], bases[i] = startProcess(t, stores[i], "KILN_DRAIN_DELAY=1s")
		b.set(bases[i], false)
	}
	start(0)
	start(1)
	b.look()
	stop := make(chan struct{})
	var work sync.WaitGroup
	var answered, failed atomic.Int64
	work.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				b.look()
			}
		}
	})
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, err := b.client.Post(b.pick()+"/fhir/Patient", "application/fhir+json", http.NoBody)
				if err != nil {
					failed.Add(1)
					t.Errorf("a request failed: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				answered.Add(1)
			}
		})
	}
	for i := range processes {
		before := answered.Load()
		if err := processes[i].Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := processes[i].Wait(); err != nil {
			t.Errorf("SIGTERM ends the server with %v", err)
		}
		if answered.Load() == before {
			t.Error("nothing was answered while one of two servers stopped")
		}
		b.mu.Lock()
		delete(b.servers, bases[i])
		b.mu.Unlock()
		start(i)
		b.look()
	}
	close(stop)
	work.Wait()
	if failed.Load() > 0 || answered.Load() == 0 {
		t.Errorf("%d requests were answered, %d failed", answered.Load(), failed.Load())
	}
}
