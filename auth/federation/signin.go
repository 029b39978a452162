package federation

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"kiln/auth/account"
)

// config says how the client shows its secret, so that no code is sent twice to find out.
func (p *Providers) config(r *relying, f *finding) *oauth2.Config {
	endpoint := f.Endpoint()
	if endpoint.AuthStyle = oauth2.AuthStyleInHeader; f.inForm || r.ClientSecret == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: r.ClientID, ClientSecret: r.ClientSecret, Endpoint: endpoint, RedirectURL: p.options.Issuer + "/auth/federation/" + r.Name + "/callback",
		Scopes: append([]string{oidc.ScopeOpenID, "profile"}, r.Scopes...),
	}
}

// Asked is what is asked of a provider.
type Asked struct {
	State, Nonce, Verifier string
	// Again asks for a sign-in that is made now, however lately the person signed in there.
	Again bool
	// Levels are those of which the sign-in should reach one; none: any will do.
	Levels []account.Level
}

// Begin is the address at which a person signs in (https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest), and the
// issuer. Errors: ErrUnknown, ErrDown.
func (p *Providers) Begin(ctx context.Context, name string, asked Asked) (address, issuer string, err error) {
	r := p.relying(name)
	if r == nil {
		return "", "", ErrUnknown
	}
	f := p.look(context.WithoutCancel(ctx), r)
	if f.err != nil {
		return "", "", ErrDown
	}
	age := asksWithin
	options := []oauth2.AuthCodeOption{oidc.Nonce(asked.Nonce), oauth2.S256ChallengeOption(asked.Verifier)}
	if asked.Again {
		age = 0
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	// With max_age, a provider must tell when the person signed in.
	options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(age.Seconds()))))
	if values := r.reaching(asked.Levels); len(values) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(values, " ")))
	}
	return p.config(r, f).AuthCodeURL(asked.State, options...), r.Issuer, nil
}

// reaching are the values of acr that count as one of the levels or more, from the weakest.
func (p *Provider) reaching(levels []account.Level) []string {
	var values []string
	for value, level := range p.ACR {
		if slices.ContainsFunc(levels, level.Reaches) {
			values = append(values, value)
		}
	}
	slices.SortFunc(values, func(a, b string) int {
		if p.ACR[a] != p.ACR[b] {
			return slices.Index(account.Levels(), p.ACR[a]) - slices.Index(account.Levels(), p.ACR[b])
		}
		return strings.Compare(a, b)
	})
	return values
}

// Answer is what a browser brought from a provider, and what was asked.
type Answer struct {
	Code, Error, Issuer string
	Asked
}

// Reasons to refuse an answer.
var (
	errDenied     = &Refusal{Text: "Your provider did not sign you in. Try again, or sign in another way.", cause: "the provider answered with an error"}
	errUnverified = &Refusal{Text: "What your provider answered could not be verified. Try again, or sign in another way.", cause: "the ID token is not what it must be"}
	errOther      = &Refusal{Text: errUnverified.Text, cause: "the answer is not of this sign-in"}
	errStale      = &Refusal{Text: "Your provider did not ask you to sign in anew, which is needed here.", cause: "the sign-in at the provider is older than the request"}
)

// freshness is how much older than the request a sign-in that was asked for anew may be, as clocks differ.
const freshness = time.Minute

// Finish makes of an answer who the person is; began is when they were sent there. Errors: ErrUnknown, ErrDown, *Refusal.
func (p *Providers) Finish(ctx context.Context, name string, answer Answer, began time.Time) (*Identity, error) {
	r := p.relying(name)
	if r == nil {
		return nil, ErrUnknown
	}
	f := r.known()
	if f == nil {
		if f = p.look(context.WithoutCancel(ctx), r); f.err != nil {
			return nil, ErrDown
		}
	}
	switch {
	case answer.Issuer != "" && answer.Issuer != r.Issuer: // https://www.rfc-editor.org/rfc/rfc9207#section-2.4
		return nil, errOther
	case answer.Error != "" || answer.Code == "":
		return nil, errDenied
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, r.client), answerTime)
	defer cancel()
	tokens, err := p.config(r, f).Exchange(ctx, answer.Code, oauth2.VerifierOption(answer.Verifier))
	if err != nil {
		return nil, p.exchangeFailed(r, err)
	}
	token, err := p.verify(ctx, r, f, tokens, answer.Nonce)
	if err != nil {
		return nil, err
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return nil, errUnverified
	}
	i, err := r.identity(token.Subject, c, p.options.Now())
	if err == nil && answer.Again && i.At.Before(began.Add(-freshness)) {
		return nil, errStale
	}
	return i, err
}

// exchangeFailed tells a provider that refuses from one that does not answer.
func (p *Providers) exchangeFailed(r *relying, err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode/100 == 4 {
		p.options.Logger.Warn("an identity provider refused a code; are the client id and secret right?", "provider", r.Name, "status", refused.Response.StatusCode, "error", clip(refused.ErrorCode))
		return errDenied
	}
	return fmt.Errorf("%w: the code could not be redeemed", ErrDown)
}

// verify holds an ID token against https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
func (p *Providers) verify(ctx context.Context, r *relying, f *finding, tokens *oauth2.Token, nonce string) (*oidc.IDToken, error) {
	raw, _ := tokens.Extra("id_token").(string)
	token, err := f.VerifierContext(ctx, &oidc.Config{ClientID: r.ClientID, Now: p.options.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, &Refusal{Text: errUnverified.Text, cause: clip(err.Error())}
	}
	var more struct {
		Party string `json:"azp"`
	}
	switch err := token.Claims(&more); {
	case err != nil, more.Party != r.ClientID && (more.Party != "" || len(token.Audience) > 1), token.Subject == "":
		return nil, errUnverified
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return nil, errOther
	}
	return token, nil
}

// SignOut is the address at which a person signs out of the provider that vouched for them, from where they come back; "" where
// the file does not say so, or the provider has none. https://openid.net/specs/openid-connect-rpinitiated-1_0.html
func (p *Providers) SignOut(subject, back string) string {
	for _, r := range *p.inForce.Load() {
		f := r.known()
		if !r.SignsOut || !strings.HasPrefix(subject, account.SubjectOf(r.Issuer, "")) || f == nil || f.ends == "" {
			continue
		}
		u, err := url.Parse(f.ends)
		if err != nil {
			return ""
		}
		query := u.Query()
		query.Set("client_id", r.ClientID)
		query.Set("post_logout_redirect_uri", back)
		u.RawQuery = query.Encode()
		return u.String()
	}
	return ""
}
