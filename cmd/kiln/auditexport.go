package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kiln/auth/audit"
)

func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "Take the audit log out", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(asUsage(newAuditExport()))
	return cmd
}

func newAuditExport() *cobra.Command {
	t := &administered{}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log as AuditEvents, one a line",
		Long: `Writes the audit log to standard output as AuditEvents, one a line (NDJSON), in the order in which it grew. With --patient
it is the account of who saw or changed one patient's record.`,
		Example: "  kiln audit export --patient anna-berg --from 2026-01-01T00:00:00Z > disclosures.ndjson",
		Args:    cobra.NoArgs,
	}
	t.flags(cmd)
	from := cmd.Flags().String("from", "", "events from this moment on, such as 2026-01-31T00:00:00Z")
	to := cmd.Flags().String("to", "", "events before this moment")
	patient := cmd.Flags().String("patient", "", "events about the record of the patient with this id")
	site := cmd.Flags().String("base-url", "http://127.0.0.1:8080", "public URL of the server, for identifiers of people and apps, where --url is not given")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		selected := audit.Selection{Patient: *patient}
		for name, given := range map[string]struct {
			text string
			to   *time.Time
		}{"from": {*from, &selected.From}, "to": {*to, &selected.To}} {
			if given.text == "" {
				continue
			}
			var err error
			if *given.to, err = time.Parse(time.RFC3339, given.text); err != nil {
				return wrongUsage("--%s is %q; expected a moment such as 2026-01-31T00:00:00Z", name, given.text)
			}
		}
		if t.url != "" || t.token != "" {
			return t.exportRemote(cmd, selected)
		}
		s, err := t.open(cmd.Context())
		if err != nil {
			return err
		}
		_, err = audit.Export(cmd.Context(), s.Records(audit.Bucket), strings.TrimRight(*site, "/"), selected, cmd.OutOrStdout())
		return errors.Join(err, s.Close())
	}
	return cmd
}

// exportRemote takes the log of a running server, however long that is.
func (t *administered) exportRemote(cmd *cobra.Command, selected audit.Selection) error {
	r, err := t.remote()
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, at := range map[string]time.Time{"from": selected.From, "to": selected.To} {
		if !at.IsZero() {
			query.Set(name, at.Format(time.RFC3339))
		}
	}
	if selected.Patient != "" {
		query.Set("patient", selected.Patient)
	}
	request, err := http.NewRequestWithContext(cmd.Context(), http.MethodPost, r.base+"/auth/admin/audit?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusOK {
		_, err = io.Copy(cmd.OutOrStdout(), answer.Body)
		return err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	return problemOf(answer, text)
}
