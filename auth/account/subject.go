package account

import (
	"context"
	"errors"
	"time"

	"kiln/store"
)

// ErrLinked says that a subject of an identity provider is linked to another account.
var ErrLinked = errors.New("another account is linked to that person at the identity provider")

// maxSubject bounds issuer and subject; a subject has 255 letters at most:
// https://openid.net/specs/openid-connect-core-1_0.html#IDToken
const maxSubject = 1024

// SubjectOf names a person at an identity provider for good: neither a name nor an e-mail address does.
func SubjectOf(issuer, subject string) string { return issuer + " " + subject }

// Vouched is the account that is linked to a subject; ErrUnknown if none is.
func (p *People) Vouched(ctx context.Context, subject string) (*Account, error) {
	a, _, err := p.vouched(ctx, subject)
	return a, err
}

func (p *People) vouched(ctx context.Context, subject string) (a *Account, revision uint64, err error) {
	record, err := p.subjects.Get(ctx, hash(subject))
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, ErrUnknown
	}
	if err != nil {
		return nil, 0, err
	}
	a, err = p.Get(ctx, string(record.Value))
	if err == nil && a.Subject != subject {
		a, err = nil, ErrUnknown // left by a link that was never made, or was ended
	}
	return a, record.Revision, err
}

// claim notes that a subject is that of a name. Errors: ErrLinked, those of the store.
func (p *People) claim(ctx context.Context, subject, name string) error {
	if len(subject) > maxSubject {
		return &InvalidError{[]string{"issuer and subject are longer than 1024 bytes"}}
	}
	for {
		a, revision, err := p.vouched(ctx, subject)
		switch {
		case err == nil && a.Name != name:
			return ErrLinked
		case err != nil && !errors.Is(err, ErrUnknown):
			return err
		}
		_, err = p.subjects.Put(ctx, hash(subject), []byte(name), time.Time{}, revision)
		var conflict *store.ConflictError
		if errors.As(err, &conflict) && ctx.Err() == nil {
			continue
		}
		return err
	}
}

// Link lets a subject of an identity provider sign in to an account, instead of the one before, and ends whatever was issued.
// The rank is not the provider's thereby. An empty subject ends the link. Errors: ErrLinked, those of Change.
func (p *People) Link(ctx context.Context, name, subject string) error {
	name = fold(name)
	if _, err := p.Get(ctx, name); err != nil {
		return err
	}
	if subject != "" {
		if err := p.claim(ctx, subject, name); err != nil {
			return err
		}
	}
	return p.Change(ctx, name, func(a *Account) error {
		if a.Subject != subject {
			a.Subject, a.Provided = subject, false
			a.Epoch++
		}
		return nil
	})
}

// Local reports whether an account has means of signing in of its own, besides an identity provider.
func (a *Account) Local() bool { return a.Password != "" || len(a.Passkeys) > 0 }
