package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"kiln/fhir"
)

func newCopy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "copy",
		Short: "Copy every version of everything from one store to another",
		Long: `Copies all versions of all resources with their numbers, times and order, what is held and the records
beside them, from one storage engine to another, and then compares the two by number and checksum.
The store to copy to must be empty, or hold an earlier copy: one that was broken off goes on
where it was, and a whole one takes what has come since. Nothing should write to either meanwhile.`,
		Example: "  kiln copy --from ./kiln-data --to mongodb://localhost/kiln?replicaSet=rs0\n  kiln copy --from ./kiln-data --to ./kiln-copy",
		Args:    cobra.NoArgs,
	}
	from := cmd.Flags().String("from", "", "store to copy from: a folder or a mongodb:// URL")
	to := cmd.Flags().String("to", "", "store to copy to: a folder or a mongodb:// URL")
	mongoFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		mongo, err := mongoSettingsOf(cmd)
		if err != nil {
			return err
		}
		done, err := copyFrom(cmd.Context(), *from, *to, mongo)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%d versions of what are %d resources now, and %d records; both stores have the checksum %s\n", done.Versions, done.Resources, done.Records, done.Sum)
		return nil
	}
	return cmd
}

// copyFrom opens two stores and copies the one to the other.
func copyFrom(ctx context.Context, from, to string, mongo mongoSettings) (done fhir.Copied, err error) {
	for flag, path := range map[string]string{"--from": from, "--to": to} {
		if path == "" || path == "memory:" {
			return done, wrongUsage("%s is %q; expected a folder or a mongodb:// URL", flag, path)
		}
	}
	for flag, p := range map[string]plan{"--from": localPlan(from), "--to": localPlan(to)} {
		if err := p.check(); err != nil {
			return done, wrongUsage("%s %s", flag, strings.TrimPrefix(err.Error(), "--store "))
		}
	}
	if from == to {
		return done, wrongUsage("--from and --to are the same store")
	}
	if !remote(from) {
		if _, err := os.Stat(from); err != nil {
			return done, wrongUsage("--from: there is no folder %s", from)
		}
	}
	clock := &fhir.CopyClock{}
	source, target := localPlan(from), localPlan(to)
	target.Now = clock.Now
	source.Mongo, target.Mongo = mongo, mongo
	copier := fhir.Copy{Clock: clock, Logger: target.Logger}
	parameters, err := source.parameters()
	if err != nil {
		return done, err
	}
	if copier.Parameters, err = target.parameters(); err != nil {
		return done, err
	}
	if copier.From, err = source.open(ctx, parameters); err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, copier.From.Close()) }()
	if copier.To, err = target.open(ctx, copier.Parameters); err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, copier.To.Close()) }()
	bar := progress("copying", "versions")
	copier.Copied = func(n int) { _ = bar.Add(n) }
	done, err = copier.Run(ctx)
	_ = bar.Finish()
	return done, err
}

// progress is a bar on a terminal, and nothing elsewhere.
func progress(what, unit string) *progressbar.ProgressBar {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return progressbar.DefaultSilent(-1)
	}
	return progressbar.NewOptions(-1, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
}
