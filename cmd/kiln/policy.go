package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kiln/auth/policy"
)

// shipped is the policy that is in the binary.
var shipped = sync.OnceValue(func() *policy.Policy {
	p, err := policy.Load(policy.Default())
	if err != nil {
		panic(err) // a test loads it
	}
	return p
})

// policyEvery is how often the file of the policy is looked at.
const policyEvery = 2 * time.Second

// policyInForce reads the file of --policy and follows it until the context ends; without one it is the shipped policy.
func policyInForce(ctx context.Context, name string, logger *slog.Logger) (*policy.Current, error) {
	if name == "" {
		return policy.NewCurrent(shipped())
	}
	p, err := policy.Read(name)
	if err != nil {
		return nil, fmt.Errorf("--policy %s: %w", name, err)
	}
	current, err := policy.NewCurrent(p)
	if err != nil {
		return nil, err
	}
	go current.Watch(ctx, name, policyEvery, func(err error) {
		if err != nil {
			logger.Error("the policy was not changed", slog.Any("error", err))
			return
		}
		logger.Info("the policy was read anew")
	})
	return current, nil
}
