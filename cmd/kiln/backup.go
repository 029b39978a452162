package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kiln/store/pebble"
)

func newBackup() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "backup FILE",
		Short:   "Write a consistent copy of an embedded store to one file",
		Long:    "Writes everything that an embedded store holds to FILE, also while a server runs on it.",
		Example: "  kiln backup hospital.kiln --store ./kiln-data",
		Args:    cobra.ExactArgs(1),
	}
	path := storeFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := backedUpByKiln(*path, "mongodump --oplog"); err != nil {
			return err
		}
		size, err := writeBackup(cmd.Context(), *path, args[0])
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "wrote %s (%s)\n", args[0], humanize.IBytes(uint64(size)))
		return nil
	}
	return cmd
}

// backedUpByKiln reports a database, which the tools of its server back up, and other stores that are no folder.
func backedUpByKiln(path, tool string) error {
	if remote(path) {
		return wrongUsage("--store %s: a MongoDB database is backed up and restored with its own tools, here `%s`; `kiln copy` copies it to a folder and back, with all versions; see docs/mongodb.md", shown(path), tool)
	}
	return embedded(path)
}

// writeBackup writes beside the target and renames at the end, so that a failure leaves neither
// half a backup nor a lost older one.
func writeBackup(ctx context.Context, path, target string) (int64, error) {
	f, err := os.CreateTemp(filepath.Dir(target), filepath.Base(target)+".*.partial")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := copyStore(ctx, path, f); err != nil {
		return 0, fmt.Errorf("writing the backup: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(f.Name(), target)
}

// copyStore asks the server that runs on the store, or opens the store where none does.
func copyStore(ctx context.Context, path string, to io.Writer) error {
	s, _, err := openEmbedded(path, false)
	if err != nil {
		if _, statErr := os.Stat(filepath.Join(path, controlSocket)); statErr == nil {
			return backupFromServer(ctx, path, to)
		}
		return err
	}
	defer s.Close()
	return s.Backup(ctx, to)
}

func newRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "restore FILE",
		Short:   "Make a store from a backup",
		Long:    "Makes a store from a file that `kiln backup` wrote. The folder of --store must be missing or empty.",
		Example: "  kiln restore hospital.kiln --store ./kiln-data",
		Args:    cobra.ExactArgs(1),
	}
	path := storeFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := backedUpByKiln(*path, "mongorestore --oplogReplay"); err != nil {
			return err
		}
		f, err := openFile(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pebble.Restore(f, *path); err != nil {
			return fmt.Errorf("restoring %s into %s: %w", args[0], *path, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "restored %s into %s\n", args[0], *path)
		return nil
	}
	return cmd
}
