package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"kiln/store"
)

// Session is a sign-in that lasts.
type Session struct {
	ID      string    `json:"-"` // names the session; it is not the token
	Name    string    `json:"name"`
	Epoch   uint64    `json:"epoch"`
	Level   Level     `json:"level"`
	Methods []string  `json:"methods"`
	At      time.Time `json:"at"`    // of the sign-in, or of the last step-up; at an identity provider it may be long before the session
	Began   time.Time `json:"began"` // of the session
	Seen    time.Time `json:"seen"`  // to the minute
}

// seenEach is how often the use of a session is written down.
const seenEach = time.Minute

// Begin starts the session of somebody who signed in. The token is for the browser alone; it is kept as a hash.
func (p *People) Begin(ctx context.Context, s *SignedIn) (token string, session *Session, err error) {
	token = base64.RawURLEncoding.EncodeToString(p.random(32))
	session = &Session{
		ID: hash(token), Name: s.Account.Name, Epoch: s.Account.Epoch, Level: s.Level, Methods: s.Methods,
		At: s.At, Began: p.now(), Seen: p.now(),
	}
	return token, session, p.putSession(ctx, session, 0)
}

func (p *People) putSession(ctx context.Context, s *Session, revision uint64) error {
	value, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = p.sessions.Put(ctx, s.ID, value, p.Ends(s), revision)
	return err
}

// Ends is when a session ends if nobody uses it any more.
func (p *People) Ends(s *Session) time.Time {
	idle, absolute := s.Seen.Add(p.options.Idle), s.Began.Add(p.options.Absolute)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}

// Session is the session of a token, with its account, and marks it as used. ErrNoSession when it has ended: by time, by
// End, or since the account was changed or disabled.
func (p *People) Session(ctx context.Context, token string) (*Session, *Account, error) {
	if len(token) > 100 {
		return nil, nil, ErrNoSession
	}
	s, a, revision, err := p.session(ctx, hash(token))
	if err != nil {
		return nil, nil, err
	}
	if now := p.now(); now.Sub(s.Seen) >= seenEach {
		s.Seen = now
		err = p.putSession(ctx, s, revision)
		var conflict *store.ConflictError
		if errors.As(err, &conflict) {
			err = nil // another request marked it, or it was ended: the next one will see
		}
	}
	return s, a, err
}

// SessionByID is Session for what was made in a session and ends with it; it marks nothing.
func (p *People) SessionByID(ctx context.Context, id string) (*Session, *Account, error) {
	s, a, _, err := p.session(ctx, id)
	return s, a, err
}

func (p *People) session(ctx context.Context, id string) (*Session, *Account, uint64, error) {
	record, err := p.sessions.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, 0, ErrNoSession
	}
	if err != nil {
		return nil, nil, 0, err
	}
	s := &Session{ID: id}
	if err := json.Unmarshal(record.Value, s); err != nil {
		return nil, nil, 0, err
	}
	if !p.now().Before(p.Ends(s)) {
		return nil, nil, 0, ErrNoSession
	}
	a, err := p.Living(ctx, s.Name, s.Epoch)
	return s, a, record.Revision, err
}

// Living is an account whose sessions and tokens of an epoch still count; ErrNoSession otherwise.
func (p *People) Living(ctx context.Context, name string, epoch uint64) (*Account, error) {
	a, _, err := p.get(ctx, name)
	if errors.Is(err, ErrUnknown) || err == nil && (a.Disabled || a.Epoch != epoch) {
		return nil, ErrNoSession
	}
	return a, err
}

// Raise tells a session that its person proved again who they are. Errors: ErrNoSession, also when it was somebody else.
func (p *People) Raise(ctx context.Context, token string, s *SignedIn) (*Session, error) {
	for {
		session, _, revision, err := p.session(ctx, hash(token))
		if err != nil {
			return nil, err
		}
		if session.Name != s.Account.Name {
			return nil, ErrNoSession
		}
		session.Level, session.Methods, session.At, session.Seen = s.Level, s.Methods, s.At, p.now()
		err = p.putSession(ctx, session, revision)
		var conflict *store.ConflictError
		if errors.As(err, &conflict) && ctx.Err() == nil {
			continue
		}
		return session, err
	}
}

// End ends a session; one that has ended already is not an error.
func (p *People) End(ctx context.Context, id string) error {
	err := p.sessions.Delete(ctx, id, store.AnyRevision)
	p.options.Changed()
	return err
}
