package mongodb

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"kiln/store"
)

// errMoved is a landing that another process was faster than; it is tried again.
var errMoved = errors.New("another process lands")

// How long to wait before trying again: a random part of a bound that doubles.
const (
	waitFirst = 5 * time.Millisecond
	waitMost  = 500 * time.Millisecond
	// waitConflict is the most for who lost to another landing. The one that won may begin its next at once, so
	// that who waits long would hardly ever find the head free.
	waitConflict = 40 * time.Millisecond
)

// again does something until it succeeds, fails for good, or the context ends.
func again(ctx context.Context, try func(ctx context.Context) error) error {
	for wait := waitFirst; ; {
		err := try(ctx)
		if !transient(err) || ctx.Err() != nil {
			return err
		}
		if pause(ctx, time.Duration(rand.Int64N(int64(wait)))) != nil { //nolint:gosec // to part those who collide
			return err
		}
		wait = longer(wait, err)
	}
}

// longer is the bound of the next wait.
func longer(wait time.Duration, err error) time.Duration {
	most := waitMost
	var server mongo.ServerError
	if errors.Is(err, errMoved) || errors.As(err, &server) && server.HasErrorCode(writeConflict) {
		most = waitConflict
	}
	return min(2*wait, most)
}

// writeConflict is what a transaction is told that loses to another: https://www.mongodb.com/docs/manual/reference/error-codes/
const writeConflict = 112

// transient reports whether an error says that nothing was done, and that it may go well another time.
func transient(err error) bool {
	if errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrTooLarge) {
		return false
	}
	if errors.Is(err, errMoved) {
		return true
	}
	var labelled mongo.LabeledError
	return errors.As(err, &labelled) && labelled.HasErrorLabel("TransientTransactionError")
}

// unknownResult reports whether it is open if a transaction was committed; asking again is safe.
func unknownResult(err error) bool {
	var labelled mongo.LabeledError
	return errors.As(err, &labelled) && labelled.HasErrorLabel("UnknownTransactionCommitResult")
}

// passing reports whether the database failed in a way that tells nothing of what it has done: it was out of reach,
// or in the middle of a failover.
func passing(err error) bool {
	if errors.Is(err, errMoved) || errors.Is(err, store.ErrUnknown) {
		return false
	}
	var server mongo.ServerError
	return mongo.IsNetworkError(err) || mongo.IsTimeout(err) || errors.As(err, &server) || unreachable(err)
}

// unreachable reports whether no connection was to be had.
func unreachable(err error) bool {
	var (
		network    net.Error
		connection topology.ConnectionError
		selection  topology.ServerSelectionError
		pool       interface{ Retryable() bool }
	)
	return errors.As(err, &network) || errors.As(err, &connection) || errors.As(err, &selection) || errors.As(err, &pool)
}
