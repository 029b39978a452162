package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/store"
	"kiln/store/mongodb"
	"kiln/store/mongodb/peer"
)

// newMongoDB is a handler over a database with so many bytes a transaction; 0 is the engine's own bound.
func newMongoDB(t *testing.T, most int64) *rest.Handler {
	server := peer.Start(t)
	p := parameters().Copy()
	opened, err := mongodb.Open(t.Context(), server.URL, mongodb.Options{
		Now: clock, Parameters: p, Database: server.Database(t), TransactionBytes: most,
		WithoutTransactions: server.Limited, RawBytes: server.Limited,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return newHandlerOver(t, opened, fhir.Options{Parameters: p})
}

func newHandlerOver(t *testing.T, s store.Store, options fhir.Options) *rest.Handler {
	options.Store, options.BaseURL = s, testBase
	service, err := fhir.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	handler, err := rest.New(rest.Options{Service: service, Logger: faults(t), MaxBody: 128 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// basics is a transaction that creates so many resources with a text of so many bytes.
func basics(count, size int) string {
	entry := fmt.Sprintf(`{"resource":{"resourceType":"Basic","code":{"text":"x"},"implicitRules":"http://example.org/%s"},"request":{"method":"POST","url":"Basic"}}`, strings.Repeat("x", size))
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.TrimSuffix(strings.Repeat(entry+",", count), ",") + `]}`
}

// TestTransactionBeyondTheEngine: 413 with both sizes, nothing is written, and the CapabilityStatement tells the bound.
func TestTransactionBeyondTheEngine(t *testing.T) {
	for _, c := range []struct {
		name        string
		most        int64
		count, size int
	}{
		{"a bound of the operator", 20_000, 3, 10_000},
		{"the bound of the engine", 0, 24, 3 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newMongoDB(t, c.most)
			said := call(h, "GET", testBase+"/metadata", "").Body.String()
			answer := call(h, "POST", testBase, basics(c.count, c.size))
			_, bound, _ := strings.Cut(answer.Body.String(), "at most ")
			bound, _, _ = strings.Cut(bound, " ")
			if answer.Code != http.StatusRequestEntityTooLarge || !strings.Contains(answer.Body.String(), "nothing was changed") {
				t.Fatalf("got %d %s", answer.Code, answer.Body)
			}
			if !strings.Contains(said, ", "+bound+" bytes as they are stored") {
				t.Errorf("the CapabilityStatement does not tell of %q", bound)
			}
			for _, address := range []string{"/Basic?_summary=count", "/_history?_count=0"} {
				if got := call(h, "GET", testBase+address, "").Body.String(); !strings.Contains(got, `"total":0`) {
					t.Errorf("%s: %s", address, got)
				}
			}
			if answer := call(h, "POST", testBase, basics(1, c.size/2)); answer.Code != http.StatusOK {
				t.Errorf("one that is within the bound got %d %s", answer.Code, answer.Body)
			}
		})
	}
}

// failing is a store of which each commit fails.
type failing struct {
	store.Store
	err error
}

func (f failing) Commit(context.Context, store.Transaction) ([]store.Version, error) {
	return nil, f.err
}

// TestCommitsThatFail: what is said of the failures that only a database on another machine has.
func TestCommitsThatFail(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		words  string
	}{
		{fmt.Errorf("%w: %w", store.ErrUnreachable, errors.New("db7.example.org hung up")), http.StatusServiceUnavailable, "does not answer at present"},
		{errors.Join(store.ErrUnknown, context.DeadlineExceeded, errors.New("db7.example.org hung up")), http.StatusGatewayTimeout, "it is not known whether it was"},
		{&store.LimitError{Time: 50e9}, http.StatusRequestEntityTooLarge, "longer than 50 s"},
		{store.ErrTooLarge, http.StatusRequestEntityTooLarge, "nothing was changed"},
	} {
		p := parameters().Copy()
		opened, err := engines["memory"](t, p)
		if err != nil {
			t.Fatal(err)
		}
		h := newHandlerOver(t, failing{opened, c.err}, fhir.Options{Parameters: p})
		for _, body := range []string{basics(2, 1), `{"resourceType":"Basic","code":{"text":"x"}}`} {
			address := testBase
			if !strings.Contains(body, "Bundle") {
				address += "/Basic"
			}
			answer := call(h, "POST", address, body)
			text := answer.Body.String()
			if answer.Code != c.status || !strings.Contains(text, c.words) || strings.Contains(text, "example.org") {
				t.Errorf("%v: got %d %s", c.err, answer.Code, text)
			}
			if answer.Code == http.StatusGatewayTimeout && (answer.Header().Get("Retry-After") != "" || strings.Contains(text, "nothing was changed")) {
				t.Errorf("it asks to send it again: %v %s", answer.Header(), text)
			}
		}
	}
}
