package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"kiln/fhir"
	"kiln/search"
	"kiln/store"
	"kiln/store/mongodb"
	"kiln/store/pebble"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare everything in a store with everything else",
		Long: `Walks a store: index against resources, history without holes, checksums, the chain of the audit log. Prints a line for each thing that
disagrees; exit status 1 if any does. With --repair the index is built again from the resources first, which also brings an
embedded store of the format before to the present one. A MongoDB database is checked as of one state while servers go on.`,
		Example: "  kiln check --store ./kiln-data\n  kiln check --store 'mongodb://localhost/kiln?replicaSet=rs0'",
		Args:    cobra.NoArgs,
	}
	at := anyStoreFlag(cmd)
	repair := cmd.Flags().Bool("repair", false, "build the index again from the resources")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if remote(at.path()) {
			return checkDatabase(cmd, at, *repair)
		}
		if *repair {
			if err := repairStore(cmd, at.path()); err != nil {
				return fmt.Errorf("repairing: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the index is rebuilt")
		}
		return checkStore(cmd, at.path())
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

// checkDatabase walks a MongoDB database, and with repair puts right first what follows from the resources.
func checkDatabase(cmd *cobra.Command, at storeAt, repair bool) error {
	plan, err := at.plan()
	if err != nil {
		return err
	}
	parameters, err := plan.parameters()
	if err != nil {
		return err
	}
	opened, err := plan.open(cmd.Context(), parameters)
	if err != nil {
		return err
	}
	s := opened.(*mongodb.Store)
	err = useDefinitions(cmd.Context(), s, parameters)
	if err == nil && repair {
		// What is beyond a repair is told by the check after it.
		if failed := s.Repair(cmd.Context()); failed != nil && cmd.Context().Err() != nil {
			err = failed
		}
		fmt.Fprintln(cmd.OutOrStdout(), "what follows from the resources is repaired")
	}
	if err == nil {
		err = check(cmd, s, func(ctx context.Context, report func(fmt.Stringer)) error {
			return s.Check(ctx, func(p mongodb.Problem) { report(p) })
		})
	}
	return errors.Join(err, s.Close())
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
		err = check(cmd, s, func(ctx context.Context, report func(fmt.Stringer)) error {
			return s.Check(ctx, func(p pebble.Problem) { report(p) })
		})
	}
	return errors.Join(err, s.Close())
}

// check prints a line for each problem of a walk, and of the audit log.
func check(cmd *cobra.Command, s store.Store, walk func(ctx context.Context, report func(fmt.Stringer)) error) error {
	problems := 0
	err := walk(cmd.Context(), func(p fmt.Stringer) {
		problems++
		fmt.Fprintln(cmd.OutOrStdout(), p)
	})
	if err == nil {
		var more int
		more, err = checkAudit(cmd, s)
		problems += more
	}
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
