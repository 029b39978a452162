package account

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"kiln/store"
)

// Code is the means for one-time codes by time (https://www.rfc-editor.org/rfc/rfc6238), of six digits, each for 30 s.
type Code struct {
	Secret string `json:"secret"`
	Used   int64  `json:"used"` // the step of the last code that was taken: none is taken twice
}

const (
	codeStep      = 30 // seconds
	codeSkew      = 1  // steps that clocks may differ
	recoveryCodes = 8
	enrolling     = 15 * time.Minute
)

// OfferCode begins one-time codes for an account: the URL is for the authenticator app, as text or drawn, and the secret in it
// for typing. Nothing changes until ConfirmCode. Errors: ErrUnknown, those of the store.
func (p *People) OfferCode(ctx context.Context, name string) (url, secret string, err error) {
	a, _, err := p.get(ctx, fold(name))
	if err != nil {
		return "", "", err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: p.options.Site, AccountName: a.Name, Rand: p.options.Random})
	if err != nil {
		return "", "", err
	}
	_, err = p.invited.Put(ctx, "code/"+a.Name, []byte(key.Secret()), p.options.Now().Add(enrolling), store.AnyRevision)
	return key.URL(), key.Secret(), err
}

// ConfirmCode takes the codes that were offered into use, if a code shows that the app has them, and gives recovery codes,
// each of use once instead of a code. Sessions and tokens made before end. Errors: ErrWrong, those of Change.
func (p *People) ConfirmCode(ctx context.Context, name, code string) (recovery []string, err error) {
	name = fold(name)
	offered, err := p.invited.Get(ctx, "code/"+name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrWrong
	}
	if err != nil {
		return nil, err
	}
	if err := p.reserve(ctx, name); err != nil {
		return nil, err
	}
	step, ok := p.codeStep(string(offered.Value), code, 0)
	if !ok {
		return nil, ErrWrong
	}
	hashes := make([]string, recoveryCodes)
	recovery = make([]string, recoveryCodes)
	for i := range recovery {
		recovery[i] = strings.ToLower(base32.StdEncoding.EncodeToString(p.random(10)))
		hashes[i] = hash(recovery[i])
	}
	err = p.Change(ctx, name, func(a *Account) error {
		a.Code, a.Recovery = &Code{Secret: string(offered.Value), Used: step}, hashes
		a.Epoch++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recovery, errors.Join(p.forgive(ctx, name), p.invited.Delete(ctx, "code/"+name, store.AnyRevision))
}

// RemoveCode ends one-time codes, and whatever was issued. Errors: those of Change.
func (p *People) RemoveCode(ctx context.Context, name string) error {
	return p.Change(ctx, name, func(a *Account) error {
		if a.Code != nil {
			a.Code, a.Recovery = nil, nil
			a.Epoch++
		}
		return nil
	})
}

// useCode takes a code, or a recovery code, out of use. Of many at once with the same code one succeeds.
func (p *People) useCode(ctx context.Context, name, code string) error {
	code = strings.ToLower(strings.Join(strings.Fields(code), ""))
	return p.Change(ctx, name, func(a *Account) error {
		if a.Code == nil {
			return ErrWrong
		}
		if step, ok := p.codeStep(a.Code.Secret, code, a.Code.Used); ok {
			a.Code = &Code{Secret: a.Code.Secret, Used: step}
			return nil
		}
		// The codes are random and looked up by their hash: how long a comparison takes tells nothing.
		i := slices.Index(a.Recovery, hash(code))
		if i < 0 {
			return ErrWrong
		}
		a.Recovery = slices.Delete(slices.Clone(a.Recovery), i, i+1)
		return nil
	})
}

// codeStep is the step whose code it is, later than the last one used.
func (p *People) codeStep(secret, code string, used int64) (int64, bool) {
	now := p.options.Now().Unix() / codeStep
	for step := max(now-codeSkew, used+1); step <= now+codeSkew; step++ {
		ok, err := hotp.ValidateCustom(code, uint64(step), secret, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && ok {
			return step, true
		}
	}
	return 0, false
}

// hash is how random secrets are kept: they cannot be guessed, so that no slow hash is needed.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
