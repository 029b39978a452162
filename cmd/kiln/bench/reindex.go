package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// progress is what GET $reindex tells of one search parameter.
type progress struct {
	status      string
	done, total float64
}

// reindex measures what a new search parameter of all Observations costs on a loaded store: how fast the
// index is made while nothing else goes on, and across a kill -9 in the middle; what other requests feel of
// it meanwhile; and that it finds all in the end.
func (b *Bench) reindex(ctx context.Context) error {
	if err := b.define(ctx, "bench-device", "Observation.device.display"); err != nil {
		return err
	}
	if err := b.indexThroughKill(ctx, "bench-device"); err != nil {
		return err
	}
	if err := b.foundByAll(ctx, "bench-device"); err != nil {
		return err
	}
	return b.indexUnderLoad(ctx)
}

// indexThroughKill kills the server when half is done, and waits for what the next one makes of it.
func (b *Bench) indexThroughKill(ctx context.Context, code string) error {
	begun := time.Now()
	half, err := b.until(ctx, code, func(p progress) bool { return p.total > 0 && p.done >= p.total/2 })
	if err != nil {
		return err
	}
	before := time.Since(begun)
	if err := b.server.Kill(); err != nil {
		return err
	}
	if err := b.startServer(ctx); err != nil {
		return err
	}
	begun = time.Now()
	resumed, err := b.progress(ctx, code)
	if err != nil {
		return err
	}
	whole, err := b.until(ctx, code, func(p progress) bool { return p.status == "completed" })
	if err != nil {
		return err
	}
	after := time.Since(begun)
	b.Report.Tell("index of a new search parameter, nothing else going on", perSecond(half.done/before.Seconds())+" before the kill",
		fmt.Sprintf("%s after it, %.0f resources", perSecond((whole.done-resumed.done)/after.Seconds()), whole.total))
	b.Report.AtLeast(0, "of what was indexed before kill -9, still so after it", resumed.done/half.done, 0.90,
		fmt.Sprintf("%.0f of %.0f", resumed.done, half.done), "")
	return nil
}

// foundByAll checks that the parameter finds every resource that has the element.
func (b *Bench) foundByAll(ctx context.Context, code string) error {
	with, err := b.total(ctx, "/fhir/Observation?"+code+":missing=false&_summary=count")
	if err != nil {
		return err
	}
	all, err := b.total(ctx, "/fhir/Observation?_summary=count")
	if err == nil && with != all {
		err = fmt.Errorf("the new parameter finds %d of %d resources", with, all)
	}
	return err
}

// indexUnderLoad compares what 8 clients feel before and while another index is made.
func (b *Bench) indexUnderLoad(ctx context.Context) error {
	mixed := b.gets(8, func(r *rand.Rand) string {
		if r.IntN(2) == 0 {
			return "/fhir/Patient/" + PatientID(r.IntN(b.patients()))
		}
		return "/fhir/Observation?patient=" + PatientID(r.IntN(b.patients())) + "&code=" + Code(pick(r, 200))
	})
	mixed.Length *= 5
	alone := mixed.Run(ctx)
	if err := b.define(ctx, "bench-performer", "Observation.performer.display"); err != nil {
		return err
	}
	began, err := b.progress(ctx, "bench-performer")
	if err != nil {
		return err
	}
	during := mixed.Run(ctx)
	now, err := b.progress(ctx, "bench-performer")
	if err != nil {
		return err
	}
	if alone.Errors+during.Errors > 0 {
		return fmt.Errorf("%d requests failed while indexing: %w", alone.Errors+during.Errors, during.First)
	}
	b.Report.Tell("reads and searches by 8 clients while an index is made", perSecond(during.Rate())+" of "+perSecond(alone.Rate()),
		fmt.Sprintf("p99 %s of %s; %s indexed", milliseconds(during.P99), milliseconds(alone.P99), perSecond((now.done-began.done)/during.Elapsed.Seconds())))
	_, err = b.until(ctx, "bench-performer", func(p progress) bool { return p.status == "completed" })
	return err
}

// define puts a search parameter of Observations in use.
func (b *Bench) define(ctx context.Context, code, expression string) error {
	body := fmt.Sprintf(`{"resourceType":"SearchParameter","id":%[1]q,"url":"http://hospital.example/SearchParameter/%[1]s","name":"Bench","status":"active","description":"A display","code":%[1]q,"base":["Observation"],"type":"string","expression":%[2]q}`, code, expression)
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+b.server.Address+"/fhir/SearchParameter/"+code, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("the search parameter %s was answered with %s: %s", code, response.Status, said)
	}
	return nil
}

// until asks for the progress until it is far enough.
func (b *Bench) until(ctx context.Context, code string, enough func(progress) bool) (progress, error) {
	for {
		p, err := b.progress(ctx, code)
		if err != nil || enough(p) {
			return p, err
		}
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (b *Bench) progress(ctx context.Context, code string) (p progress, err error) {
	answer, err := Capture(ctx, b.server.Address, "/fhir/SearchParameter/"+code+"/$reindex")
	if err != nil {
		return p, err
	}
	var told struct {
		Parameter []struct {
			Part []struct {
				Name         string
				ValueCode    string
				ValueDecimal float64
			}
		}
	}
	if err := json.Unmarshal(answer.Body, &told); err != nil {
		return p, err
	}
	for _, one := range told.Parameter {
		for _, part := range one.Part {
			switch part.Name {
			case "status":
				p.status = part.ValueCode
			case "done":
				p.done = part.ValueDecimal
			case "total":
				p.total = part.ValueDecimal
			}
		}
	}
	return p, nil
}
