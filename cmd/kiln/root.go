package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// commands lists the subcommands in the order of --help.
var commands = []func() *cobra.Command{
	newDemo, newServe, newLoad, newExport, newCheck, newBackup, newRestore, newCopy, newLogin, newUser, newClient, newKeys, newAudit, newValidate, newFHIRPath, newBench, newVersion,
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "kiln",
		Short:         "An HL7 FHIR R4 server in one binary",
		Long:          "Kiln is an HL7 FHIR R4 (4.0.1) server in one binary. `kiln serve` starts it, `kiln demo` shows it.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return wrongUsage("%s; `%s --help` lists the flags", err, cmd.CommandPath())
	})
	for _, command := range commands {
		root.AddCommand(asUsage(command()))
	}
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return wrongUsage("there is no command %q; `kiln --help` lists them", args[0])
		}
		return nil
	}
	return root
}

// asUsage makes a wrong number of arguments a usage error.
func asUsage(cmd *cobra.Command) *cobra.Command {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return wrongUsage("%s; the usage is: %s", strings.TrimSuffix(err.Error(), "."), cmd.UseLine())
			}
			return nil
		}
	}
	return cmd
}
