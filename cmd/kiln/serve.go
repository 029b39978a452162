package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/gin-gonic/gin"
	"github.com/spf13/cobra"

	"kiln/fhir/rest"
)

// drain is how long running requests may take after SIGTERM.
const drain = 30 * time.Second

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve FHIR over HTTP",
		Long: `Serves the FHIR REST interface under /fhir, and /healthz, /readyz and /metrics beside it.

Every flag is also a setting of the environment (--max-body is KILN_MAX_BODY) and a key of the
file given with --config (max-body: 64MiB). A flag goes before the environment, the environment
before the file.`,
		Example: "  kiln serve\n  kiln serve --store memory: --listen 127.0.0.1:9090",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return serve(cmd) },
	}
	f := cmd.Flags()
	f.String("config", "", "YAML file with settings")
	f.String("listen", "127.0.0.1:8080", "HTTP address")
	f.String("base-url", "", "public URL of the server, used in links (default: from --listen)")
	f.String("store", defaultStore, storeUsage)
	mongoFlags(f)
	f.String("auth", "smart", "smart, or off: everybody may everything, on loopback only")
	f.String("policy", "", "YAML file that says what ranks may do (default: the one that Kiln ships with)")
	f.String("identity-providers", "", "YAML file with the OpenID providers by which people may sign in, beside names and passwords")
	f.Duration("access-token-ttl", time.Hour, "how long an access token lives, at most 1h; those of backend services 5m at most")
	f.String("audit", "strict", "strict: nothing is served while the audit log cannot be written; open: it is")
	f.Bool("insecure", false, "serve plain HTTP beyond loopback, for a proxy that speaks HTTPS before it; identity providers may be at http://127.0.0.1 then")
	f.String("tls-cert", "", "file with the certificate chain, for HTTPS")
	f.String("tls-key", "", "file with the certificate's private key")
	f.String("validation", "base", "what is checked on writes: off or base")
	f.String("referential-integrity", "deletes", "references kept whole: off, deletes or full")
	f.String("time-zone", "UTC", "zone of dates and times without an offset")
	f.Bool("allow-scans", false, "answer what no index serves yet from the resources themselves")
	f.String("max-body", "64MiB", "largest request body")
	f.Duration("request-timeout", time.Minute, "longest a request may run")
	f.Duration("drain-delay", 0, "how long to go on serving after SIGTERM while /readyz answers 503, so that a load balancer sees it")
	f.Int64("search-rows", 5_000_000, "most rows of the index and resources that one search may look at")
	f.Duration("slow-search", time.Second, "log searches that take as long; 0 logs none")
	f.String("log-format", "text", "text or json")
	f.String("log-level", "info", "debug, info, warn or error")
	return cmd
}

// serving is the configuration of serve, read and checked.
type serving struct {
	plan
	Listen           string
	Public           string // base URL without /fhir; empty: from the listener
	Certificate, Key string
	MaxBody          int64
	RequestTimeout   time.Duration
	DrainDelay       time.Duration
	Off              bool // authorization
	Insecure         bool
	AuditOpen        bool
	PolicyFile       string
	ProvidersFile    string
	AccessTokenLives time.Duration

	// What kiln demo does beside: Prepare puts something into what is assembled before it is served, Pages adds pages beside
	// those of Kiln, and Started tells of it.
	Prepare func(ctx context.Context, a *assembly, address string) error
	Pages   func(*gin.Engine)
	Started func(address string)
}

