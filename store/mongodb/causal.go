package mongodb

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// causal gives a context in which each read sees at least what those before it have shown, and what was shown since:
// those of a session that is causally consistent. The head tells what is committed, and the documents are read
// afterwards; without it a member that has just become primary, or another shard, may not show them yet.
// A server that is alone has no sessions and needs none. Call end.
// https://www.mongodb.com/docs/manual/core/read-isolation-consistency-recency/#causal-consistency and, for shards,
// https://www.mongodb.com/docs/manual/core/transactions-sharded-clusters/#outside-reads-during-commit
func (s *Store) causal(ctx context.Context, since *bson.Timestamp) (_ context.Context, end func(), err error) {
	if !s.streams {
		return ctx, func() {}, nil
	}
	session, err := s.client.StartSession(options.Session().SetCausalConsistency(true))
	if err == nil && since != nil {
		err = session.AdvanceOperationTime(since)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("beginning to read: %w", told(ctx, err))
	}
	return mongo.NewSessionContext(ctx, session), func() { session.EndSession(context.WithoutCancel(ctx)) }, nil
}

// shownAt is the time of the newest that a context has shown, nil outside of causal.
func shownAt(ctx context.Context) *bson.Timestamp {
	if session := mongo.SessionFromContext(ctx); session != nil {
		return session.OperationTime()
	}
	return nil
}
