package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// target is where load sends to.
type target interface {
	// Done reports whether the group named once went in before.
	Done(ctx context.Context, once string) (bool, error)
	// Send carries out a group. What is refused is returned; an error ends the load.
	Send(ctx context.Context, g group) ([]refusal, error)
	Close() error
}

func loadTarget(ctx context.Context, p plan, base, tokenFile string) (target, error) {
	if base == "" && tokenFile != "" {
		return nil, wrongUsage("--token-file is for --url")
	}
	if base == "" {
		a, err := p.assemble(ctx)
		if err != nil {
			return nil, err
		}
		return &storeTarget{a}, nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, wrongUsage("--url is %q; expected the base of a FHIR server, such as http://127.0.0.1:8080/fhir", base)
	}
	token := ""
	if tokenFile != "" {
		if token, err = readToken(tokenFile); err != nil {
			return nil, err
		}
	}
	return newServerTarget(strings.TrimRight(base, "/"), token)
}

// exchange carries out one bundle and gives the answer, or the refusal of the whole.
type exchange func(ctx context.Context, bundle []byte, records []store.RecordChange) (*resources.Document, *outcome.Error, error)

// sendGroup carries out a group: gathered resources as a transaction, which costs one commit, and
// if that is refused as a batch, which tells them apart.
func sendGroup(ctx context.Context, g group, do exchange, records []store.RecordChange) ([]refusal, error) {
	answer, refused, err := do(ctx, g.bundle("transaction"), records)
	if err != nil {
		return nil, err
	}
	if refused != nil && g.given != nil {
		return []refusal{{g.places[0], refused.Error()}}, nil
	}
	if refused != nil {
		if answer, refused, err = do(ctx, g.bundle("batch"), nil); err != nil {
			return nil, err
		}
		if refused != nil {
			return nil, refused
		}
	}
	return refusalsOf(g, answer)
}

// refusalsOf reads the entries of the answer that were not done. One that failed for a reason of the
// server's is no refusal but an error: sent again later, it may go in.
func refusalsOf(g group, answer *resources.Document) ([]refusal, error) {
	var refused []refusal
	i := 0
	for item := range answer.Children(answer.Member(0, "entry")) {
		response := answer.Member(item, "response")
		if status := answer.Text(answer.Member(response, "status")); !strings.HasPrefix(status, "2") {
			said := sentences(answer, answer.Member(response, "outcome"))
			if strings.HasPrefix(status, "5") {
				return nil, fmt.Errorf("entry %d: %s: %s", i, status, said)
			}
			if g.given != nil {
				refused = append(refused, refusal{fmt.Sprintf("%s entry %d", g.places[0], i), said})
			} else { // the bundle is ours: its places mean nothing to whoever reads the report
				typ, _, _ := strings.Cut(g.entries[i].url, "/")
				refused = append(refused, refusal{g.places[i], strings.ReplaceAll(said, fmt.Sprintf("Bundle.entry[%d].resource", i), typ)})
			}
		}
		i++
	}
	return refused, nil
}