func readServing(cmd *cobra.Command, log io.Writer) (serving, error) {
	k, err := settings(cmd)
	if err != nil {
		return serving{}, err
	}
	if err := unknownVariables(cmd.Flags()); err != nil {
		return serving{}, usageError{err.Error()}
	}
	c := serving{
		plan:   plan{Store: k.String("store"), Validation: k.String("validation"), Integrity: k.String("referential-integrity")},
		Listen: k.String("listen"), Public: strings.TrimRight(k.String("base-url"), "/"),
		Certificate: k.String("tls-cert"), Key: k.String("tls-key"), RequestTimeout: k.Duration("request-timeout"),
		PolicyFile: k.String("policy"), ProvidersFile: k.String("identity-providers"), Off: k.String("auth") == "off",
	}
	if c.Insecure, err = strconv.ParseBool(k.String("insecure")); err != nil {
		return serving{}, wrongUsage("--insecure is %q; expected true or false", k.String("insecure"))
	}
	if (c.Certificate == "") != (c.Key == "") {
		return serving{}, wrongUsage("--tls-cert and --tls-key go together")
	}
	if err := c.checkAuth(k.String("auth")); err != nil {
		return serving{}, err
	}
	switch c.AuditOpen = k.String("audit") == "open"; {
	case !c.AuditOpen && k.String("audit") != "strict":
		return serving{}, wrongUsage("--audit is %q; expected strict or open", k.String("audit"))
	}
	if c.AccessTokenLives, err = duration(k.String("access-token-ttl")); err != nil || c.AccessTokenLives < time.Second || c.AccessTokenLives > time.Hour {
		return serving{}, wrongUsage("--access-token-ttl is %q; expected a duration from 1s to 1h", k.String("access-token-ttl"))
	}
	if c.Scans, err = strconv.ParseBool(k.String("allow-scans")); err != nil {
		return serving{}, wrongUsage("--allow-scans is %q; expected true or false", k.String("allow-scans"))
	}
	for name, to := range map[string]*bool{withoutTransactions: &c.Mongo.WithoutTransactions, rawBytes: &c.Mongo.RawBytes} {
		if *to, err = strconv.ParseBool(k.String(name)); err != nil {
			return serving{}, wrongUsage("--%s is %q; expected true or false", name, k.String(name))
		}
	}
	if c.RequestTimeout <= 0 {
		return serving{}, wrongUsage("--request-timeout is %s; expected a duration such as 60s", k.String("request-timeout"))
	}
	if c.SearchRows = k.Int64("search-rows"); c.SearchRows < 1 {
		return serving{}, wrongUsage("--search-rows is %q; expected a number above 0", k.String("search-rows"))
	}
	if c.SlowSearch, err = duration(k.String("slow-search")); err != nil {
		return serving{}, wrongUsage("--slow-search is %q; expected a duration such as 1s, or 0", k.String("slow-search"))
	}
	if c.DrainDelay, err = duration(k.String("drain-delay")); err != nil {
		return serving{}, wrongUsage("--drain-delay is %q; expected a duration such as 10s, or 0", k.String("drain-delay"))
	}
	if c.Zone, err = time.LoadLocation(k.String("time-zone")); err != nil {
		return serving{}, wrongUsage("--time-zone is %q; expected a name of the IANA time zone database, such as Europe/Berlin", k.String("time-zone"))
	}
	size, err := humanize.ParseBytes(k.String("max-body"))
	if err != nil || size == 0 || size > 1<<30 {
		return serving{}, wrongUsage("--max-body is %q; expected a size up to 1GiB, such as 64MiB", k.String("max-body"))
	}
	c.MaxBody = int64(size)
	if c.Public != "" {
		if u, err := url.Parse(c.Public); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return serving{}, wrongUsage("--base-url is %q; expected a URL such as https://fhir.example.org", c.Public)
		}
	}
	if err := c.check(); err != nil {
		return serving{}, err
	}
	c.Logger, err = newLogger(log, k.String("log-format"), k.String("log-level"))
	return c, err
}

// duration reads one that is not negative.
func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = errors.New("negative")
	}
	return d, err
}

