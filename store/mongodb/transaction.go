package mongodb

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"kiln/store"
)

// maxTransaction bounds what one landing writes in a transaction of the database, which ends after a minute
// (https://www.mongodb.com/docs/manual/core/transactions-production-consideration/).
const maxTransaction = 64 << 20

// errOvertaken is a head that another process has moved.
var errOvertaken = errors.New("another commit has landed")

// landInTransaction does an intent in a transaction of the database; false where another commit has landed
// meanwhile. The driver begins again after an error that passes.
func (s *Store) landInTransaction(ctx context.Context, i *intent) (landed bool, err error) {
	if size, err := bson.Marshal(i); err != nil {
		return false, err
	} else if len(size) > maxTransaction {
		return false, store.ErrTooLarge
	}
	session, err := s.client.StartSession()
	if err != nil {
		return false, err
	}
	defer session.EndSession(context.WithoutCancel(ctx))
	o := options.Transaction().SetReadConcern(readconcern.Snapshot()).SetWriteConcern(writeconcern.Majority())
	_, err = session.WithTransaction(ctx, func(ctx context.Context) (any, error) {
		moved, err := s.moveHead(ctx, i.Head)
		if err == nil && !moved {
			err = errOvertaken
		}
		if err != nil {
			return nil, err
		}
		return nil, i.do(ctx, s.db)
	}, o)
	if errors.Is(err, errOvertaken) {
		return false, nil
	}
	return err == nil, err
}

// allDuplicates reports whether an error tells of nothing but documents that are there already.
func allDuplicates(err error) bool {
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil {
		return false
	}
	for _, e := range bulk.WriteErrors {
		if !mongo.IsDuplicateKeyError(e) {
			return false
		}
	}
	return true
}
