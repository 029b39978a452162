package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kiln": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		status := run(ctx, os.Args[1:])
		stop()
		os.Exit(status)
	}})
}

// TestScripts runs the conversations under testdata/script: what a person types and what they see.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": wantStatus,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CACHE_HOME", env.WorkDir+"/cache")
			return nil
		},
	})
}

// wantStatus runs kiln and expects an exit status: "status 2 serve --nonsense".
func wantStatus(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status NUMBER ARGUMENTS…")
	}
	err := ts.Exec("kiln", args[1:]...)
	got := "0"
	if err != nil {
		got = err.Error()
	}
	want := map[string]string{"0": "0", "1": "exit status 1", "2": "exit status 2"}[args[0]]
	if got != want {
		ts.Fatalf("kiln %v: %s; want status %s", args[1:], got, args[0])
	}
}
