package main

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"kiln/fhir"
	"kiln/resources/definitions"
)

// exportPage is how many resources are taken from the store at once.
const exportPage = 1000

func newExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Write all current resources as NDJSON, a file for each type",
		Long: `Writes DIR/Patient.ndjson and so on: one resource a line, as stored. Files that are in DIR already are
replaced; deleted resources and old versions are not written.`,
		Example: "  kiln export ./out --store ./kiln-data\n  kiln export ./out --gzip",
		Args:    cobra.ExactArgs(1),
	}
	at := anyStoreFlag(cmd)
	pack := cmd.Flags().Bool("gzip", false, "write .ndjson.gz")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := at.plan()
		if err != nil {
			return err
		}
		if _, err := os.Stat(p.Store); err != nil && !remote(p.Store) {
			return wrongUsage("--store: there is no folder %s", shown(p.Store))
		}
		a, err := p.assemble(cmd.Context())
		if err != nil {
			return err
		}
		defer a.Close()
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return err
		}
		for _, typ := range definitions.R4().ResourceNames() {
			count, err := exportType(cmd.Context(), a.Service, typ, args[0], *pack)
			if err != nil {
				return fmt.Errorf("exporting %s: %w", typ, err)
			}
			if count > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\t%d\n", typ, count)
			}
		}
		return nil
	}
	return cmd
}

// exportType writes one file, which takes its name when it is whole. No file is left for a type
// without resources.
func exportType(ctx context.Context, service *fhir.Service, typ, dir string, pack bool) (int, error) {
	name := filepath.Join(dir, typ+".ndjson")
	if pack {
		name += ".gz"
	}
	f, err := os.CreateTemp(dir, typ+".*.partial")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	count, err := writeLines(ctx, service, typ, f, pack)
	if err != nil {
		return count, err
	}
	if count == 0 {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return 0, err
		}
		return 0, nil
	}
	if err := f.Chmod(0o644); err != nil {
		return count, err
	}
	return count, os.Rename(f.Name(), name)
}

func writeLines(ctx context.Context, service *fhir.Service, typ string, f *os.File, pack bool) (count int, err error) {
	out := bufio.NewWriterSize(f, 1<<20)
	lines := out
	var packed *gzip.Writer
	if pack {
		packed = gzip.NewWriter(out)
		lines = bufio.NewWriterSize(packed, 1<<16)
	}
	for query := fmt.Sprintf("_count=%d&_total=none", exportPage); query != ""; {
		page, err := service.Search(ctx, fhir.SearchRequest{Type: typ, Query: query})
		if err != nil {
			return count, err
		}
		for _, entry := range page.Entries {
			if _, err := lines.Write(entry.Resource); err != nil {
				return count, err
			}
			if err := lines.WriteByte('\n'); err != nil {
				return count, err
			}
			count++
		}
		if query, err = nextQuery(page.Links); err != nil {
			return count, err
		}
	}
	if pack {
		if err := lines.Flush(); err != nil {
			return count, err
		}
		if err := packed.Close(); err != nil {
			return count, err
		}
	}
	return count, out.Flush()
}

// nextQuery is the query of the link to the next page, "" on the last.
func nextQuery(links []fhir.Link) (string, error) {
	for _, link := range links {
		if link.Relation == "next" {
			u, err := url.Parse(link.URL)
			if err != nil {
				return "", err
			}
			return u.RawQuery, nil
		}
	}
	return "", nil
}
