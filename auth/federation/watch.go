package federation

import (
	"context"
	"time"

	"kiln/auth/setting"
)

// Watch puts a file in force, and looks every so often whether it, or a secret that it names, has changed until the context
// ends. told hears of each change, with nil, and of each file that cannot be used, once: then those before stay. The terms are
// asked for at each reading.
func (p *Providers) Watch(ctx context.Context, name string, every time.Duration, terms func() Terms, told func(error)) {
	last, wrong := "", ""
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for first := true; ; first = false {
		text, err := setting.File(name)
		if seen := p.seen(text); seen != last || wrong != "" || err != nil {
			if err == nil {
				err = p.replace(text, terms())
			}
			switch {
			case err != nil && err.Error() != wrong:
				wrong = err.Error()
				told(err)
			case err == nil:
				if wrong = ""; !first {
					told(nil)
				}
			}
			last = p.seen(text)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (p *Providers) replace(text []byte, terms Terms) error {
	list, err := Load(text, terms)
	if err == nil {
		p.Set(list)
	}
	return err
}

// seen is the text of a file, with the secrets of the providers in force.
func (p *Providers) seen(text []byte) string {
	all := string(text)
	for _, r := range *p.inForce.Load() {
		if r.secretFile != "" {
			secret, _ := readSecret(r.secretFile) // one that cannot be read is another
			all += "\x00" + secret
		}
	}
	return all
}
