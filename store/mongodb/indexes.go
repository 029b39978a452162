package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// indexEdition grows with every change of the indexes below: what was made for an older one is made anew.
const indexEdition = 1

func ascending(names ...string) mongo.IndexModel {
	keys := bson.D{}
	for _, name := range names {
		keys = append(keys, bson.E{Key: name, Value: 1})
	}
	return mongo.IndexModel{Keys: keys}
}

// expiring removes documents when the time in a member has come.
func expiring(name string, after int32) mongo.IndexModel {
	model := ascending(name)
	model.Options = options.Index().SetExpireAfterSeconds(after)
	return model
}

// The indexes. All searches go by one of them.
var (
	currentIndexes = []mongo.IndexModel{ascending("ix.k", "num"), ascending("num"), ascending("lu", "num"), ascending("pos")}
	historyIndexes = []mongo.IndexModel{ascending("id", "pos"), ascending("to")}
	sharedIndexes  = map[string][]mongo.IndexModel{
		feedCollection:    {ascending("t", "_id"), ascending("t", "id", "_id")},
		recordsCollection: {ascending("b", "k"), expiring("rm", 0)},
		claimsCollection:  {expiring("since", 24*60*60)},
	}
)

// types are those whose collections have indexes, if only of an older edition.
type types struct {
	mu    sync.Mutex
	ready map[string]bool
}

// made is the record of the indexes that there are: those of the types are of the edition, but for those that are behind.
type made struct {
	Edition int      `bson:"edition"`
	Types   []string `bson:"types"`
	Behind  []string `bson:"behind"` // of an older edition
}

// openIndexes makes the indexes that all stores have, and, for a newer edition, those of the types there are
// again: in the background, since searches go by the older ones meanwhile.
func (s *Store) openIndexes(ctx context.Context) error {
	s.types.ready = map[string]bool{}
	var found made
	err := s.db.Collection(kilnCollection).FindOne(ctx, byID("indexes")).Decode(&found)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	for _, typ := range found.Types {
		s.types.ready[typ] = true
	}
	if err == nil && found.Edition == indexEdition {
		s.catchUp(found.Behind)
		return nil
	}
	for name, models := range sharedIndexes {
		if err := s.makeIndexes(ctx, name, models); err != nil {
			return err
		}
	}
	// What other processes note at the same time stays.
	noted := bson.D{{Key: "$set", Value: bson.D{{Key: "edition", Value: indexEdition}}}}
	if len(found.Types) > 0 {
		noted = append(noted, bson.E{Key: "$addToSet", Value: bson.D{{Key: "behind", Value: bson.D{{Key: "$each", Value: found.Types}}}}})
	}
	if _, err := s.db.Collection(kilnCollection).UpdateOne(ctx, byID("indexes"), noted, options.UpdateOne().SetUpsert(true)); err != nil {
		return err
	}
	s.catchUp(found.Types)
	return nil
}

// catchUp makes the indexes of types that are behind, one type after the other, in the background: commits do not wait for
// it, and Close ends it. What is not done then, or fails, is done when the store is opened again.
func (s *Store) catchUp(behind []string) {
	if len(behind) == 0 {
		return
	}
	ctx, stop := s.lifetime()
	s.work.Go(func() {
		defer stop()
		for _, typ := range behind {
			_ = s.makeTypeIndexes(ctx, typ)
		}
	})
}

// prepareTypes makes the collections and indexes of the types that a batch brings for the first time.
func (s *Store) prepareTypes(ctx context.Context, batch []*commit) error {
	for _, c := range batch {
		for _, change := range c.tx.Changes {
			if !isType(change.Key.Type) {
				continue
			}
			if err := s.prepareType(ctx, change.Key.Type); err != nil {
				return fmt.Errorf("making the indexes of %s: %w", change.Key.Type, told(ctx, err))
			}
		}
	}
	return nil
}

func (s *Store) prepareType(ctx context.Context, typ string) error {
	s.types.mu.Lock()
	defer s.types.mu.Unlock()
	if s.types.ready[typ] {
		return nil
	}
	if err := s.makeTypeIndexes(ctx, typ); err != nil {
		return err
	}
	s.types.ready[typ] = true
	return nil
}

// makeTypeIndexes makes the collections and indexes of a type and notes that they are there.
func (s *Store) makeTypeIndexes(ctx context.Context, typ string) error {
	if err := s.makeIndexes(ctx, currentCollection(typ), currentIndexes); err != nil {
		return err
	}
	if err := s.makeIndexes(ctx, historyCollection(typ), historyIndexes); err != nil {
		return err
	}
	kiln := s.db.Collection(kilnCollection)
	ofOurs := append(byID("indexes"), bson.E{Key: "edition", Value: indexEdition})
	noted, err := kiln.UpdateOne(ctx, ofOurs, bson.D{
		{Key: "$addToSet", Value: bson.D{{Key: "types", Value: typ}}}, {Key: "$pull", Value: bson.D{{Key: "behind", Value: typ}}},
	})
	if err != nil || noted.MatchedCount > 0 {
		return err
	}
	// A process of another edition has come meanwhile, for which the type is behind.
	_, err = kiln.UpdateOne(ctx, byID("indexes"), bson.D{{Key: "$addToSet", Value: bson.D{{Key: "types", Value: typ}, {Key: "behind", Value: typ}}}})
	return err
}

// makeIndexes makes those that are not there.
func (s *Store) makeIndexes(ctx context.Context, collection string, models []mongo.IndexModel) error {
	for _, model := range models {
		if model.Options != nil { // the driver writes a name into what it gets, and other stores of this process make the same
			model.Options = &options.IndexOptionsBuilder{Opts: slices.Clip(model.Options.Opts)}
		}
		_, err := s.db.Collection(collection).Indexes().CreateOne(ctx, model)
		if err != nil && !s.withoutExpiry(err) {
			return err
		}
	}
	return nil
}

// withoutExpiry reports whether a server refuses an index for its expiry, which some that speak the protocol do
// not have. Then what is gone stays, and is passed over.
func (s *Store) withoutExpiry(err error) bool {
	var refused mongo.CommandError
	return s.options.WithoutTransactions && errors.As(err, &refused) && strings.Contains(refused.Message, "expireAfterSeconds")
}
