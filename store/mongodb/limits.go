package mongodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"kiln/store"
)

// A landing may be so large. In ordered steps it must fit into one document with room for what is around it;
// a transaction of the database has no bound of its own (https://www.mongodb.com/docs/manual/core/transactions-production-consideration/),
// and takes time and memory that others wait for.
const (
	maxOrdered     = 15 << 20
	maxTransaction = 64 << 20
)

// maxWritten is the most that one document may have: https://www.mongodb.com/docs/manual/reference/limits/
const maxWritten = 16 << 20

// transactionTime is how long a transaction may take before it is committed. The server aborts one after
// transactionLifetimeLimitSeconds, 60 if nobody has set it.
const transactionTime = 50 * time.Second

// lifetimeExceeded is TransactionExceededLifetimeLimitSeconds: https://www.mongodb.com/docs/manual/reference/error-codes/
const lifetimeExceeded = 290

// Limits implements store.Store.
func (s *Store) Limits() store.Limits { return s.limits() }

func (s *Store) limits() store.Limits {
	l := store.Limits{TransactionBytes: maxTransaction, TransactionTime: s.options.time}
	if s.options.WithoutTransactions {
		l = store.Limits{TransactionBytes: maxOrdered}
	}
	if s.options.TransactionBytes > 0 {
		l.TransactionBytes = min(l.TransactionBytes, s.options.TransactionBytes)
	}
	return l
}

// late makes a *store.LimitError of an error that the end of a transaction's time brings about: of the time that Kiln gives
// it, which is inTime, or the server. The context of all attempts, which others share, is outside.
func (s *Store) late(outside, inTime context.Context, err error) error {
	if err == nil || outside.Err() != nil || errors.Is(err, store.ErrUnknown) {
		return err
	}
	var server mongo.ServerError
	if inTime.Err() != nil || errors.As(err, &server) && server.HasErrorCode(lifetimeExceeded) {
		return &store.LimitError{Time: s.options.time}
	}
	return err
}

// sendable is a document as it is sent. The error is a *store.LimitError beyond what a server takes.
func sendable(document any) (bson.Raw, error) {
	raw, err := bson.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("writing a document: %w", err)
	}
	if len(raw) > maxWritten {
		return nil, &store.LimitError{Bytes: int64(len(raw)), Most: maxWritten}
	}
	return raw, nil
}
