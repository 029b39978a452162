package mongodb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// ErrURL is a URL that does not read as one of a MongoDB database.
var ErrURL = errors.New("the URL of the database is not one of MongoDB; expected mongodb://host:port/database?replicaSet=name or the like")

// urlError is ErrURL with what is wrong, which never has the user and the password.
type urlError struct{ detail string }

func (e *urlError) Error() string        { return ErrURL.Error() + ": " + e.detail }
func (e *urlError) Is(target error) bool { return target == ErrURL }

// wrongURL words what the driver says of a URL.
func wrongURL(text string, err error) error {
	detail := strings.TrimPrefix(err.Error(), "error parsing uri: ")
	for _, secret := range secrets(text) {
		if strings.Contains(detail, secret) {
			return &urlError{"the part before the @ cannot be read; characters such as / : @ % in a user or password are written as %2F and so on"}
		}
	}
	return &urlError{detail}
}

// secrets are the parts of a URL that nobody should read, as written and decoded.
func secrets(text string) (list []string) {
	_, rest, _ := strings.Cut(text, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return nil
	}
	user, password, _ := strings.Cut(rest[:at], ":")
	for _, part := range []string{rest[:at], user, password} {
		if part == "" {
			continue
		}
		list = append(list, part)
		if decoded, err := url.PathUnescape(part); err == nil {
			list = append(list, decoded)
		}
	}
	return list
}

// unreached words why a server did not tell what it is.
func unreached(err error) error {
	var selection topology.ServerSelectionError
	var refused mongo.CommandError
	const authenticationFailed, unauthorized = 18, 13
	switch {
	case errors.As(err, &refused) && (refused.Code == authenticationFailed || refused.Code == unauthorized), strings.Contains(err.Error(), "unable to authenticate"):
		return errors.New("the MongoDB server refuses the user and password of the URL; expected a user with the role readWrite on the database (authSource names the database where it is defined)")
	case errors.As(err, &selection):
		return fmt.Errorf("no MongoDB server that can be written to answers: %s; expected a running server at the host and port of the URL, and its options replicaSet and tls as on the server", reasons(&selection))
	}
	return fmt.Errorf("asking the MongoDB server what it is: %w", err)
}

// reasons are what kept each server from being used.
func reasons(e *topology.ServerSelectionError) string {
	var list []string
	for _, server := range e.Desc.Servers {
		reason := "it has no part in what is asked for (" + server.Kind.String() + ")"
		if server.LastError != nil {
			reason = server.LastError.Error()
		}
		list = append(list, fmt.Sprintf("%s: %s", server.Addr, reason))
	}
	if len(list) == 0 {
		return "no server is known"
	}
	return strings.Join(list, "; ")
}

// Ping reports whether the database answers. Errors: that of the context, and what the driver says.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.headPosition(ctx)
	return told(ctx, err)
}
