package bench

import (
	"fmt"
	"io"
	"slices"
	"strconv"
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

// Tell adds what has no target.
func (r *Report) Tell(work, value, note string) { r.add(Row{Work: work, Value: value, Note: note}) }

func (r *Report) add(row Row) {
	r.Rows = append(r.Rows, row)
	fmt.Fprintf(r.Log, "%2s  %-58s %6s  %-8s %-6s %s %s\n", row.number(), row.Work, row.figure(), row.Target, row.met(), row.Value, row.Note)
}

// number is that of the row, "" where docs/performance.md has no row for the work.
func (r Row) number() string {
	if r.Number == 0 {
		return ""
	}
	return strconv.Itoa(r.Number)
}

func (r Row) figure() string {
	if r.Target == "" {
		return ""
	}
	return fmt.Sprintf("%.2f", r.Ratio)
}

func (r Row) met() string {
	switch {
	case r.Target == "":
		return ""
	case r.Met:
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
		fmt.Fprintf(t, "| %s \t| %s \t| %s \t| %s \t| %s \t| %s \t| %s \t|\n", row.number(), row.Work, row.Value, row.figure(), row.Target, row.met(), strings.ReplaceAll(row.Note, "|", "/"))
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