// checkAuth holds the rules that an open server is not reachable from elsewhere, and that tokens do not travel in the clear.
func (c serving) checkAuth(auth string) error {
	switch {
	case auth != "smart" && auth != "off":
		return wrongUsage("--auth is %q; expected smart or off", auth)
	case loopback(c.Listen):
		return nil
	case auth == "off":
		return wrongUsage("--auth off is for loopback addresses only, and --listen %s is reachable from elsewhere; expected 127.0.0.1, [::1] or localhost", c.Listen)
	case c.Certificate == "" && !c.Insecure:
		return wrongUsage("--listen %s is reachable from elsewhere, and tokens and records would travel in the clear; expected --tls-cert and --tls-key, or --insecure if a proxy speaks HTTPS before this server", c.Listen)
	}
	return nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func serve(cmd *cobra.Command) error {
	c, err := readServing(cmd, os.Stderr)
	if err != nil {
		return err
	}
	c.Started = func(address string) { fmt.Fprintf(os.Stderr, "listening on %s\n", address) }
	return c.run(cmd.Context())
}

// run serves until the context ends.
func (c serving) run(ctx context.Context) error {
	defer flushLog(c.Logger)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return unheard(c.Listen, err)
	}
	defer listener.Close()
	address := c.address(listener)
	c.BaseURL = address + "/fhir"
	if !c.Off {
		current, err := policyInForce(ctx, c.PolicyFile, c.Logger)
		if err != nil {
			return err
		}
		providers, err := c.identityProviders(ctx, address, current)
		if err != nil {
			return err
		}
		c.Guard = guarding{Issuer: address, Policy: current, Providers: providers, AccessTokenLives: c.AccessTokenLives, Zone: c.Zone, AuditOpen: c.AuditOpen, Logger: c.Logger, First: c.Prepare == nil}.over
	}
	a, err := c.assemble(ctx)
	if err != nil {
		return err
	}
	if c.Prepare != nil {
		if err := c.Prepare(ctx, a, address); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	var leaving leaving
	server, err := c.server(a, &leaving)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	if c.Mongo.WithoutTransactions && remote(c.Store) {
		c.Logger.Warn("the database is used without transactions: docs/mongodb.md tells what is promised then")
	}
	stopControl, err := serveControl(c.Store, a, c.Logger)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	if c.Off {
		c.Logger.Warn("authorization is off: whoever reaches this address can read and change every record; it listens on loopback only")
	}
	collectSeldom()
	go tidy(ctx)
	done := make(chan error, 1)
	go func() { done <- c.accept(server, listener) }()
	c.Started(address)
	select {
	case err = <-done:
	case <-ctx.Done():
		c.Logger.Info("stopping: finishing what runs", slog.Duration("after", c.DrainDelay), slog.Duration("at most", drain))
		leaving.announce(c.DrainDelay)
		err = shutDown(server)
	}
	stopControl()
	return errors.Join(err, a.Close())
}

// unheard tells why an address cannot be listened on.
func unheard(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("--listen %s: another program listens there; end it, or choose another port", address)
	}
	return fmt.Errorf("--listen %s: %w", address, err)
}

// address is the public URL, without a slash at its end.
func (c serving) address(listener net.Listener) string {
	if c.Public != "" {
		return c.Public
	}
	scheme := "http"
	if c.Certificate != "" {
		scheme = "https"
	}
	host, _, err := net.SplitHostPort(c.Listen)
	_, port, err2 := net.SplitHostPort(listener.Addr().String())
	if err != nil || err2 != nil {
		return scheme + "://" + listener.Addr().String()
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func (c serving) server(a *assembly, leaving *leaving) (*http.Server, error) {
	options := rest.Options{
		Service: a.Service, MaxBody: c.MaxBody, RequestTimeout: c.RequestTimeout, Logger: c.Logger,
		Ready: func() error {
			if err := leaving.ready(); err != nil {
				return err
			}
			return storeReady(a.Store)
		},
	}
	if a.Guard == nil {
		// Without tokens, the pages of other sites must not reach the server through a browser.
		options.Origins = []string{rest.LoopbackOrigins}
	} else {
		options.Authenticator, options.WellKnown = a.Guard.recorder, a.Guard.server.WellKnown()
		options.Counters = []rest.Counter{{
			Name: "kiln_access_disagreements_total", Help: "Resources held back because the two decisions about access disagreed.",
			Value: a.Guard.authorizer.Disagreements,
		}, {
			Name: "kiln_glass_broken_total", Help: "Breakings of the glass: people who reached a patient without being related.",
			Value: a.Guard.authorizer.Broken,
		}, {
			Name: "kiln_audit_bare_total", Help: "AuditEvents made without what they tell of, which the audit log alone has.",
			Value: a.Guard.publisher.Bare,
		}}
	}
	handler, err := rest.New(options)
	if err != nil {
		return nil, err
	}
	if a.Guard != nil {
		a.Guard.server.Mount(handler.Engine())
	}
	if c.Pages != nil {
		c.Pages(handler.Engine())
	}
	server := rest.NewServer(leaving.closing(handler), options)
	if c.Certificate != "" {
		certificate, err := newCertificate(c.Certificate, c.Key, c.Logger)
		if err != nil {
			return nil, err
		}
		server.TLSConfig = certificate.config()
	}
	return server, nil
}

func (c serving) accept(server *http.Server, listener net.Listener) error {
	var err error
	if server.TLSConfig != nil {
		err = server.ServeTLS(listener, "", "")
	} else {
		err = server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func shutDown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("some requests did not finish within %s: %w", drain, err), server.Close())
	}
	return nil
}
