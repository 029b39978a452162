package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"kiln/fhir"
	"kiln/search"
	"kiln/store/pebble"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare everything in a store with everything else",
		Long: `Walks an embedded store: index against resources, history without holes, checksums. Prints a line for
each thing that disagrees; exit status 1 if any does. With --repair the index is built again from the
resources first, which also brings a store of the format before to the present one.`,
		Example: "  kiln check --store ./kiln-data",
		Args:    cobra.NoArgs,
	}
	path := storeFlag(cmd)
	repair := cmd.Flags().Bool("repair", false, "build the index again from the resources")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *repair {
			if err := repairStore(cmd, *path); err != nil {
				return fmt.Errorf("repairing: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the index is rebuilt")
		}
		return checkStore(cmd, *path)
	}
	return cmd
}

func repairStore(cmd *cobra.Command, path string) error {
	s, parameters, err := openEmbedded(path, true)
	if err != nil {
		return err
	}
	return errors.Join(rebuild(cmd.Context(), s, parameters), s.Close())
}

// checkStore walks the store. Of a search parameter that is being indexed not all values are there, so it is
// left out, and said to be.
func checkStore(cmd *cobra.Command, path string) error {
	s, parameters, err := openEmbedded(path, false)
	if err != nil {
		return err
	}
	unfinished := 0
	if err = useDefinitions(cmd.Context(), s, parameters); err == nil {
		for _, c := range parameters.Customs() {
			if !c.Progress().Complete {
				unfinished++
			}
		}
	}
	if unfinished > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d search parameters are not indexed to the end, and not compared with the resources: `kiln serve` goes on with them, --repair finishes them\n", unfinished)
	}
	if err == nil {
		err = check(cmd, s)
	}
	return errors.Join(err, s.Close())
}

func check(cmd *cobra.Command, s *pebble.Store) error {
	problems := 0
	err := s.Check(cmd.Context(), func(p pebble.Problem) {
		problems++
		fmt.Fprintln(cmd.OutOrStdout(), p)
	})
	if err != nil {
		return fmt.Errorf("checking: %w", err)
	}
	if problems > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d problems\n", problems)
		return errReported
	}
	fmt.Fprintln(cmd.OutOrStdout(), "the store is consistent")
	return nil
}

// rebuild makes the index anew: once with the search parameters of R4, by which the definitions of others
// are found, and where there are some again with these.
func rebuild(ctx context.Context, s *pebble.Store, parameters *search.Parameters) error {
	if err := s.Repair(ctx); err != nil {
		return err
	}
	if err := useDefinitions(ctx, s, parameters); err != nil {
		return err
	}
	if len(parameters.Customs()) > 0 {
		if err := s.Repair(ctx); err != nil {
			return err
		}
	}
	return fhir.CompleteIndexes(ctx, s, parameters)
}
