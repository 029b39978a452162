package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Load sends requests over keep-alive connections, each client one after the other, and times
// the answers. It writes prepared bytes and reads just what framing needs, so that as little of the
// machine as possible goes to the client.
type Load struct {
	Address string // HOST:PORT
	Clients int
	Length  time.Duration
	// Next gives the bytes of client c's next request.
	Next func(c int, r *rand.Rand) []byte
	// Accept is the status that counts as success: 200, or 201 for creates.
	Accept int
	// Alone are other servers, which stand still meanwhile: what one does in the background is its own cost.
	Alone []*Process
}

// Result is what a load measured.
type Result struct {
	Requests int
	Errors   int
	Bytes    int64 // of bodies
	Elapsed  time.Duration
	P50, P99 time.Duration
	First    error // the first error, if any
}

// Rate is the number of good answers a second.
func (r Result) Rate() float64 { return float64(r.Requests-r.Errors) / r.Elapsed.Seconds() }

// Run sends until the time is over or the context ends.
func (l Load) Run(ctx context.Context) Result {
	for _, other := range l.Alone {
		if err := other.Halt(); err != nil {
			return Result{Errors: 1, Requests: 1, First: err, Elapsed: l.Length}
		}
		defer other.Resume()
	}
	ctx, cancel := context.WithTimeout(ctx, l.Length)
	defer cancel()
	parts := make([]Result, l.Clients)
	times := make([][]time.Duration, l.Clients)
	var group sync.WaitGroup
	start := time.Now()
	for c := range l.Clients {
		group.Go(func() { parts[c], times[c] = l.client(ctx, c) })
	}
	group.Wait()
	total := Result{Elapsed: time.Since(start)}
	for _, p := range parts {
		total.Requests += p.Requests
		total.Errors += p.Errors
		total.Bytes += p.Bytes
		if total.First == nil {
			total.First = p.First
		}
	}
	all := slices.Concat(times...)
	slices.Sort(all)
	if len(all) > 0 {
		total.P50, total.P99 = all[len(all)/2], all[len(all)*99/100]
	}
	return total
}

func (l Load) client(ctx context.Context, c int) (Result, []time.Duration) {
	var result Result
	var times []time.Duration
	r := rand.New(rand.NewPCG(uint64(c), uint64(time.Now().UnixNano())))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Address)
	if err != nil {
		return Result{Errors: 1, Requests: 1, First: err}, nil
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	for ctx.Err() == nil {
		request := l.Next(c, r)
		start := time.Now()
		n, err := exchange(conn, in, request, l.Accept)
		times = append(times, time.Since(start))
		result.Requests++
		result.Bytes += n
		if err != nil {
			result.Errors++
			if result.First == nil {
				result.First = err
			}
			var status statusError
			if !errors.As(err, &status) {
				return result, times // the connection is of no more use
			}
		}
	}
	return result, times
}

type statusError int

func (s statusError) Error() string { return fmt.Sprintf("answered with status %d", int(s)) }

func exchange(conn net.Conn, in *bufio.Reader, request []byte, accept int) (int64, error) {
	if _, err := conn.Write(request); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != accept {
		err = statusError(response.StatusCode)
	}
	return n, err
}

// Get is the bytes of a GET request.
func Get(path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nAccept: application/fhir+json\r\n\r\n")
}

// Send is the bytes of a request with a body.
func Send(method, path string, body []byte) []byte {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/fhir+json\r\nContent-Type: application/fhir+json\r\nPrefer: return=minimal\r\nContent-Length: %d\r\n\r\n", method, path, len(body))
	return append([]byte(head), body...)
}
