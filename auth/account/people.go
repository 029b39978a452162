package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"time"

	"kiln/store"
)

// Options configure New. Records is required.
type Options struct {
	// Records are the store's, by bucket.
	Records func(bucket string) store.Records
	// Site is what authenticators show for one-time codes and passkeys. Default: Kiln.
	Site string
	// Idle ends a session that nobody used for so long; Absolute ends it however it is used. Defaults: 30 minutes and
	// 12 hours.
	Idle, Absolute time.Duration
	// Changed is called after a change that may end what was issued: an account changed or a session ended. Default: nothing.
	Changed func()
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Random gives randomness. Default: crypto/rand.
	Random io.Reader

	cost cost
}

// People are the accounts of a store. Safe for concurrent use, also by several processes.
type People struct {
	options  Options
	accounts store.Records
	attempts store.Records
	sessions store.Records
	invited  store.Records
	handles  store.Records // of authenticators, each with the name of its account
	subjects store.Records // of identity providers, hashed, each with the name of its account
}

// New is the accounts of a store.
func New(options Options) *People {
	if options.Site == "" {
		options.Site = "Kiln"
	}
	if options.Idle == 0 {
		options.Idle = 30 * time.Minute
	}
	if options.Absolute == 0 {
		options.Absolute = 12 * time.Hour
	}
	if options.Changed == nil {
		options.Changed = func() {}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Random == nil {
		options.Random = rand.Reader
	}
	if options.cost == (cost{}) {
		options.cost = defaultCost
	}
	return &People{
		options:  options,
		accounts: options.Records("accounts"),
		attempts: options.Records("attempts"),
		sessions: options.Records("sessions"),
		invited:  options.Records("invitations"),
		handles:  options.Records("handles"),
		subjects: options.Records("subjects"),
	}
}

// Add makes an account; with an empty password it cannot sign in until it has one or an identity provider vouches for
// it. Errors: *InvalidError, ErrExists, ErrLinked, those of the store.
func (p *People) Add(ctx context.Context, a Account, password string) error {
	a.Name = fold(a.Name)
	wrong := a.check()
	if password != "" {
		wrong = append(wrong, checkPassword(a.Name, password)...)
	}
	if wrong != nil {
		return &InvalidError{wrong}
	}
	if password != "" {
		a.Password = hashPassword(password, p.options.cost)
	}
	a.Created = p.options.Now().UTC().Truncate(time.Millisecond)
	a.Epoch = 1
	a.Handle = p.random(32)
	if a.Subject != "" {
		if err := p.claim(ctx, a.Subject, a.Name); err != nil {
			return err
		}
	}
	if _, err := p.handles.Put(ctx, string(a.Handle), []byte(a.Name), time.Time{}, 0); err != nil {
		return err
	}
	err := p.put(ctx, &a, 0)
	var conflict *store.ConflictError
	if errors.As(err, &conflict) {
		return ErrExists
	}
	return err
}

// Get is an account by its name; ErrUnknown if there is none.
func (p *People) Get(ctx context.Context, name string) (*Account, error) {
	a, _, err := p.get(ctx, fold(name))
	return a, err
}

func (p *People) get(ctx context.Context, name string) (*Account, uint64, error) {
	if !nameForm.MatchString(name) {
		return nil, 0, ErrUnknown
	}
	record, err := p.accounts.Get(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, ErrUnknown
	}
	if err != nil {
		return nil, 0, err
	}
	a := &Account{}
	return a, record.Revision, json.Unmarshal(record.Value, a)
}

func (p *People) put(ctx context.Context, a *Account, revision uint64) error {
	value, err := json.Marshal(a) //nolint:gosec // the password is a hash
	if err != nil {
		return err
	}
	_, err = p.accounts.Put(ctx, a.Name, value, time.Time{}, revision)
	return err
}

// holding is the account that authenticators name by a handle; ErrUnknown if there is none.
func (p *People) holding(ctx context.Context, handle []byte) (*Account, error) {
	record, err := p.handles.Get(ctx, string(handle))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	a, err := p.Get(ctx, string(record.Value))
	if err == nil && !bytes.Equal(a.Handle, handle) {
		return nil, ErrUnknown // left by an account that was never made
	}
	return a, err
}

// List are all accounts in the order of their names.
func (p *People) List(ctx context.Context) ([]Account, error) {
	records, err := p.accounts.List(ctx, "", "", 0)
	if err != nil {
		return nil, err
	}
	all := make([]Account, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Value, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Empty reports whether there is no account at all.
func (p *People) Empty(ctx context.Context) (bool, error) {
	some, err := p.accounts.List(ctx, "", "", 1)
	return len(some) == 0, err
}

// Change applies a change to an account, again if somebody else changed it meanwhile. Errors: ErrUnknown, *InvalidError,
// what change returns, those of the store.
func (p *People) Change(ctx context.Context, name string, change func(*Account) error) error {
	for {
		a, revision, err := p.get(ctx, fold(name))
		if err != nil {
			return err
		}
		before := *a
		if err := change(a); err != nil {
			return err
		}
		a.Name, a.Handle = before.Name, before.Handle
		if wrong := a.check(); wrong != nil {
			return &InvalidError{wrong}
		}
		err = p.put(ctx, a, revision)
		var conflict *store.ConflictError
		if errors.As(err, &conflict) && ctx.Err() == nil {
			continue
		}
		if err == nil && a.Epoch != before.Epoch {
			p.options.Changed()
		}
		return err
	}
}

// SetPassword gives a new password, ends whatever was issued before and forgives failed attempts. Errors: those of Change.
func (p *People) SetPassword(ctx context.Context, name, password string) error {
	if wrong := checkPassword(fold(name), password); wrong != nil {
		return &InvalidError{wrong}
	}
	hash := hashPassword(password, p.options.cost)
	err := p.Change(ctx, name, func(a *Account) error {
		a.Password = hash
		a.Epoch++
		return nil
	})
	if err == nil {
		err = p.forgive(ctx, fold(name))
	}
	return err
}

// SetDisabled closes or opens an account; closing ends whatever was issued. Errors: those of Change.
func (p *People) SetDisabled(ctx context.Context, name string, disabled bool) error {
	return p.Change(ctx, name, func(a *Account) error {
		if a.Disabled != disabled {
			a.Disabled = disabled
			a.Epoch++
		}
		return nil
	})
}

// SetRank gives another rank and ends whatever was issued. Errors: those of Change.
func (p *People) SetRank(ctx context.Context, name, rank string) error {
	return p.Change(ctx, name, func(a *Account) error {
		if a.Rank != rank {
			a.Rank = rank
			a.Epoch++
		}
		return nil
	})
}

func (p *People) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(p.options.Random, b); err != nil {
		panic("account: there is no randomness: " + err.Error())
	}
	return b
}
