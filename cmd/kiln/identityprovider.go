package main

import (
	"context"
	"fmt"
	"log/slog"

	"kiln/auth/federation"
	"kiln/auth/policy"
	"kiln/auth/setting"
)

// identityProviders reads the file of --identity-providers, and follows it and the providers in it until the context ends;
// without one there are none.
func (c serving) identityProviders(ctx context.Context, issuer string, current *policy.Current) (*federation.Providers, error) {
	options := federation.Options{Issuer: issuer, Logger: c.Logger}
	name := c.ProvidersFile
	if name == "" {
		return federation.New(nil, options), nil
	}
	terms := func() federation.Terms {
		return federation.Terms{Ranks: current.Policy().Ranks(), Loopback: c.Insecure}
	}
	text, err := setting.File(name)
	if err != nil {
		return nil, fmt.Errorf("--identity-providers: %w", err)
	}
	list, err := federation.Load(text, terms())
	if err != nil {
		return nil, fmt.Errorf("--identity-providers %s: %w", name, err)
	}
	providers := federation.New(list, options)
	go providers.Follow(ctx)
	go providers.Watch(ctx, name, policyEvery, terms, func(err error) {
		if err != nil {
			c.Logger.Error("the identity providers were not changed", slog.Any("error", err))
			return
		}
		c.Logger.Info("the identity providers were read anew")
	})
	return providers, nil
}
