package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a child of this binary that listens on HTTP.
type Process struct {
	Address string        // HOST:PORT
	Ready   time.Duration // from start to the line that says it listens
	cmd     *exec.Cmd
	done    chan error
}

// listening begins the line that a child prints when it accepts connections.
const listening = "listening on "

// Start runs this binary with arguments that make it listen, and waits until it does.
func Start(ctx context.Context, args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = cmd.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, done: make(chan error, 1)}
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		line := lines.Text()
		if i := strings.Index(line, listening); i >= 0 {
			p.Ready = time.Since(start)
			base, err := url.Parse(strings.Trim(strings.Fields(line[i+len(listening):])[0], `"`))
			if err != nil {
				return nil, err
			}
			p.Address = base.Host
			break
		}
		said = append(said, line)
	}
	if p.Address == "" {
		err := cmd.Wait()
		return nil, fmt.Errorf("kiln %s did not start (%w): %s", args[0], err, strings.Join(said, " | "))
	}
	go func() {
		_, _ = io.Copy(io.Discard, out) // the pipe must not fill up
		p.done <- cmd.Wait()
	}()
	return p, nil
}

// Stop ends the child as an operator would, and waits.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.done:
		return err
	case <-time.After(time.Minute):
		return errors.Join(errors.New("the child did not stop within a minute"), p.cmd.Process.Kill())
	}
}

// Kill ends the child as a power cut would, and waits.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	<-p.done // says that it was killed
	return nil
}

// Halt lets the child stand still until Resume.
func (p *Process) Halt() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a child that stands still go on.
func (p *Process) Resume() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// Memory is the resident size of the child in bytes; 0 where the system has no /proc.
func (p *Process) Memory() int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			kib, _ := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			return kib << 10
		}
	}
	return 0
}
