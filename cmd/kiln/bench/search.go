package bench

import (
	"context"
	"math/rand/v2"
	"net/url"
	"strconv"
)

// searches is the query set of row 4; each makes a random query with about 20 hits or fewer.
var searches = []struct {
	name   string
	target float64
	path   func(b *Bench, r *rand.Rand) string
}{
	{"identifier", 0.50, func(b *Bench, r *rand.Rand) string {
		return "/fhir/Patient?identifier=" + url.QueryEscape(MRNSystem+"|"+MRN(r.IntN(b.patients())))
	}},
	{"family name", 0.40, func(_ *Bench, r *rand.Rand) string {
		return "/fhir/Patient?family=" + families[r.IntN(len(families))] + strconv.Itoa(r.IntN(1000))
	}},
	{"patient and code", 0.40, func(b *Bench, r *rand.Rand) string {
		return "/fhir/Observation?patient=" + PatientID(r.IntN(b.patients())) + "&code=" + Code(pick(r, 200))
	}},
	{"patient sorted by -date", 0.40, func(b *Bench, r *rand.Rand) string {
		return "/fhir/Observation?patient=" + PatientID(r.IntN(b.patients())) + "&_sort=-date"
	}},
	{"code and date range", 0.40, func(_ *Bench, r *rand.Rand) string {
		year, month := 2016+r.IntN(10), 1+r.IntN(9)
		return "/fhir/Observation?code=" + Code(pick(r, 200)) + "&date=ge" + strconv.Itoa(year) + "-0" + strconv.Itoa(month) + "&date=lt" + strconv.Itoa(year) + "-0" + strconv.Itoa(month) + "-15"
	}},
}

// search is row 4: searches to 20 hits against a bare gin handler that serves one such page.
func (b *Bench) search(ctx context.Context) error {
	for _, s := range searches {
		path := func(r *rand.Rand) string { return s.path(b, r) }
		ratio, rate, _, last, err := b.against(ctx, path, b.gets(8, path))
		if err != nil {
			return err
		}
		b.Report.AtLeast(4, "search by "+s.name+", 8 clients ÷ bare gin", ratio, s.target, perSecond(rate), "p99 "+milliseconds(last.P99))
	}
	return nil
}
