// Command kiln is an HL7 FHIR R4 server in one binary: it serves, loads, exports, checks, backs up
// and validates. docs/cli.md lists its commands; every one of them answers --help.
//
// Exit status: 0 done, 1 failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run is main with its arguments, for tests. It returns the exit status.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintln(os.Stderr, "kiln: "+strings.TrimSuffix(err.Error(), "\n"))
	}
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// errReported is a failure whose reasons have been printed already.
var errReported = errors.New("failed")

// usageError is a call that cannot be carried out as written.
type usageError struct{ sentence string }

func (e usageError) Error() string { return e.sentence }

func wrongUsage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }
