package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"kiln/store"
)

// Invitation lets whoever has its token make an account, or set the password of one, once.
type Invitation struct {
	// Name is the account; "" lets the person choose one, which is made with the rank.
	Name string `json:"name,omitempty"`
	Rank string `json:"rank,omitempty"`
	// First holds only while there is no account at all: it is for the first administrator.
	First bool `json:"first,omitempty"`
	// Epoch is that of the account: what changes it ends the invitation.
	Epoch uint64 `json:"epoch,omitempty"`
}

// Invite makes an invitation that lasts for a time, and no longer than the account that it names stays as it is. The token goes to the person alone; it is kept as a hash.
func (p *People) Invite(ctx context.Context, i Invitation, lasting time.Duration) (token string, err error) {
	if i.Name != "" {
		a, err := p.Get(ctx, i.Name)
		if err != nil {
			return "", err
		}
		i.Epoch = a.Epoch
	}
	token = base64.RawURLEncoding.EncodeToString(p.random(32))
	value, err := json.Marshal(i)
	if err != nil {
		return "", err
	}
	_, err = p.invited.Put(ctx, "link/"+hash(token), value, p.options.Now().Add(lasting), 0)
	return token, err
}

// Invited is the invitation of a token; ErrNoSession if there is none, or none any more.
func (p *People) Invited(ctx context.Context, token string) (*Invitation, error) {
	i, _, err := p.invitation(ctx, token)
	return i, err
}

func (p *People) invitation(ctx context.Context, token string) (*Invitation, uint64, error) {
	record, err := p.invited.Get(ctx, "link/"+hash(token))
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, ErrNoSession
	}
	if err != nil {
		return nil, 0, err
	}
	i := &Invitation{}
	if err := json.Unmarshal(record.Value, i); err != nil {
		return nil, 0, err
	}
	if i.Name != "" {
		if a, err := p.Get(ctx, i.Name); err != nil || a.Epoch != i.Epoch {
			if err == nil || errors.Is(err, ErrUnknown) {
				err = ErrNoSession
			}
			return nil, 0, err
		}
	}
	if i.First {
		if empty, err := p.Empty(ctx); err != nil || !empty {
			return nil, 0, errors.Join(err, ErrNoSession)
		}
	}
	return i, record.Revision, nil
}

// Accept takes an invitation: it makes the account, or sets the password of the one that is named. The name is of use
// where the invitation names none. Errors: ErrNoSession, *InvalidError, ErrExists, those of the store. Of an *InvalidError and
// ErrExists nothing changed, and the invitation can be taken again.
func (p *People) Accept(ctx context.Context, token, name, password string) error {
	i, revision, err := p.invitation(ctx, token)
	if err != nil {
		return err
	}
	a := Account{Name: fold(name), Rank: i.Rank}
	if i.Name != "" {
		a.Name = i.Name
	}
	wrong := checkPassword(a.Name, password)
	if i.Name == "" {
		wrong = append(a.check(), wrong...)
		if _, _, err := p.get(ctx, a.Name); err == nil {
			return ErrExists
		}
	}
	if wrong != nil {
		return &InvalidError{wrong}
	}
	// The invitation goes first: of two who take it at once one does.
	err = p.invited.Delete(ctx, "link/"+hash(token), revision)
	var conflict *store.ConflictError
	if errors.As(err, &conflict) {
		return ErrNoSession
	}
	if err != nil {
		return err
	}
	if i.Name != "" {
		return p.SetPassword(ctx, i.Name, password)
	}
	return p.Add(ctx, a, password)
}
