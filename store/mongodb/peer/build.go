package peer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// buildFerretDB gives the program, which the first process to ask builds into the user's cache.
func buildFerretDB() (string, error) {
	source, err := moduleFolder()
	if err != nil {
		return "", err
	}
	program, err := programFile(source)
	if err != nil || exists(program) {
		return program, err
	}
	lock, err := lockFile(program + ".lock")
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if exists(program) { // built by who had the lock before
		return program, nil
	}
	return program, build(source, program)
}

// moduleFolder is where FerretDB's module lies, in the module that the test is run in.
func moduleFolder() (string, error) {
	output, err := exec.Command("go", "env", "GOMOD").Output() //nolint:noctx // at once
	if err != nil {
		return "", fmt.Errorf("asking go for the module of the test: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(output)))
	return filepath.Join(root, "store", "mongodb", "peer", "ferretdb"), nil
}

// programFile is the name of the program made from these sources.
func programFile(source string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, name := range [...]string{"go.mod", "go.sum", "main.go"} {
		content, err := os.ReadFile(filepath.Join(source, name)) //nolint:gosec // in the folder of the tests
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, name, len(content))
		sum.Write(content)
	}
	cache, err := os.UserCacheDir()
	if err != nil { // there is no home
		cache = os.TempDir()
	}
	folder := filepath.Join(cache, "kiln")
	return filepath.Join(folder, "ferretdb-"+hex.EncodeToString(sum.Sum(nil)[:8])), os.MkdirAll(folder, 0o750)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// patience is how long a build may take, the download of its modules included.
const patience = 15 * time.Minute

// lockFile waits until no other process holds the lock.
func lockFile(name string) (io.Closer, error) {
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		lock, err := vfs.Default.Lock(name)
		if err == nil || time.Now().After(end) {
			return lock, err
		}
	}
}

// build makes the program under another name first, so that there is never a part of one.
func build(source, program string) error {
	made := program + ".new"
	command := exec.Command("go", "build", "-o", made, ".") //nolint:gosec,noctx // our own sources; the time limit of the test
	command.Dir = source
	command.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building FerretDB failed: %w\n%s", err, beginning(output))
	}
	return os.Rename(made, program)
}

// beginning is as much of what go says as one reads: without a network it says the same of each package.
func beginning(output []byte) string {
	const lines = 5
	list := strings.SplitAfterN(strings.TrimSpace(string(output)), "\n", lines+1)
	if len(list) > lines {
		list[lines] = "…"
	}
	return strings.Join(list, "")
}
