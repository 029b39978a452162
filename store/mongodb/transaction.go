package mongodb

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"kiln/store"
)

// landTransaction lands a batch in a transaction of the database. It writes the head first, so that of two that
// overlap one is told so at once, and is tried again.
func (s *Store) landTransaction(ctx context.Context, batch []*commit, verdicts []verdict) error {
	session, err := s.client.StartSession()
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", told(ctx, err))
	}
	defer session.EndSession(context.WithoutCancel(ctx))
	settings := options.Transaction().SetReadConcern(readconcern.Snapshot()).SetWriteConcern(durable())
	if err := session.StartTransaction(settings); err != nil {
		return fmt.Errorf("beginning a transaction: %w", told(ctx, err))
	}
	inTime, cancel := context.WithTimeout(ctx, s.options.time)
	defer cancel()
	p, err := s.inTransaction(mongo.NewSessionContext(inTime, session), inTime, batch, verdicts)
	if err != nil {
		s.abort(ctx, session)
		return s.late(ctx, inTime, told(ctx, err))
	}
	if err := s.commitSurely(ctx, session, p); err != nil {
		return fmt.Errorf("committing a transaction: %w", s.late(ctx, ctx, err))
	}
	s.saw(p.Turn)
	return nil
}

// abort tells the server that a transaction is given up, which it finds by itself otherwise.
func (s *Store) abort(ctx context.Context, session *mongo.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = session.AbortTransaction(ctx)
}

// refusals is how often a server that answers is asked to commit before its refusal is taken for final. The driver asks
// twice by itself and tells the second answer alone, of which the first may have been lost.
const refusals = 3

// commitSurely commits, and asks again until it is known what became of that: what goes wrong after an answer was lost, such
// as that no primary is found, says nothing of what was done before.
func (s *Store) commitSurely(ctx context.Context, session *mongo.Session, p *plan) (err error) {
	doubt, refused := false, 0
	for wait := waitFirst; ; wait = min(2*wait, waitMost) {
		if err = session.CommitTransaction(ctx); err == nil {
			return nil
		}
		if found, known := s.marked(ctx, p); known {
			return found
		}
		switch {
		case transient(err): // it has not been committed, and cannot be any more
			return err
		case unknownResult(err):
			doubt = true
		default:
			refused++
		}
		if refused == refusals && !doubt {
			return err
		}
		if pause(ctx, wait) != nil {
			return errors.Join(store.ErrUnknown, err)
		}
	}
}

// marked asks the head what became of a plan: nil if it has landed, errMoved if another has had its turn.
func (s *Store) marked(ctx context.Context, p *plan) (err error, known bool) { //nolint:revive,staticcheck // the error is what is asked for
	h, err := s.readHead(ctx)
	if err != nil {
		return nil, false
	}
	return h.outcome(p)
}

// inTransaction does the work; what must not be part of the transaction is done outside.
func (s *Store) inTransaction(ctx, outside context.Context, batch []*commit, verdicts []verdict) (*plan, error) {
	var h head
	next := bson.D{{Key: "$inc", Value: bson.D{{Key: "turn", Value: int64(1)}}}}
	after := options.FindOneAndUpdate().SetReturnDocument(options.After)
	if err := s.db.Collection(kilnCollection).FindOneAndUpdate(ctx, byID(headName), next, after).Decode(&h); err != nil {
		return nil, fmt.Errorf("taking the turn: %w", err)
	}
	k, err := s.newStock(ctx, h, h.Turn, transactionsOf(batch))
	if err != nil {
		return nil, err
	}
	if err := k.decide(outside, batch, verdicts); err != nil {
		return nil, err
	}
	p, err := k.plan(s.limits().TransactionBytes)
	if err != nil {
		return nil, err
	}
	for _, part := range [...][]write{p.Past, p.Others} {
		if err := s.carryOut(ctx, part, strictly); err != nil {
			return nil, err
		}
	}
	_, err = s.db.Collection(kilnCollection).UpdateOne(ctx, byID(headName), bson.D{{Key: "$set", Value: p.Head}})
	return p, err
}

// strictly does writes of which each must be done.
func strictly(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel) error {
	result, err := c.BulkWrite(ctx, models)
	if err != nil {
		return err
	}
	if n := result.InsertedCount + result.MatchedCount + result.UpsertedCount; n != int64(len(models)) {
		return fmt.Errorf("%d of %d documents were what they were read as", n, len(models))
	}
	return nil
}
