package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"kiln/auth/account"
	"kiln/auth/scope"
	"kiln/auth/smart"
	"kiln/auth/smart/server"
	"kiln/store"
)

// The command line is an app of its own, which each server knows: https://www.rfc-editor.org/rfc/rfc8252
const (
	commandLine       = "kiln"
	commandLineScopes = "openid fhirUser user/*.cruds " + scope.Administration
	signedInPath      = "/signed-in"
	loginLasts        = 10 * time.Minute
)

// addCommandLine makes a server know the command line, unless it does: it may have been disabled.
func addCommandLine(ctx context.Context, records func(string) store.Records) error {
	app := server.AppChange{App: server.App{
		ID: commandLine, Name: "Kiln on the command line", Means: smart.Public, Redirects: []string{"http://127.0.0.1" + signedInPath}, Scopes: commandLineScopes,
	}}
	client, err := app.Client(time.Now())
	if err != nil {
		return err
	}
	if err = server.AddClient(ctx, records, client); errors.Is(err, account.ErrExists) {
		return nil
	}
	return err
}

func newLogin() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in at a running server, for commands with --url",
		Long: `Signs in at a running server by a browser on this machine, and writes an access token, which lives at most an hour, to a
file for --token-file. Nobody else on this machine can read the file. What the token allows is what the person's rank does;
some acts of administration ask for a sign-in by a second means (--level mfa or phr).`,
		Example: "  kiln login --url https://kiln.example.org --token-file mine\n  kiln user list --url https://kiln.example.org --token-file mine",
		Args:    cobra.NoArgs,
	}
	l := &login{out: cmd}
	cmd.Flags().StringVar(&l.url, "url", "http://127.0.0.1:8080", "base URL of the server")
	cmd.Flags().StringVar(&l.file, "token-file", "", "file that the access token is written to")
	cmd.Flags().StringVar(&l.level, "level", "", "how strong the sign-in must be: mfa (a code besides the password) or phr (a passkey)")
	cmd.Flags().StringSliceVar(&l.scopes, "scope", strings.Fields(commandLineScopes), "what to ask for")
	cmd.Flags().IntVar(&l.port, "port", 0, "port of 127.0.0.1 that the browser comes back to (default: one that is free)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return l.run(cmd.Context()) }
	return cmd
}

// login is one sign-in.
type login struct {
	out              *cobra.Command
	url, file, level string
	scopes           []string
	port             int
}

// issuer is what a server says of itself: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
type issuer struct {
	Issuer    string `json:"issuer"`
	Authorize string `json:"authorization_endpoint"`
	Token     string `json:"token_endpoint"`
}

func (l *login) run(ctx context.Context) error {
	switch {
	case l.file == "":
		return wrongUsage("--token-file is missing; expected the name of a file for the access token")
	case l.level != "" && l.level != string(account.TwoFactors) && l.level != string(account.PhishingResistant):
		return wrongUsage("--level is %q; expected mfa or phr", l.level)
	}
	base, err := serverAt(l.url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loginLasts)
	defer cancel()
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at, err := discovered(ctx, client, base)
	if err != nil {
		return err
	}
	back, err := new(net.ListenConfig).Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", l.port))
	if err != nil {
		return fmt.Errorf("--port: %w", err)
	}
	app := oauth2.Config{
		ClientID: commandLine, Scopes: l.scopes, RedirectURL: "http://" + back.Addr().String() + signedInPath,
		Endpoint: oauth2.Endpoint{AuthURL: at.Authorize, TokenURL: at.Token, AuthStyle: oauth2.AuthStyleInParams},
	}
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("aud", at.Issuer+"/fhir"),
		oauth2.SetAuthURLParam("max_age", "0"), // what administration asks for is a sign-in of just now
	}
	if l.level != "" {
		options = append(options, oauth2.SetAuthURLParam("acr_values", l.level))
	}
	fmt.Fprintf(l.out.ErrOrStderr(), "open this in a browser on this machine:\n  %s\n", app.AuthCodeURL(state, options...))
	code, err := comesBack(ctx, back, at.Issuer, state)
	if err != nil {
		return err
	}
	token, err := app.Exchange(context.WithValue(ctx, oauth2.HTTPClient, client), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return fmt.Errorf("the server gives no token: %w", said(err))
	}
	if err := writeToken(l.file, token.AccessToken); err != nil {
		return fmt.Errorf("--token-file: %w", err)
	}
	fmt.Fprintf(l.out.ErrOrStderr(), "%s holds an access token until %s\n", l.file, token.Expiry.Local().Format(time.TimeOnly))
	return nil
}

// said is what a server gave as the reason, without what else it sent.
func said(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorDescription != "" {
		return errors.New(refused.ErrorDescription)
	}
	return err
}

// discovered asks a server where it authorizes.
func discovered(ctx context.Context, client *http.Client, base string) (at issuer, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/fhir/.well-known/smart-configuration", nil)
	if err != nil {
		return at, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return at, fmt.Errorf("--url: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	err = json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&at)
	secret := strings.HasPrefix(base, "https://")
	for _, address := range []string{at.Issuer, at.Authorize, at.Token} {
		u, wrong := url.Parse(address)
		if err != nil || wrong != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || secret) {
			return at, fmt.Errorf("--url: nobody can sign in at %s: it does not say where, as a SMART on FHIR server does", base)
		}
	}
	return at, nil
}

// comesBack waits for the browser, and gives the code that it brings.
func comesBack(ctx context.Context, at net.Listener, issuer, state string) (string, error) {
	type brought struct {
		code string
		err  error
	}
	came := make(chan brought, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+signedInPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		query := r.URL.Query()
		// Any page may lead a browser here; what does not know the state is none of ours.
		if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(state)) != 1 || query.Get("iss") != issuer {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "This is not the answer that the command line waits for.\n")
			return
		}
		b := brought{code: query.Get("code")}
		text := "You are signed in on the command line, and may close this page.\n"
		if b.code == "" {
			b.err = fmt.Errorf("nobody signed in: %s", reason(query))
			text = "The command line was not signed in. You may close this page.\n"
		}
		_, _ = io.WriteString(w, text)
		select {
		case came <- b:
		default:
		}
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() { _ = s.Serve(at) }()
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second) // for the page to reach the browser
		defer cancel()
		_ = s.Shutdown(ending)
		_ = s.Close()
	}()
	select {
	case b := <-came:
		return b.code, b.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", fmt.Errorf("nobody signed in within %s", loginLasts)
		}
		return "", ctx.Err()
	}
}

func reason(query url.Values) string {
	if text := query.Get("error_description"); text != "" {
		return text
	}
	return query.Get("error")
}

// writeToken writes a file that only its owner reads, also where it was there before.
func writeToken(name, token string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600) //nolint:gosec // the file that was named
	if err != nil {
		return err
	}
	if err = f.Chmod(0o600); err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteString(token + "\n")
	}
	return errors.Join(err, f.Close())
}
