package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// slowest is the p99 that no query of the set should pass with 8 clients.
const slowest = 100 * time.Millisecond

// queries is the query set of docs/performance.md; each makes a random query of its kind.
var queries = []struct {
	name  string
	row5  bool // measured against a bare gin handler too
	query func(b *Bench, r *rand.Rand) string
}{
	{"identifier", false, func(b *Bench, r *rand.Rand) string {
		return "Patient?identifier=" + url.QueryEscape(MRNSystem+"|"+MRN(r.IntN(b.patients())))
	}},
	{"name prefix", false, func(_ *Bench, r *rand.Rand) string {
		return "Patient?name=" + families[r.IntN(len(families))][:2]
	}},
	{"by patient", false, func(b *Bench, r *rand.Rand) string { return "Observation?subject=Patient/" + b.anyPatient(r) }},
	{"patient and code by -date", false, func(b *Bench, r *rand.Rand) string {
		return "Observation?patient=" + b.anyPatient(r) + "&code=" + Code(pick(r, 200)) + "&_sort=-date"
	}},
	{"code and date range", false, func(_ *Bench, r *rand.Rand) string {
		year := strconv.Itoa(2016 + r.IntN(10))
		return "Observation?code=" + Code(pick(r, 200)) + "&date=ge" + year + "-03&date=lt" + year + "-05"
	}},
	{"chained, common name", true, func(_ *Bench, r *rand.Rand) string {
		return "Observation?subject:Patient.family=" + families[r.IntN(len(families))]
	}},
	{"chained, selective", true, func(b *Bench, r *rand.Rand) string {
		return "Observation?subject:Patient.identifier=" + url.QueryEscape(MRNSystem+"|"+MRN(r.IntN(b.patients())))
	}},
	{"_has", true, func(_ *Bench, r *rand.Rand) string {
		return "Patient?_has:Observation:patient:code=" + Code(r.IntN(200)) + "&family=" + families[r.IntN(len(families))]
	}},
	{"_include, page of 60", true, func(_ *Bench, r *rand.Rand) string {
		return "Observation?code=" + Code(r.IntN(200)) + "&_include=Observation:subject&_count=30"
	}},
	{"_revinclude, page of 60", true, func(_ *Bench, r *rand.Rand) string {
		return "Patient?name=" + families[r.IntN(len(families))] + "&_revinclude=Condition:patient&_count=20"
	}},
	{"two broad filters", false, func(_ *Bench, r *rand.Rand) string {
		return "Observation?category=laboratory&status=final&code=" + Code(r.IntN(5))
	}},
	{"_sort on an unselective set", false, func(*Bench, *rand.Rand) string { return "Observation?status=final&_sort=-date" }},
	{"_summary=count", false, func(_ *Bench, r *rand.Rand) string {
		return "Observation?code=" + Code(r.IntN(200)) + "&_summary=count"
	}},
}

// anyPatient names one; every tenth is one of the heavy ones.
func (b *Bench) anyPatient(r *rand.Rand) string { return PatientID(b.Hospital.heavy(r, b.patients())) }

// querySet measures the whole query set with 8 clients, and what row 5 compares with bare gin.
func (b *Bench) querySet(ctx context.Context) error {
	for _, q := range queries {
		path := func(r *rand.Rand) string { return "/fhir/" + q.query(b, r) }
		rows, err := b.rowsSeen(ctx, path)
		if err != nil {
			return err
		}
		load := b.gets(8, path)
		var ratio float64
		var last Result
		if q.row5 {
			if ratio, _, _, last, err = b.against(ctx, path, load); err != nil {
				return err
			}
			b.Report.AtLeast(5, q.name+", 8 clients ÷ bare gin", ratio, 0.35, perSecond(last.Rate()), "p99 "+milliseconds(last.P99))
		} else if last = load.Run(ctx); last.Errors > 0 {
			return fmt.Errorf("%s: %d of %d requests failed: %w", q.name, last.Errors, last.Requests, last.First)
		}
		note := fmt.Sprintf("p50 %s, rows seen %d (median), %d (most)", milliseconds(last.P50), rows[len(rows)/2], rows[len(rows)-1])
		b.Report.AtMost(6, fmt.Sprintf("%s, %d resources: p99, ms", q.name, b.Resources), float64(last.P99.Microseconds())/1000, float64(slowest.Milliseconds()), perSecond(last.Rate()), note)
	}
	return nil
}

// examined is the line of a plan with all rows.
var examined = regexp.MustCompile(`(\d+) rows and resources examined`)

// rowsSeen samples how many rows the query looks at, ascending.
func (b *Bench) rowsSeen(ctx context.Context, path func(*rand.Rand) string) ([]int, error) {
	r := rand.New(rand.NewPCG(11, 11))
	rows := make([]int, samples)
	for i := range rows {
		answer, err := Capture(ctx, b.server.Address, path(r)+"&_explain=true")
		if err != nil {
			return nil, err
		}
		found := examined.FindSubmatch(answer.Body)
		if found == nil || !json.Valid(answer.Body) {
			return nil, fmt.Errorf("%s: the answer has no plan", path(r))
		}
		if rows[i], err = strconv.Atoi(string(found[1])); err != nil {
			return nil, err
		}
	}
	slices.Sort(rows)
	return rows, nil
}
