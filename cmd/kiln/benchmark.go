package main

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kiln/cmd/kiln/bench"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this server against bare references on this machine",
		Long: `Loads invented records into a new store, starts this binary as a server and measures it against bare
references that run beside it: a gin handler that serves the same bytes, the storage engine alone with
the same keys and values. Ratios hold on any machine; figures a second are of this one. The report is
a table of Markdown on standard output. Sections: ` + strings.Join(bench.Sections(), ", ") + ".",
		Example: "  kiln bench\n  kiln bench --resources 1000000 --section search,count",
		Args:    cobra.NoArgs,
	}
	var options bench.Options
	f := cmd.Flags()
	f.IntVar(&options.Resources, "resources", 100_000, "resources to load before measuring")
	f.IntVar(&options.Rounds, "rounds", 5, "rounds, of which the median is taken")
	f.DurationVar(&options.Length, "length", 2*time.Second, "length of a round")
	f.StringSliceVar(&options.Sections, "section", nil, "sections to run (default: all)")
	f.StringVar(&options.Bundles, "bundles", "", "folder of transactions (.json or .json.gz) for the section bundles")
	f.StringVar(&options.Dir, "dir", "", "folder to work in (default: a temporary one)")
	f.BoolVar(&options.Keep, "keep", false, "use the store that --dir has from a run with as many --resources, instead of loading")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range options.Sections {
			if !slices.Contains(bench.Sections(), name) {
				return wrongUsage("--section: there is no section %q; there are %s", name, strings.Join(bench.Sections(), ", "))
			}
		}
		if options.Keep && options.Dir == "" {
			return wrongUsage("--keep goes together with --dir")
		}
		options.Log = os.Stderr
		report, err := bench.Run(cmd.Context(), options)
		if report != nil {
			if writeErr := report.Write(cmd.OutOrStdout()); err == nil {
				err = writeErr
			}
		}
		return err
	}
	cmd.AddCommand(&cobra.Command{
		Use:    "reference FILE",
		Hidden: true,
		Short:  "Serve one answer with a bare gin handler",
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			collectSeldom() // as the server does
			return bench.ServeReference(cmd.Context(), args[0], os.Stderr)
		},
	})
	return cmd
}
