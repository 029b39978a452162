package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// maxWait bounds what a reference waits for a request header.
const maxWait = 10 * time.Second

// Row is one published figure.
type Row struct {
	Number int    // of the table in docs/performance.md
	Work   string // what was done, with concurrency
	Value  string // what was measured, with its unit
	Ratio  float64
	Target string
	Met    bool
	Note   string
}

// Report collects rows and prints them as they come.
type Report struct {
	Rows []Row
	Log  io.Writer
}

// AtLeast adds a ratio that should reach target.
func (r *Report) AtLeast(number int, work string, ratio, target float64, value, note string) {
	r.add(Row{number, work, value, ratio, fmt.Sprintf("≥ %.2f", target), ratio >= target, note})
}

// AtMost adds a figure that should not pass target.
func (r *Report) AtMost(number int, work string, figure, target float64, value, note string) {
	r.add(Row{number, work, value, figure, fmt.Sprintf("≤ %g", target), figure <= target, note})
}

func (r *Report) add(row Row) {
	r.Rows = append(r.Rows, row)
	fmt.Fprintf(r.Log, "%2d  %-58s %6.2f  %-8s %-6s %s %s\n", row.Number, row.Work, row.Ratio, row.Target, met(row.Met), row.Value, row.Note)
}

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "missed"
}

// Write prints all rows as a table of Markdown.
func (r *Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| # \t| work \t| measured \t| figure \t| target \t| \t| note \t|")
	fmt.Fprintln(t, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "| %d \t| %s \t| %s \t| %.2f \t| %s \t| %s \t| %s \t|\n", row.Number, row.Work, row.Value, row.Ratio, row.Target, met(row.Met), strings.ReplaceAll(row.Note, "|", "/"))
	}
	return t.Flush()
}

func median(values []float64) float64 {
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}

func perSecond(rate float64) string { return fmt.Sprintf("%.0f/s", rate) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
}
