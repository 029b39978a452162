package account

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"kiln/store"
)

// Passkeys are the ceremonies of WebAuthn (https://www.w3.org/TR/webauthn-3/) for the accounts of one site. The state
// of a ceremony lies in a record between its two requests.
type Passkeys struct {
	people *People
	site   *webauthn.WebAuthn
}

// ceremonyTime is how long a person has for one.
const ceremonyTime = 5 * time.Minute

// maxPasskeys is how many one account may have.
const maxPasskeys = 20

// Passkeys are those of the site at a public address, such as https://kiln.example.org; nil where its host is an address
// of the network, for which authenticators make none.
func (p *People) Passkeys(public string) (*Passkeys, error) {
	u, err := url.Parse(public)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(u.Hostname()) != nil {
		return nil, nil
	}
	site, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: p.options.Site, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, err
	}
	return &Passkeys{people: p, site: site}, nil
}

// holder is an account as the library sees it.
type holder struct{ *Account }

func (h holder) WebAuthnID() []byte                         { return h.Handle }
func (h holder) WebAuthnName() string                       { return h.Name }
func (h holder) WebAuthnDisplayName() string                { return h.Called() }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.Account.Passkeys }

// Offer begins a new passkey for an account: the options for navigator.credentials.create, as JSON.
func (k *Passkeys) Offer(ctx context.Context, name string) ([]byte, error) {
	a, err := k.people.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	have := make([]protocol.CredentialDescriptor, len(a.Passkeys))
	for i, c := range a.Passkeys {
		have[i] = c.Descriptor()
	}
	options, state, err := k.site.BeginRegistration(holder{a}, webauthn.WithExclusions(have))
	if err != nil {
		return nil, err
	}
	return k.begun(ctx, "passkey/new/"+a.Name, options, state)
}

// begun keeps the state of a ceremony and gives its options.
func (k *Passkeys) begun(ctx context.Context, key string, options any, state *webauthn.SessionData) ([]byte, error) {
	kept, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	if _, err := k.people.invited.Put(ctx, key, kept, k.people.options.Now().Add(ceremonyTime), store.AnyRevision); err != nil {
		return nil, err
	}
	return json.Marshal(options)
}

// take is the state of a ceremony, for one use.
func (k *Passkeys) take(ctx context.Context, key string) (webauthn.SessionData, error) {
	var state webauthn.SessionData
	record, err := k.people.invited.Get(ctx, key)
	if err == nil {
		err = k.people.invited.Delete(ctx, key, record.Revision)
	}
	var conflict *store.ConflictError
	if errors.Is(err, store.ErrNotFound) || errors.As(err, &conflict) {
		return state, ErrWrong
	}
	if err != nil {
		return state, err
	}
	return state, json.Unmarshal(record.Value, &state)
}

// Confirm adds the passkey that an authenticator made; the request has its answer as JSON. Errors: ErrWrong, those of
// Change.
func (k *Passkeys) Confirm(ctx context.Context, name string, r *http.Request) error {
	a, err := k.people.Get(ctx, name)
	if err != nil {
		return err
	}
	state, err := k.take(ctx, "passkey/new/"+a.Name)
	if err != nil {
		return err
	}
	made, err := k.site.FinishRegistration(holder{a}, state, r)
	if err != nil {
		return ErrWrong
	}
	return k.people.Change(ctx, a.Name, func(a *Account) error {
		if len(a.Passkeys) >= maxPasskeys {
			return &InvalidError{[]string{"there are 20 passkeys already"}}
		}
		a.Passkeys = append(slices.Clone(a.Passkeys), *made)
		return nil
	})
}

// Remove takes a passkey away and ends what was issued. Errors: those of Change.
func (k *Passkeys) Remove(ctx context.Context, name string, id []byte) error {
	return k.people.Change(ctx, name, func(a *Account) error {
		n := len(a.Passkeys)
		a.Passkeys = slices.DeleteFunc(slices.Clone(a.Passkeys), func(c webauthn.Credential) bool { return bytes.Equal(c.ID, id) })
		if len(a.Passkeys) != n {
			a.Epoch++
		}
		return nil
	})
}

// Ask begins a sign-in by a passkey, in a browser that is named by a random text: the options for
// navigator.credentials.get, as JSON. Nobody is named: the authenticator knows.
func (k *Passkeys) Ask(ctx context.Context, browser string) ([]byte, error) {
	options, state, err := k.site.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	return k.begun(ctx, "passkey/get/"+hash(browser), options, state)
}

// SignIn ends a sign-in by a passkey; the request has the authenticator's answer as JSON. It is possible while passwords
// are locked. Errors: ErrWrong, those of the store.
func (k *Passkeys) SignIn(ctx context.Context, browser string, r *http.Request) (*SignedIn, error) {
	state, err := k.take(ctx, "passkey/get/"+hash(browser))
	if err != nil {
		return nil, err
	}
	var found *Account
	_, used, err := k.site.FinishPasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		if found, err = k.people.holding(ctx, handle); err != nil {
			return nil, err
		}
		return holder{found}, nil
	}, state, r)
	if err != nil || found == nil || found.Disabled || used.Authenticator.CloneWarning {
		return nil, ErrWrong
	}
	err = k.people.Change(ctx, found.Name, func(a *Account) error {
		a.Passkeys = slices.Clone(a.Passkeys)
		for i := range a.Passkeys {
			if bytes.Equal(a.Passkeys[i].ID, used.ID) {
				a.Passkeys[i] = *used
			}
		}
		found = a
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &SignedIn{Account: found, Level: PhishingResistant, Methods: []string{"hwk", "user", "mfa"}, At: k.people.now()}, nil
}