// sentences joins the diagnostics of an OperationOutcome.
func sentences(doc *resources.Document, n resources.Node) string {
	var said []string
	for issue := range doc.Children(doc.Member(n, "issue")) {
		if severity := doc.Text(doc.Member(issue, "severity")); severity != "error" && severity != "fatal" {
			continue
		}
		text := doc.Text(doc.Member(issue, "diagnostics"))
		if at := doc.Item(doc.Member(issue, "expression"), 0); at != resources.None {
			text = doc.Text(at) + ": " + text
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}

// storeTarget opens the store itself. What must not go in twice is recorded in the same commit.
// Resources that stand alone need no bundle, unless some are refused: then a batch tells them apart.
type storeTarget struct{ *assembly }

const loadBucket = "load"

func (t *storeTarget) Done(ctx context.Context, once string) (bool, error) {
	_, err := t.Store.Records(loadBucket).Get(ctx, once)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (t *storeTarget) Send(ctx context.Context, g group) ([]refusal, error) {
	var records []store.RecordChange
	if g.once != "" {
		records = []store.RecordChange{{Bucket: loadBucket, Key: g.once, Value: []byte{1}, Revision: store.AnyRevision}}
	}
	if docs, ok := g.loaded(); ok {
		_, err := t.Service.Load(ctx, fhir.LoadRequest{Resources: docs, Records: records})
		if err == nil || rest.Status(outcome.As(err)) >= http.StatusInternalServerError {
			return nil, err
		}
	}
	return sendGroup(ctx, g, t.process, records)
}

func (t *storeTarget) process(ctx context.Context, bundle []byte, records []store.RecordChange) (*resources.Document, *outcome.Error, error) {
	doc, err := resources.Parse(bundle)
	if err != nil {
		return nil, outcome.As(err), nil
	}
	answer, err := t.Service.Process(ctx, fhir.BundleRequest{Bundle: doc, Records: records, Status: rest.Status})
	if err != nil {
		refused := outcome.As(err)
		if rest.Status(refused) >= http.StatusInternalServerError {
			return nil, nil, err
		}
		return nil, refused, nil
	}
	doc, err = resources.Parse(answer.AppendJSON(nil))
	return doc, nil, err
}

// serverTarget sends to a running server and keeps its own record of what went in, since the
// server cannot: a file of the user's cache folder, a line for each bundle with the address of
// something that it made. By that it sees whether the server, which may have a new store by now,
// still is the one that took the bundle.
type serverTarget struct {
	base   string
	token  string // "" without one
	client *http.Client
	file   *os.File
	done   map[string]string // addresses by name
}

func newServerTarget(base, token string) (*serverTarget, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "kiln")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(base))
	name := filepath.Join(dir, "load-"+hex.EncodeToString(sum[:8])+".journal")
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	t := &serverTarget{base: base, token: token, client: &http.Client{Timeout: 5 * time.Minute}, done: map[string]string{}}
	for line := range strings.Lines(string(text)) {
		once, address, _ := strings.Cut(strings.TrimSpace(line), " ")
		t.done[once] = address
	}
	t.file, err = os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return t, err
}

// do sends a request with the token.
func (t *serverTarget) do(request *http.Request) (*http.Response, error) {
	if t.token != "" {
		request.Header.Set("Authorization", "Bearer "+t.token)
	}
	return t.client.Do(request)
}

func (t *serverTarget) Close() error { return t.file.Close() }

func (t *serverTarget) Done(ctx context.Context, once string) (bool, error) {
	address, sent := t.done[once]
	if !sent || !strings.HasPrefix(address, t.base+"/") {
		return sent, nil // a server that does not say where things are is taken at its word
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, address, http.NoBody)
	if err != nil {
		return false, err
	}
	response, err := t.do(request)
	if err != nil {
		return false, err
	}
	_ = response.Body.Close()
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		return false, fmt.Errorf("%s answered %s", t.base, response.Status)
	}
	return response.StatusCode != http.StatusNotFound, nil
}

func (t *serverTarget) Send(ctx context.Context, g group) ([]refusal, error) {
	address := ""
	refused, err := sendGroup(ctx, g, func(ctx context.Context, bundle []byte, records []store.RecordChange) (*resources.Document, *outcome.Error, error) {
		answer, refused, err := t.post(ctx, bundle, records)
		if err == nil && refused == nil {
			address = madeAt(answer)
		}
		return answer, refused, err
	}, nil)
	if err == nil && g.once != "" && len(refused) == 0 {
		_, err = fmt.Fprintf(t.file, "%s %s\n", g.once, address)
	}
	return refused, err
}

// madeAt is the first address that the answer to a bundle names; "" without any.
func madeAt(answer *resources.Document) string {
	for item := range answer.Children(answer.Member(0, "entry")) {
		address := answer.Text(answer.Member(answer.Member(item, "response"), "location"))
		if address != "" && !strings.ContainsAny(address, " \r\n") {
			return address
		}
	}
	return ""
}

func (t *serverTarget) post(ctx context.Context, bundle []byte, _ []store.RecordChange) (*resources.Document, *outcome.Error, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base, bytes.NewReader(bundle))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	request.Header.Set("Accept", "application/fhir+json")
	request.Header.Set("Prefer", "return=minimal")
	response, err := t.do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	doc, err := resources.Parse(body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s answered %s without a resource", t.base, response.Status)
	}
	switch {
	case response.StatusCode == http.StatusOK:
		return doc, nil, nil
	case response.StatusCode == http.StatusUnauthorized && t.token == "":
		return nil, nil, fmt.Errorf("%s answered %s; expected --token-file with an access token, such as `kiln login` writes", t.base, response.Status)
	case response.StatusCode >= 500 || response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden || response.StatusCode == http.StatusTooManyRequests:
		return nil, nil, fmt.Errorf("%s answered %s: %s", t.base, response.Status, sentences(doc, 0))
	}
	return nil, outcome.New(outcome.Processing, "%s: %s", response.Status, sentences(doc, 0)), nil
}
