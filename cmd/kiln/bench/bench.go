package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Options of a run.
type Options struct {
	Resources int           // loaded before measuring
	Rounds    int           // each figure is the median of so many interleaved rounds
	Length    time.Duration // of one round of one load
	Sections  []string      // names of sections; empty: all
	Dir       string        // work folder; removed at the end if it was made here
	Keep      bool          // use the store that Dir has, if a run before loaded as many resources into it
	Bundles   string        // folder of transactions (.json, .json.gz) for the section bundles; may be empty
	Log       io.Writer
}

// EnsureDefaults fills what is not set.
func (o *Options) EnsureDefaults() {
	if o.Resources == 0 {
		o.Resources = 100_000
	}
	if o.Rounds == 0 {
		o.Rounds = 5
	}
	if o.Length == 0 {
		o.Length = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = os.Stderr
	}
}

// Bench is a run in progress.
type Bench struct {
	Options
	Report   *Report
	Hospital Hospital
	server   *Process
	store    string
	loaded   loaded
}

// section is one group of rows.
type section struct {
	name string
	run  func(*Bench, context.Context) error
}

// sections in the order they run: those that write come last.
var sections = []section{
	{"parse", (*Bench).parse},
	{"memory", (*Bench).memory},
	{"read", (*Bench).read},
	{"search", (*Bench).search},
	{"queries", (*Bench).querySet},
	{"count", (*Bench).count},
	{"auth", (*Bench).authorize},
	{"clients", (*Bench).clients},
	{"create", (*Bench).create},
	{"transaction", (*Bench).transaction},
	{"bundles", (*Bench).bundles},
	{"memory-loaded", (*Bench).resident},
	{"export", (*Bench).export},
	{"start", (*Bench).start},
	{"reindex", (*Bench).reindex},
}

// Sections lists the names that Options.Sections takes.
func Sections() []string {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	return names
}

// Run measures and returns the report.
func Run(ctx context.Context, options Options) (*Report, error) {
	options.EnsureDefaults()
	if options.Dir == "" {
		dir, err := os.MkdirTemp("", "kiln-bench-*")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		options.Dir = dir
	}
	if err := os.MkdirAll(options.Dir, 0o750); err != nil {
		return nil, err
	}
	b := &Bench{Options: options, Report: &Report{Log: options.Log}, Hospital: Hospital{Seed: 1}, store: filepath.Join(options.Dir, "store")}
	if err := b.loadOrReuse(ctx); err != nil {
		return nil, fmt.Errorf("loading: %w", err)
	}
	if err := b.startServer(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = b.server.Stop() }()
	for _, s := range sections {
		if len(options.Sections) > 0 && !slices.Contains(options.Sections, s.name) {
			continue
		}
		if err := s.run(b, ctx); err != nil {
			return b.Report, fmt.Errorf("%s: %w", s.name, err)
		}
		if err := ctx.Err(); err != nil {
			return b.Report, err
		}
	}
	return b.Report, nil
}

func (b *Bench) startServer(ctx context.Context) (err error) {
	b.server, err = Start(ctx, "serve", "--listen", "127.0.0.1:0", "--store", b.store, "--auth", "off")
	return err
}

// compare runs a load on the server and the same on a reference, interleaved, and returns the
// medians of the ratio, of the server's rate and of its p99 as a multiple of the reference's.
func (b *Bench) compare(ctx context.Context, server, reference Load) (ratio, rate, p99 float64, last Result, err error) {
	var ratios, rates, tails []float64
	for range b.Rounds {
		there := reference.Run(ctx)
		last = server.Run(ctx)
		if there.Errors > 0 {
			return 0, 0, 0, there, fmt.Errorf("reference: %d of %d requests failed: %w", there.Errors, there.Requests, there.First)
		}
		if last.Errors > 0 {
			return 0, 0, 0, last, fmt.Errorf("%d of %d requests failed: %w", last.Errors, last.Requests, last.First)
		}
		ratios = append(ratios, last.Rate()/there.Rate())
		rates = append(rates, last.Rate())
		tails = append(tails, float64(last.P99)/float64(there.P99))
	}
	return median(ratios), median(rates), median(tails), last, nil
}

// samples is how many answers are looked at to choose the one that a reference serves.
const samples = 51

// against is compare with a bare gin handler that serves one of the server's own answers: the one
// of median length among those to random paths.
func (b *Bench) against(ctx context.Context, path func(*rand.Rand) string, server Load) (ratio, rate, p99 float64, last Result, err error) {
	r := rand.New(rand.NewPCG(7, 7))
	answers := make([]Answer, samples)
	for i := range answers {
		if answers[i], err = Capture(ctx, b.server.Address, path(r)); err != nil {
			return 0, 0, 0, Result{}, err
		}
	}
	slices.SortFunc(answers, func(x, y Answer) int { return len(x.Body) - len(y.Body) })
	answer := answers[len(answers)/2]
	reference, err := StartReference(ctx, answer)
	if err != nil {
		return 0, 0, 0, Result{}, err
	}
	defer func() { _ = reference.Stop() }()
	bare := server
	bare.Address = reference.Address
	return b.compare(ctx, server, bare)
}

func (b *Bench) gets(clients int, next func(r *rand.Rand) string) Load {
	return Load{
		Address: b.server.Address, Clients: clients, Length: b.Length, Accept: 200,
		Next: func(_ int, r *rand.Rand) []byte { return Get(next(r)) },
	}
}

func (b *Bench) patients() int { return b.Hospital.Patients(b.Resources) }
