package federation

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure New.
type Options struct {
	// Issuer is the public address of this server without a slash at its end. Required.
	Issuer string
	// Logger hears which providers do not answer, and which do again; never of people. Default: discard.
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// LookAgain is how soon a provider that does not answer is looked for again. Default: 5 seconds.
	LookAgain time.Duration
}

// Providers are the identity providers in force. Safe for concurrent use.
type Providers struct {
	options Options
	inForce atomic.Pointer[[]*relying]
	changed chan struct{}
}

// Errors of a sign-in, besides *Refusal.
var (
	// ErrUnknown says that no provider in force has the name.
	ErrUnknown = errors.New("there is no such identity provider")
	// ErrDown says that the provider does not answer, or not as a provider.
	ErrDown = errors.New("the identity provider does not answer")
)

// New puts providers in force.
func New(list []Provider, options Options) *Providers {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.LookAgain == 0 {
		options.LookAgain = lookAgain
	}
	p := &Providers{options: options, changed: make(chan struct{}, 1)}
	p.inForce.Store(&[]*relying{})
	p.Set(list)
	return p
}

// Set puts others in force. Who is on the way to a provider that is in both may go on.
func (p *Providers) Set(list []Provider) {
	made := make([]*relying, len(list))
	for i := range list {
		made[i] = newRelying(list[i], p.options.LookAgain)
		for _, before := range *p.inForce.Load() {
			if before.Issuer == list[i].Issuer {
				made[i].client = before.client
				made[i].found.Store(before.found.Load())
			}
		}
	}
	p.inForce.Store(&made)
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *Providers) relying(name string) *relying {
	list := *p.inForce.Load()
	if i := slices.IndexFunc(list, func(r *relying) bool { return r.Name == name }); i >= 0 {
		return list[i]
	}
	return nil
}

// Get is a provider in force, by its name.
func (p *Providers) Get(name string) (Provider, bool) {
	if r := p.relying(name); r != nil {
		return r.Provider, true
	}
	return Provider{}, false
}

// Button is a provider on the sign-in page.
type Button struct {
	Name, Title string
	Up          bool // it answered when it was looked for last
}

// Buttons are the providers in force, in the order of the file.
func (p *Providers) Buttons() []Button {
	list := *p.inForce.Load()
	buttons := make([]Button, len(list))
	for i, r := range list {
		buttons[i] = Button{Name: r.Name, Title: r.Title, Up: r.up()}
	}
	return buttons
}

// Follow looks for the providers now and again until the context ends, those that do not answer more often.
func (p *Providers) Follow(ctx context.Context) {
	ticker := time.NewTicker(p.options.LookAgain)
	defer ticker.Stop()
	for {
		var looks sync.WaitGroup
		for _, r := range *p.inForce.Load() {
			if r.due() {
				looks.Go(func() { p.look(ctx, r) })
			}
		}
		looks.Wait()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-p.changed:
		}
	}
}

// look looks for a provider, and tells when it went or came.
func (p *Providers) look(ctx context.Context, r *relying) *finding {
	before := r.found.Load()
	now := r.look(ctx)
	switch {
	case ctx.Err() != nil || now == before:
	case now.err != nil && (before == nil || before.err == nil):
		p.options.Logger.Warn("an identity provider does not answer; it is looked for again", "provider", r.Name, "error", clip(now.err.Error()))
	case now.err == nil && before != nil && before.err != nil:
		p.options.Logger.Info("an identity provider answers again", "provider", r.Name)
	}
	return now
}

// clip keeps a page of a provider out of the log.
func clip(text string) string {
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
