package policy

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"kiln/auth/setting"
)

// Current is the policy in force. It is safe for concurrent use.
type Current struct{ policy atomic.Pointer[Policy] }

// NewCurrent puts a policy in force; nil is the one that Kiln ships with.
func NewCurrent(p *Policy) (*Current, error) {
	if p == nil {
		var err error
		if p, err = Load(defaultText); err != nil {
			return nil, fmt.Errorf("the policy shipped with Kiln: %w", err)
		}
	}
	c := &Current{}
	c.policy.Store(p)
	return c, nil
}

// Policy is the one in force now.
func (c *Current) Policy() *Policy { return c.policy.Load() }

// Set puts another in force.
func (c *Current) Set(p *Policy) { c.policy.Store(p) }

// Watch puts a file in force, and looks every so often whether it has changed until the context ends. told hears of each
// change, with nil, and of each file that cannot be used, once: then the policy before stays.
func (c *Current) Watch(ctx context.Context, name string, every time.Duration, told func(error)) {
	var last []byte
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for first := true; ; first = false {
		text, err := setting.File(name)
		if err != nil {
			text = []byte(err.Error()) // told once
		}
		if !bytes.Equal(text, last) {
			if err = c.replace(text, err); err != nil || !first {
				told(err)
			}
		}
		last = text
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (c *Current) replace(text []byte, err error) error {
	if err != nil {
		return err
	}
	p, err := Load(text)
	if err == nil {
		c.Set(p)
	}
	return err
}

// Read loads the policy of a file.
func Read(name string) (*Policy, error) {
	text, err := setting.File(name)
	if err != nil {
		return nil, err
	}
	return Load(text)
}
