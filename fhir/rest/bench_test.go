package rest_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/fhir/rest"
)

// benchmarkPatient is of the size that a Synthea patient has.
func benchmarkPatient() string {
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf(`{"use":"usual","family":"Sample%d","given":["Ada","Beth"],"prefix":["Dr."],"period":{"start":"19%d0-01-01"}}`, i, i%10))
	}
	return `{"resourceType":"Patient","id":"a","active":true,"name":[` + strings.Join(names, ",") +
		`],"gender":"female","birthDate":"1970-01-02","address":[{"line":["1 Main Street"],"city":"Springfield","postalCode":"00001"}]}`
}

// bareGin answers with the bytes and headers of an answer of Kiln's and does nothing else: the
// reference that DESIGN.md measures reads by.
func bareGin(answer *httptest.ResponseRecorder) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	header, body := answer.Header().Clone(), answer.Body.Bytes()
	engine.GET("/fhir/Patient/:id", func(c *gin.Context) {
		for name, value := range header {
			c.Writer.Header()[name] = value
		}
		c.Data(http.StatusOK, "application/fhir+json; charset=utf-8", body)
	})
	return engine
}

// BenchmarkRead compares a read with a bare gin handler that writes the same bytes and headers,
// without a socket. The ratio of ns/op is the figure.
func BenchmarkRead(b *testing.B) {
	handler, bare := readers(b)
	b.Run("gin", func(b *testing.B) { benchmarkHandler(b, bare) })
	b.Run("kiln", func(b *testing.B) { benchmarkHandler(b, handler) })
}

func readers(b *testing.B) (handler, bare http.Handler) {
	handler = newHandler(b, rest.Options{})
	put(b, handler, "Patient/a", benchmarkPatient())
	kept := call(handler, http.MethodGet, "/fhir/Patient/a", "")
	if kept.Code != http.StatusOK {
		b.Fatalf("the read answers %d: %s", kept.Code, kept.Body)
	}
	return handler, bareGin(kept)
}

// BenchmarkReadRatio reads over loopback connections that are kept alive, by turns from Kiln and
// from the bare gin handler, and reports requests a second of the one over those of the other
// (DESIGN.md section 5, row 1: at least 0.60). One operation is a turn of each.
func BenchmarkReadRatio(b *testing.B) {
	handler, bare := readers(b)
	for _, clients := range []int{8, 32} {
		b.Run(strconv.Itoa(clients)+"-clients", func(b *testing.B) {
			kiln, gin := listen(b, handler, rest.Options{}), listen(b, bare, rest.Options{})
			var took [2]time.Duration
			for b.Loop() {
				for i, server := range []*httptest.Server{kiln, gin} {
					start := time.Now()
					turn(b, server.Listener.Addr().String(), clients)
					took[i] += time.Since(start)
				}
			}
			b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "kiln/gin")
			b.ReportMetric(float64(b.N*perTurn)/took[0].Seconds(), "kiln-reads/s")
			b.ReportMetric(float64(b.N*perTurn)/took[1].Seconds(), "gin-reads/s")
		})
	}
}

// perTurn is how many requests are sent before the other server has its turn.
const perTurn = 4000

func turn(b *testing.B, address string, clients int) {
	var left atomic.Int64
	left.Store(perTurn)
	failures := make(chan error, clients)
	for range clients {
		go func() { failures <- readUntil(address, &left) }()
	}
	for range clients {
		if err := <-failures; err != nil {
			b.Fatal(err)
		}
	}
}

// sink is a ResponseWriter that keeps nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

func benchmarkHandler(b *testing.B, h http.Handler) {
	request := httptest.NewRequest(http.MethodGet, "/fhir/Patient/a", nil)
	request.Header.Set("Accept", "application/fhir+json")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(&sink{header: make(http.Header, 12)}, request)
	}
}

// readUntil is a client that costs little: it sends the same bytes and reads by Content-Length.
func readUntil(address string, left *atomic.Int64) error {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	request := []byte("GET /fhir/Patient/a HTTP/1.1\r\nHost: kiln.test\r\nAccept: application/fhir+json\r\n\r\n")
	in := bufio.NewReaderSize(connection, 16<<10)
	for left.Add(-1) >= 0 {
		if _, err := connection.Write(request); err != nil {
			return err
		}
		if err := skipAnswer(in); err != nil {
			return err
		}
	}
	return nil
}

func skipAnswer(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return errors.New("the answer is " + string(line))
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err = io.CopyN(io.Discard, in, int64(length))
	return err
}

// BenchmarkSearch is a page of 20 matches.
func BenchmarkSearch(b *testing.B) {
	handler := newHandler(b, rest.Options{})
	for i := range 20 {
		id := "p" + strconv.Itoa(i)
		put(b, handler, "Patient/"+id, strings.Replace(benchmarkPatient(), `"id":"a"`, `"id":"`+id+`"`, 1))
	}
	request := httptest.NewRequest(http.MethodGet, "/fhir/Patient?gender=female", nil)
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(&sink{header: make(http.Header, 12)}, request)
	}
}
