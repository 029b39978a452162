package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func newLoad() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "load PATH…",
		Short: "Load files or folders of resources",
		Long: `Loads JSON, XML and NDJSON files, each also gzipped, folders of them, and implementation guide
packages (.tgz). A transaction or batch is carried out; of a collection every entry is stored; anything
else is stored as the resource that it is, under its id if it has one. In NDJSON every line is one
resource to be stored.

What cannot be loaded is reported with file and line, the rest is loaded, and the exit status is 1.
A load that was interrupted can be run again: transactions and resources without an id that went in
are not loaded twice (unless --again), and resources with an id that are there already stay as they are.`,
		Example: "  kiln load ./patients --store ./kiln-data\n  kiln load bundle.json --url http://127.0.0.1:8080/fhir --token-file token",
		Args:    cobra.MinimumNArgs(1),
	}
	at := anyStoreFlag(cmd)
	base := cmd.Flags().String("url", "", "base URL of a running server to send to instead of opening the store")
	tokenFile := cmd.Flags().String("token-file", "", "file with an access token, for --url")
	again := cmd.Flags().Bool("again", false, "load also what an earlier load has recorded as done")
	validation := cmd.Flags().String("validation", "base", "what is checked: off or base (a server decides that itself)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		collectRarely()
		p, err := at.plan()
		if err != nil {
			return err
		}
		p.Validation = *validation
		to, err := loadTarget(cmd.Context(), p, *base, *tokenFile)
		if err != nil {
			return err
		}
		l := newLoader(to, *again)
		err = l.paths(cmd.Context(), args)
		if closeErr := to.Close(); err == nil {
			err = closeErr
		}
		l.finish()
		if err != nil {
			return err
		}
		if len(l.refused) > 0 {
			return errReported
		}
		return nil
	}
	return cmd
}

// loader takes units and sends them in groups.
type loader struct {
	to    target
	again bool
	bar   *progressbar.ProgressBar
	start time.Time

	searching bool // the second pass
	deferred  int  // units left for it

	mu      sync.Mutex
	loaded  int
	skipped int
	refused []refusal
}

// refusal is one thing that could not be loaded.
type refusal struct{ place, reason string }

func newLoader(to target, again bool) *loader {
	return &loader{to: to, again: again, bar: progress("loading", "resources"), start: time.Now()}
}

// paths loads everything, several groups at a time: while one waits for the disk, the next is read
// and checked.
func (l *loader) paths(ctx context.Context, paths []string) error {
	for _, l.searching = range []bool{false, true} {
		if err := l.pass(ctx, paths); err != nil || l.deferred == 0 {
			return err
		}
	}
	return nil
}

// pass goes through everything once. What has references that are search criteria waits for the
// second pass, when the resources that they look for are there.
func (l *loader) pass(ctx context.Context, paths []string) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(2 * runtime.GOMAXPROCS(0))
	send := func(g group) error {
		work.Go(func() error { return l.send(ctx, g) })
		return ctx.Err()
	}
	lines := grouper{searching: l.searching}
	var err error
	for i := 0; i < len(paths) && err == nil; i++ {
		err = units(paths[i], func(u unit) error { return l.take(u, &lines, send) })
	}
	if err == nil && !lines.group.empty() {
		err = send(lines.take())
	}
	if failed := work.Wait(); failed != nil { // the reason why ctx ended, if it did
		return failed
	}
	return err
}

// take puts a unit into the running group, or sends it at once where it is a bundle to carry out.
func (l *loader) take(u unit, lines *grouper, send func(group) error) error {
	doc, err := u.parse()
	if err == nil {
		_, err = doc.Resource()
	}
	if err != nil {
		if !l.searching {
			l.refuse(u.Place, err.Error())
		}
		return nil
	}
	if searches := hasConditionalReference(doc); searches != l.searching {
		if searches {
			l.deferred++
		}
		return nil
	}
	if !u.Line && doc.Text(doc.Member(0, "resourceType")) == "Bundle" {
		switch doc.Text(doc.Member(0, "type")) {
		case "transaction", "batch":
			return send(bundleGroup(u, doc))
		case "collection":
			return lines.collection(u, doc, send)
		}
	}
	return lines.add(entryOf(u.Place, doc, 0), send)
}

func (l *loader) send(ctx context.Context, g group) error {
	if !l.again && g.once != "" {
		done, err := l.to.Done(ctx, g.once)
		if err != nil {
			return err
		}
		if done {
			l.count(0, g.size(), nil)
			return nil
		}
	}
	refused, err := l.to.Send(ctx, g)
	if err != nil {
		return fmt.Errorf("%s: %w", g.places[0], err)
	}
	l.count(g.size()-len(refused), 0, refused)
	return nil
}

func (l *loader) count(loaded, skipped int, refused []refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loaded += loaded
	l.skipped += skipped
	l.refused = append(l.refused, refused...)
	_ = l.bar.Add(loaded + skipped)
}

func (l *loader) refuse(place, reason string) { l.count(0, 0, []refusal{{place, reason}}) }

// finish prints the report.
func (l *loader) finish() {
	_ = l.bar.Finish()
	for _, r := range l.refused {
		fmt.Fprintf(os.Stderr, "refused: %s: %s\n", r.place, r.reason)
	}
	elapsed := time.Since(l.start)
	fmt.Printf("loaded %d resources in %s (%.0f/s)", l.loaded, elapsed.Round(time.Millisecond), float64(l.loaded)/elapsed.Seconds())
	if l.skipped > 0 {
		fmt.Printf(", skipped %d that were loaded before", l.skipped)
	}
	if len(l.refused) > 0 {
		fmt.Printf(", refused %d", len(l.refused))
	}
	fmt.Println()
}
