package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"kiln/auth/audit"
	"kiln/store"
)

// checkAudit walks the chain of the audit log, and tells how it ends, which is worth keeping elsewhere: whoever could
// rewrite the whole chain could not make it end the same. problems counts what disagrees.
func checkAudit(cmd *cobra.Command, s store.Store) (problems int, err error) {
	seen, err := audit.Check(cmd.Context(), s.Records(audit.Bucket), func(p audit.Problem) {
		problems++
		fmt.Fprintln(cmd.OutOrStdout(), p)
	})
	if err == nil && seen.Chunks > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "the audit log has %d events in %d chunks and ends with %s\n", seen.Events, seen.Chunks, seen.Hash)
	}
	return problems, err
}
