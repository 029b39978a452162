package federation

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// How often a provider is looked for, and how old an answer may be for sending somebody there.
const (
	lookAgain = 5 * time.Second // where it did not answer
	lookEach  = time.Minute     // where it did
)

// relying is a provider and what is known of where it answers.
type relying struct {
	Provider
	client *http.Client
	again  time.Duration // between two looks at least
	asking sync.Mutex
	found  atomic.Pointer[finding] // nil before the first look
}

// finding is what a look for a provider came to.
type finding struct {
	*oidc.Provider        // the last that was found; nil for none
	ends           string // end_session_endpoint, if it has one
	inForm         bool   // the provider takes a client's secret in the form alone
	at             time.Time
	err            error
}

func newRelying(p Provider, again time.Duration) *relying {
	return &relying{Provider: p, client: newClient(p.loopback()), again: again}
}

// look reads the discovery document, unless that was done just now (https://openid.net/specs/openid-connect-discovery-1_0.html).
func (r *relying) look(ctx context.Context) *finding {
	r.asking.Lock()
	defer r.asking.Unlock()
	before := r.found.Load()
	if before != nil && time.Since(before.at) < r.again {
		return before
	}
	// The provider keeps the context's client alone for reading its keys later.
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, r.client), answerTime)
	defer cancel()
	now := &finding{}
	now.Provider, now.err = oidc.NewProvider(ctx, r.Issuer)
	if now.err == nil {
		now.err = now.check(r.loopback())
	}
	if now.err != nil {
		*now = finding{err: now.err}
		if before != nil {
			now.Provider, now.ends, now.inForm = before.Provider, before.ends, before.inForm
		}
	}
	now.at = time.Now()
	r.found.Store(now)
	return now
}

// check refuses a provider that would lead elsewhere than to addresses that can be believed.
func (f *finding) check(loopback bool) error {
	var more struct {
		Keys string `json:"jwks_uri"`
		Ends string `json:"end_session_endpoint"`
		// What is meant where there is none: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := f.Claims(&more); err != nil {
		return errors.New("the discovery document cannot be read")
	}
	for _, address := range [...]string{f.Endpoint().AuthURL, f.Endpoint().TokenURL, more.Keys} {
		if !trustedText(address, loopback) {
			return errors.New("the discovery document names an address that is not https")
		}
	}
	f.inForm = len(more.Methods) > 0 && !slices.Contains(more.Methods, "client_secret_basic")
	if trustedText(more.Ends, loopback) {
		f.ends = more.Ends
	}
	return nil
}

// known is what was found; nil where it never was.
func (r *relying) known() *finding {
	if f := r.found.Load(); f != nil && f.Provider != nil {
		return f
	}
	return nil
}

// up reports whether the provider answered when it was looked for last; one that was not yet looked for counts as up.
func (r *relying) up() bool {
	f := r.found.Load()
	return f == nil || f.err == nil
}

// due reports whether it is time to look for the provider.
func (r *relying) due() bool {
	f := r.found.Load()
	return f == nil || time.Since(f.at) >= lookEach || f.err != nil && time.Since(f.at) >= r.again
}
