package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// read is row 1: read by id against a bare gin handler with the same bytes and headers.
func (b *Bench) read(ctx context.Context) error {
	for _, clients := range []int{8, 32} {
		path := func(r *rand.Rand) string { return "/fhir/Patient/" + PatientID(r.IntN(b.patients())) }
		ratio, rate, tail, last, err := b.against(ctx, path, b.gets(clients, path))
		if err != nil {
			return err
		}
		b.Report.AtLeast(1, fmt.Sprintf("read by id, %d clients ÷ bare gin", clients), ratio, 0.60, perSecond(rate), "p99 "+milliseconds(last.P99))
		b.Report.AtMost(1, fmt.Sprintf("read by id, %d clients: p99 ÷ bare gin", clients), tail, 2, "", "")
	}
	return nil
}

// clients is row 12: many clients against few, without errors.
func (b *Bench) clients(ctx context.Context) error {
	next := func(r *rand.Rand) string { return "/fhir/Patient/" + PatientID(r.IntN(b.patients())) }
	ratio, rate, _, _, err := b.compare(ctx, b.gets(256, next), b.gets(8, next))
	if err != nil {
		return err
	}
	b.Report.AtLeast(12, "read by id, 256 clients ÷ 8 clients", ratio, 0.90, perSecond(rate), "0 errors")
	return nil
}
