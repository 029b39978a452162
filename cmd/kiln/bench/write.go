package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// made gives resources that were not loaded, numbered from a place that no other section uses.
func (b *Bench) made(section, i int) Resource {
	return b.Hospital.At(b.Resources+section*100_000_000+i, b.Resources)
}

// creates is a load that creates Observations and the like.
func (b *Bench) creates(clients int) Load {
	return Load{
		Address: b.server.Address, Clients: clients, Length: b.Length, Accept: 201,
		Next: func(_ int, r *rand.Rand) []byte {
			made := b.made(1, r.IntN(50_000_000))
			return Send("POST", "/fhir/"+made.Type, made.Body)
		},
	}
}

// captured is how many hundreds of resources the engine is fed with.
const captured = 200

// create is row 2: durable creates against the engine alone, and many clients against one.
func (b *Bench) create(ctx context.Context) error {
	r := rand.New(rand.NewPCG(2, 2))
	var singles [][]byte
	for range 100 * captured {
		singles = append(singles, b.transactionOf(1, r))
	}
	batches, err := b.capture(ctx, "capture-1", singles)
	if err != nil {
		return err
	}
	engine, err := b.bare("engine-1")
	if err != nil {
		return err
	}
	defer engine.Close()
	var ratios, rates, gains []float64
	for range b.Rounds {
		bare, err := feed(engine, batches, 32, b.Length)
		if err != nil {
			return err
		}
		many := b.creates(32).Run(ctx)
		one := b.creates(1).Run(ctx)
		if many.Errors+one.Errors > 0 {
			return fmt.Errorf("%d creates failed: %w", many.Errors+one.Errors, firstOf(many.First, one.First))
		}
		ratios, rates, gains = append(ratios, many.Rate()/bare), append(rates, many.Rate()), append(gains, many.Rate()/one.Rate())
	}
	b.Report.AtLeast(2, "durable create, 32 clients ÷ engine alone, 32 writers", median(ratios), 0.40, perSecond(median(rates)), "")
	b.Report.AtLeast(2, "durable create, 32 clients ÷ 1 client", median(gains), 3, "", "")
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// transactionOf is a bundle that creates n made resources.
func (b *Bench) transactionOf(n int, r *rand.Rand) []byte {
	var bundle bytes.Buffer
	bundle.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	for i := range n {
		if i > 0 {
			bundle.WriteByte(',')
		}
		made := b.made(2, r.IntN(50_000_000))
		fmt.Fprintf(&bundle, `{"fullUrl":"urn:uuid:%08x-0000-4000-8000-%012x","resource":%s,"request":{"method":"POST","url":%q}}`, r.Uint32(), i, made.Body, made.Type)
	}
	bundle.WriteString("]}")
	return bundle.Bytes()
}

// transaction is row 3: transactions of 100 entries against the engine fed with batches of 100.
func (b *Bench) transaction(ctx context.Context) error {
	r := rand.New(rand.NewPCG(3, 3))
	var hundreds, requests [][]byte
	for range captured {
		bundle := b.transactionOf(100, r)
		hundreds = append(hundreds, bundle)
		requests = append(requests, Send("POST", "/fhir", bundle))
	}
	batches, err := b.capture(ctx, "capture-100", hundreds)
	if err != nil {
		return err
	}
	engine, err := b.bare("engine-100")
	if err != nil {
		return err
	}
	defer engine.Close()
	load := Load{
		Address: b.server.Address, Clients: 8, Length: b.Length, Accept: 200,
		Next: func(_ int, r *rand.Rand) []byte { return requests[r.IntN(len(requests))] },
	}
	var ratios, rates []float64
	for range b.Rounds {
		bare, err := feed(engine, batches, 8, b.Length)
		if err != nil {
			return err
		}
		result := load.Run(ctx)
		if result.Errors > 0 {
			return fmt.Errorf("%d transactions failed: %w", result.Errors, result.First)
		}
		ratios, rates = append(ratios, result.Rate()/bare), append(rates, result.Rate()*100)
	}
	b.Report.AtLeast(3, "transaction of 100 entries, 8 clients ÷ engine alone", median(ratios), 0.30, perSecond(median(rates))+" entries", "")
	if err := b.manyTransactions(ctx, load); err != nil {
		return err
	}
	return b.linear(ctx, r)
}

// manyTransactions is the last part of row 12: 32 concurrent transactions never stall.
func (b *Bench) manyTransactions(ctx context.Context, load Load) error {
	load.Clients = 32
	result := load.Run(ctx)
	if result.Errors > 0 {
		return fmt.Errorf("%d of 32 concurrent transactions failed: %w", result.Errors, result.First)
	}
	b.Report.AtMost(12, "32 concurrent transactions of 100: p99 ÷ p50", float64(result.P99)/float64(result.P50), 10,
		"p99 "+milliseconds(result.P99), "0 errors")
	return nil
}

// linear is the last part of row 3: the time of a transaction grows in proportion to its entries.
func (b *Bench) linear(ctx context.Context, r *rand.Rand) error {
	each := map[int]float64{}
	for _, n := range []int{1_000, 10_000} {
		var times []float64
		for range 3 {
			elapsed, err := b.once(ctx, Send("POST", "/fhir", b.transactionOf(n, r)))
			if err != nil {
				return fmt.Errorf("a transaction of %d entries: %w", n, err)
			}
			times = append(times, elapsed.Seconds()/float64(n))
		}
		each[n] = median(times)
	}
	b.Report.AtMost(3, "transaction: time per entry, 10,000 entries ÷ 1,000", each[10_000]/each[1_000], 1.5,
		perSecond(1/each[10_000])+" entries", "")
	return nil
}

// once sends one request and times its answer.
func (b *Bench) once(ctx context.Context, request []byte) (time.Duration, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", b.server.Address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	start := time.Now()
	_, err = exchange(conn, bufio.NewReader(conn), request, 200)
	return time.Since(start), err
}
