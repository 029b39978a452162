package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"kiln/auth/account"
	"kiln/auth/scope"
	"kiln/auth/smart"
	"kiln/store"
)

// Issue is a token that a command makes which holds the store: no page is shown and nobody is asked.
type Issue struct {
	User, Client string
	// Scopes are those of the token. The client must be allowed them.
	Scopes string
	// Lives is how long the token counts, at most smart.AccessTokenLives.
	Lives time.Duration
}

// IssueToken makes an access token for a person, as if they had signed in with their password just now and allowed the app
// what it asks for. It can be neither refreshed nor used longer than it lives, and ends like any other: when the account
// changes, when the app is disabled, when the person disconnects it. Errors: account.ErrUnknown where there is no such
// person or they are disabled; *account.InvalidError; those of the store.
func IssueToken(ctx context.Context, people *account.People, records func(string) store.Records, i Issue, now time.Time) (string, error) {
	person, err := people.Get(ctx, i.User)
	if err == nil && person.Disabled {
		err = account.ErrUnknown
	}
	if err != nil {
		return "", err
	}
	v := newVault(records)
	client, err := v.client(ctx, i.Client)
	if err != nil {
		return "", err
	}
	if wrong := i.check(client); wrong != nil {
		return "", &account.InvalidError{Problems: wrong}
	}
	now = now.UTC().Truncate(time.Millisecond)
	var secrets [3]string
	for n := range secrets {
		secret := make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return "", err
		}
		secrets[n] = base64.RawURLEncoding.EncodeToString(secret)
	}
	grant := &smart.Grant{
		ID: secrets[1][:22], Client: client.ID, User: person.Name, Epoch: person.Epoch, FHIRUser: person.FHIRUser, Scopes: i.Scopes,
		Level: string(account.PasswordOnly), Methods: []string{"pwd"}, AuthTime: now, Created: now,
	}
	if err := v.putGrant(ctx, grant, 0); err != nil {
		return "", err
	}
	token := smart.AccessToken{ID: secrets[2][:16], Grant: grant.ID, Scopes: i.Scopes, Issued: now, Expires: now.Add(i.Lives)}
	return secrets[0], put(ctx, v.tokens, hashed(secrets[0]), token, token.Expires, 0)
}

// check says what is wrong with an issue to a client, which is nil where there is none.
func (i Issue) check(client *smart.Client) (wrong []string) {
	if client == nil || client.State != smart.Active {
		return []string{fmt.Sprintf("there is no active client %q", i.Client)}
	}
	set, unknown := scope.Parse(i.Scopes)
	switch {
	case len(unknown) > 0:
		wrong = append(wrong, "these are no scopes: "+strings.Join(unknown, " "))
	case len(set) == 0:
		wrong = append(wrong, "the scopes are missing")
	case !client.MayHave().Covers(set):
		wrong = append(wrong, "the client may have less than these scopes")
	case set.Has("offline_access") || set.Has("online_access"):
		wrong = append(wrong, "such a token cannot be refreshed")
	}
	if i.Lives <= 0 || i.Lives > smart.AccessTokenLives {
		wrong = append(wrong, fmt.Sprintf("a token lives at most %s", smart.AccessTokenLives))
	}
	return wrong
}

// PutClient keeps a client, in the place of one with its id. Errors: those of the store.
func PutClient(ctx context.Context, records func(string) store.Records, client *smart.Client) error {
	return put(ctx, newVault(records).clients, client.ID, client, time.Time{}, store.AnyRevision)
}
