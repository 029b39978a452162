package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kiln/auth/account"
	"kiln/auth/smart/server"
	"kiln/store"
)

// administered is what a command of administration works on.
type administered struct {
	store storeAt
	url   string
	token string // file
	makes bool   // a store where there is none
}

func (t *administered) flags(cmd *cobra.Command) {
	t.store = anyStoreFlag(cmd)
	cmd.Flags().StringVar(&t.url, "url", "", "base URL of a running server to administer instead of --store")
	cmd.Flags().StringVar(&t.token, "token-file", "", "file with an access token, for --url")
}

func (t *administered) directory(ctx context.Context) (directory, error) {
	if t.url != "" || t.token != "" {
		return t.remote()
	}
	return t.local(ctx)
}

func (t *administered) register(ctx context.Context) (register, error) {
	if t.url != "" || t.token != "" {
		return t.remote()
	}
	return t.local(ctx)
}

func (t *administered) local(ctx context.Context) (localDirectory, error) {
	s, err := t.open(ctx)
	if err != nil {
		return localDirectory{}, err
	}
	return localDirectory{people: account.New(account.Options{Records: s.Records}), records: s.Records, close: s.Close}, nil
}

// open opens the store. A memory store would be gone with the command.
func (t *administered) open(ctx context.Context) (store.Store, error) {
	p, err := t.store.plan()
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.Store == "memory:" {
		return nil, wrongUsage("--store memory: holds nothing when the command has ended; expected a folder or a mongodb:// URL")
	}
	if !t.makes && !strings.HasPrefix(p.Store, "mongodb") {
		if _, err := os.Stat(p.Store); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no store at %s; --store names the folder of a server, --url one that runs", p.Store)
		}
	}
	parameters, err := p.parameters()
	if err != nil {
		return nil, err
	}
	return p.open(ctx, parameters)
}

// remote administers a running server.
func (t *administered) remote() (*remoteServer, error) {
	if t.url == "" || t.token == "" {
		return nil, wrongUsage("--url and --token-file go together; `kiln login` writes such a file")
	}
	base, err := serverAt(t.url)
	if err != nil {
		return nil, err
	}
	token, err := readToken(t.token)
	if err != nil {
		return nil, err
	}
	return &remoteServer{base: base, token: token, client: &http.Client{Timeout: time.Minute}}, nil
}

// serverAt is the address of a server, given as such or as its FHIR base, without a slash at its end.
func serverAt(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", wrongUsage("--url is %q; expected a URL such as https://kiln.example.org", address)
	}
	return strings.TrimSuffix(strings.TrimRight(address, "/"), "/fhir"), nil
}

// readToken reads the access token that a file holds.
func readToken(name string) (string, error) {
	token, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	text := strings.TrimSpace(string(token))
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", wrongUsage("--token-file: %s does not hold an access token and nothing else", name)
	}
	return text, nil
}

// remoteServer administers by the addresses below /auth/admin.
type remoteServer struct {
	base, token string
	client      *http.Client
}

func (*remoteServer) Close() error { return nil }

// call sends and reads JSON. The error is the sentence of the server.
func (r *remoteServer) call(ctx context.Context, method, path string, send, receive any) error {
	var body io.Reader
	if send != nil {
		text, err := json.Marshal(send)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.base+"/auth/admin/"+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := r.client.Do(request)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode/100 == 2 && answer.StatusCode != http.StatusAccepted { // accepted: it waits for a second person
		return json.Unmarshal(text, receive)
	}
	return problemOf(answer, text)
}

// problemOf is the sentence of a server that did not do as it was asked.
func problemOf(answer *http.Response, text []byte) error {
	var said struct {
		Problem string `json:"problem"`
	}
	if json.Unmarshal(text, &said) != nil || said.Problem == "" {
		said.Problem = "the server answered " + answer.Status
	}
	return errors.New(said.Problem)
}

func (r *remoteServer) AddPerson(ctx context.Context, c server.PersonChange) (p server.Person, err error) {
	return p, r.call(ctx, http.MethodPost, "users", c, &p)
}

func (r *remoteServer) ChangePerson(ctx context.Context, name string, c server.PersonChange) (p server.Person, err error) {
	return p, r.call(ctx, http.MethodPatch, "users/"+url.PathEscape(name), c, &p)
}

func (r *remoteServer) People(ctx context.Context) (people []server.Person, err error) {
	return people, r.call(ctx, http.MethodGet, "users", nil, &people)
}

// rankNames are the ranks of the policy that Kiln ships with.
func rankNames() []string { return shipped().Ranks() }
