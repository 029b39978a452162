package mongodb

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// wayName is the document in the collection kiln that tells how commits land: all processes must do it one way, since
// transactions pass over the turns and intents of the ordered steps.
const wayName = "way"

type way struct {
	Ordered bool `bson:"ordered"`
}

func (w way) String() string {
	if w.Ordered {
		return "in ordered steps, without transactions"
	}
	return "in transactions"
}

// checkWay keeps this process from landing commits in another way than others may at the same time, and finishes what
// was left in ordered steps before there were transactions.
func (s *Store) checkWay(ctx context.Context) error {
	own := way{s.options.WithoutTransactions}
	kiln := s.db.Collection(kilnCollection)
	_, err := kiln.InsertOne(ctx, bson.D{{Key: "_id", Value: wayName}, {Key: "ordered", Value: own.Ordered}})
	if err != nil && !mongo.IsDuplicateKeyError(err) {
		return fmt.Errorf("preparing the database: %w", err)
	}
	var found way
	if err := kiln.FindOne(ctx, byID(wayName)).Decode(&found); err != nil {
		return fmt.Errorf("reading how commits land: %w", err)
	}
	if found != own {
		return fmt.Errorf(`commits land %s in this database, and would %s; once no process has it open, change that by: mongosh %s --eval 'db.kiln.deleteOne({_id:"way"})'`, found, own, s.db.Name())
	}
	if own.Ordered {
		return nil
	}
	return s.finishOrdered(ctx)
}

// finishOrdered finishes landings in ordered steps that a process has left.
func (s *Store) finishOrdered(ctx context.Context) error {
	h, err := s.readHead(ctx)
	if err != nil {
		return err
	}
	last, err := s.lastTurn(ctx)
	if err != nil || last <= h.Turn {
		return err
	}
	for h.Turn < last {
		if err := s.settle(ctx, h.Turn+1); err != nil {
			return err
		}
		if h, err = s.readHead(ctx); err != nil {
			return err
		}
	}
	return nil
}

// namespaceExists is that a collection is there already: https://www.mongodb.com/docs/manual/reference/error-codes/
const namespaceExists = 48

// makeCollections makes those that have no indexes of their own. A transaction over several shards must not make any:
// https://www.mongodb.com/docs/manual/core/transactions-operations/#create-collections-in-a-transaction
func (s *Store) makeCollections(ctx context.Context) error {
	err := s.db.CreateCollection(ctx, guardsCollection)
	if server := mongo.ServerError(nil); errors.As(err, &server) && server.HasErrorCode(namespaceExists) {
		return nil
	}
	return err
}
