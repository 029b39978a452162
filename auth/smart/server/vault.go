package server

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"kiln/auth/smart"
	"kiln/store"
)

// vault keeps the state of the authorization server in records of the store, so that every process sees the same and a
// restart loses nothing. Secrets are keys as hashes alone.
type vault struct {
	clients, requests, launches, grants, granted, codes, tokens, refreshes, assertions, consents, keys, acts store.Records
	// changes grows when something ended that requests may still be served by: what a process remembers of tokens counts
	// as long as it stays.
	changes atomic.Uint64
}

func newVault(records func(string) store.Records) *vault {
	return &vault{
		clients: records("auth-clients"), requests: records("auth-requests"), launches: records("auth-launches"),
		grants: records("auth-grants"), granted: records("auth-granted"), codes: records("auth-codes"), tokens: records("auth-tokens"),
		refreshes: records("auth-refreshes"), assertions: records("auth-assertions"), consents: records("auth-consents"), keys: records("auth-keys"), acts: records("auth-acts"),
	}
}

// changed says that something ended.
func (v *vault) changed() { v.changes.Add(1) }

// get reads a record as JSON; nil where there is none.
func get[T any](ctx context.Context, records store.Records, key string) (*T, uint64, error) {
	record, err := records.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	value := new(T)
	return value, record.Revision, json.Unmarshal(record.Value, value)
}

// put writes a record as JSON, under the rule of revisions.
func put(ctx context.Context, records store.Records, key string, value any, expires time.Time, revision uint64) error {
	text, err := json.Marshal(value)
	if err == nil {
		_, err = records.Put(ctx, key, text, expires, revision)
	}
	return err
}

func conflicts(err error) bool {
	var conflict *store.ConflictError
	return errors.As(err, &conflict)
}

// take reads a record and deletes it: of many who try at once one gets it.
func take[T any](ctx context.Context, records store.Records, key string) (*T, error) {
	value, revision, err := get[T](ctx, records, key)
	if err != nil || value == nil {
		return nil, err
	}
	if err := records.Delete(ctx, key, revision); conflicts(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return value, nil
}

func (v *vault) client(ctx context.Context, id string) (*smart.Client, error) {
	if id == "" || len(id) > 200 {
		return nil, nil
	}
	c, _, err := get[smart.Client](ctx, v.clients, id)
	return c, err
}

// putGrant keeps a grant, and that its person has it. The note goes first: a grant that nobody finds could not be ended.
func (v *vault) putGrant(ctx context.Context, g *smart.Grant, revision uint64) error {
	if revision == 0 && g.User != "" {
		if _, err := v.granted.Put(ctx, grantedKey(g.User, g.ID), []byte(g.Client), g.Ends(), store.AnyRevision); err != nil {
			return err
		}
	}
	return put(ctx, v.grants, g.ID, g, g.Ends(), revision)
}

func grantedKey(user, grant string) string { return user + "\x00" + grant }

func (v *vault) grant(ctx context.Context, id string) (*smart.Grant, uint64, error) {
	return get[smart.Grant](ctx, v.grants, id)
}

// revoke ends a grant and with it all its tokens. One that has ended is not an error.
func (v *vault) revoke(ctx context.Context, g *smart.Grant) error {
	defer v.changed()
	err := v.grants.Delete(ctx, g.ID, store.AnyRevision)
	if g.User != "" {
		err = errors.Join(err, v.granted.Delete(ctx, grantedKey(g.User, g.ID), store.AnyRevision))
	}
	return err
}

// grantsOf are the grants of a person that have not ended.
func (v *vault) grantsOf(ctx context.Context, user string) ([]*smart.Grant, error) {
	notes, err := v.granted.List(ctx, user+"\x00", "", 0)
	if err != nil {
		return nil, err
	}
	var grants []*smart.Grant
	for _, note := range notes {
		g, _, err := v.grant(ctx, strings.TrimPrefix(note.Key, user+"\x00"))
		if err != nil {
			return nil, err
		}
		if g != nil {
			grants = append(grants, g)
		}
	}
	return grants, nil
}

// revokeApp ends all that a person granted an app, and what is remembered of their consent.
func (v *vault) revokeApp(ctx context.Context, user, client string) error {
	grants, err := v.grantsOf(ctx, user)
	for _, g := range grants {
		if g.Client == client {
			err = errors.Join(err, v.revoke(ctx, g))
		}
	}
	return errors.Join(err, v.consents.Delete(ctx, grantedKey(user, client), store.AnyRevision))
}

// revokeClient ends all grants of an app.
func (v *vault) revokeClient(ctx context.Context, client string) error {
	defer v.changed()
	for after := ""; ; {
		page, err := v.grants.List(ctx, "", after, 500)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, record := range page {
			after = record.Key
			var g smart.Grant
			if err := json.Unmarshal(record.Value, &g); err != nil {
				return err
			}
			if g.Client == client {
				if err := v.revoke(ctx, &g); err != nil {
					return err
				}
			}
		}
	}
}

// redeem marks a code as used and gives it as it was before: of many who try at once one finds it unused.
func (v *vault) redeem(ctx context.Context, hash string) (*smart.Code, error) {
	for {
		c, revision, err := get[smart.Code](ctx, v.codes, hash)
		if err != nil || c == nil || c.Used {
			return c, err
		}
		used := *c
		used.Used = true
		err = put(ctx, v.codes, hash, used, c.Expires.Add(smart.AccessTokenLives), revision)
		if conflicts(err) {
			continue
		}
		return c, err
	}
}

// first notes that an assertion was used; false if it was before.
func (v *vault) first(ctx context.Context, client, jti string, expires time.Time) (bool, error) {
	_, err := v.assertions.Put(ctx, hashed(client+"\x00"+jti), nil, expires, 0)
	if conflicts(err) {
		return false, nil
	}
	return err == nil, err
}

// consented are the scopes that a person allowed an app before.
func (v *vault) consented(ctx context.Context, user, client string) (string, error) {
	text, _, err := get[string](ctx, v.consents, grantedKey(user, client))
	if text == nil {
		return "", err
	}
	return *text, err
}

// listClients are all clients in the order of their ids.
func (v *vault) listClients(ctx context.Context) ([]smart.Client, error) {
	records, err := v.clients.List(ctx, "", "", 0)
	if err != nil {
		return nil, err
	}
	clients := make([]smart.Client, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Value, &clients[i]); err != nil {
			return nil, err
		}
	}
	return slices.Clip(clients), nil
}
