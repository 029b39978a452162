package server

import (
	"context"
	"time"

	"kiln/auth/account"
	"kiln/auth/smart"
	"kiln/store"
)

// The acts of administration on clients, which need no server: a command does them on a store by itself.

// AddClient keeps a client. Errors: account.ErrExists; those of the store.
func AddClient(ctx context.Context, records func(string) store.Records, client *smart.Client) error {
	err := put(ctx, newVault(records).clients, client.ID, client, time.Time{}, 0)
	if conflicts(err) {
		return account.ErrExists
	}
	return err
}

// SetClientState lets a client be used, or not any more, and gives it as it is then. Errors: account.ErrUnknown,
// *account.InvalidError; those of the store.
func SetClientState(ctx context.Context, records func(string) store.Records, id string, state smart.State) (*smart.Client, error) {
	if state != smart.Active && state != smart.Suspended {
		return nil, &account.InvalidError{Problems: []string{"the state must be active or suspended"}}
	}
	v := newVault(records)
	for {
		client, revision, err := get[smart.Client](ctx, v.clients, id)
		if err != nil {
			return nil, err
		}
		if client == nil {
			return nil, account.ErrUnknown
		}
		client.State = state
		err = put(ctx, v.clients, id, client, time.Time{}, revision)
		if conflicts(err) {
			continue
		}
		return client, err
	}
}

// Clients are all clients, in the order of their ids.
func Clients(ctx context.Context, records func(string) store.Records) ([]smart.Client, error) {
	return newVault(records).listClients(ctx)
}
