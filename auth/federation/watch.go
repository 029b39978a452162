package federation

import (
	"bytes"
	"context"
	"time"

	"kiln/auth/setting"
)

// Watch puts a file in force, and looks every so often whether it, or a secret that it names, has changed until the context
// ends. told hears of each change, with nil, and of each file that cannot be used, once: then those before stay. The terms are
// asked for at each reading.
func (p *Providers) Watch(ctx context.Context, name string, every time.Duration, terms func() Terms, told func(error)) {
	var last []byte // the text that is in force
	wrong := ""
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for first := true; ; first = false {
		text, err := setting.File(name)
		if first || wrong != "" || err != nil || !bytes.Equal(text, last) || p.secretsChanged() {
			if err == nil {
				err = p.replace(text, terms())
			}
			switch {
			case err != nil && err.Error() != wrong:
				wrong = err.Error()
				told(err)
			case err == nil:
				last = text
				if wrong = ""; !first {
					told(nil)
				}
			}
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

// secretsChanged reports whether a secret of a provider in force is another than its file has now. What was loaded decides,
// so that a file that changes while it is being loaded is not passed over.
func (p *Providers) secretsChanged() bool {
	for _, r := range *p.inForce.Load() {
		if r.secretFile == "" {
			continue
		}
		if secret, err := readSecret(r.secretFile); err != nil || secret != r.ClientSecret {
			return true
		}
	}
	return false
}
