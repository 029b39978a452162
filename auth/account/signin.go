package account

import (
	"context"
	"errors"
	"time"
)

// SignedIn is a person who proved who they are.
type SignedIn struct {
	Account *Account
	Level   Level
	Methods []string // https://www.rfc-editor.org/rfc/rfc8176
	At      time.Time
}

// SignIn checks a name, a password and, where the account has one-time codes, a code or a recovery code. Errors: ErrWrong;
// ErrCodeNeeded when all but the code was right and none was given; *LockedError; those of the store.
//
// A name nobody has costs the same time and is locked in the same way.
func (p *People) SignIn(ctx context.Context, name, password, code string) (*SignedIn, error) {
	name = fold(name)
	if !nameForm.MatchString(name) {
		matchesPassword("", password)
		return nil, ErrWrong
	}
	if err := p.reserve(ctx, name); err != nil {
		return nil, err
	}
	a, _, err := p.get(ctx, name)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return nil, err
	}
	hash := ""
	if a != nil {
		hash = a.Password
	}
	if !matchesPassword(hash, password) || a == nil || a.Disabled {
		return nil, ErrWrong
	}
	level, methods := PasswordOnly, []string{"pwd"}
	if a.Code != nil {
		if code == "" {
			return nil, errors.Join(ErrCodeNeeded, p.release(ctx, name))
		}
		if err := p.useCode(ctx, name, code); err != nil {
			return nil, err
		}
		level, methods = TwoFactors, []string{"pwd", "otp", "mfa"}
	}
	if err := p.forgive(ctx, name); err != nil {
		return nil, err
	}
	return &SignedIn{Account: a, Level: level, Methods: methods, At: p.now()}, nil
}

func (p *People) now() time.Time { return p.options.Now().UTC().Truncate(time.Millisecond) }
