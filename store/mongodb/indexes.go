package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/resources/definitions"
)

// What is looked for otherwise than by _id. The database makes an index once and knows it again; the server
// builds it while the collection is in use.
var (
	currentIndexes = []mongo.IndexModel{
		{Keys: bson.D{{Key: "ix.k", Value: 1}, {Key: "num", Value: 1}}},
		{Keys: bson.D{{Key: "num", Value: 1}}},
		{Keys: bson.D{{Key: "lu", Value: 1}, {Key: "num", Value: 1}}},
		{Keys: bson.D{{Key: "pos", Value: 1}}},
	}
	historyIndexes = []mongo.IndexModel{
		{Keys: bson.D{{Key: "id", Value: 1}, {Key: "pos", Value: 1}}},
		{Keys: bson.D{{Key: "to", Value: 1}}},
	}
	feedIndexes = []mongo.IndexModel{
		{Keys: bson.D{{Key: "t", Value: 1}, {Key: "_id", Value: 1}}},
		{Keys: bson.D{{Key: "t", Value: 1}, {Key: "id", Value: 1}, {Key: "_id", Value: 1}}},
	}
	// recordIndexes let the server remove what has expired an hour ago.
	recordIndexes = []mongo.IndexModel{
		{Keys: bson.D{{Key: "ttl", Value: 1}}, Options: options.Index().SetExpireAfterSeconds(60 * 60)},
	}
)

// makeIndexes makes those of all collections. A server without transactions, which has no use for them, gets none.
func (s *Store) makeIndexes(ctx context.Context) error {
	if !s.streams {
		return nil
	}
	wanted := map[string][]mongo.IndexModel{feedCollection: feedIndexes, recordsCollection: recordIndexes}
	for _, typ := range definitions.R4().ResourceNames() {
		wanted[currentCollection(typ)] = currentIndexes
		wanted[historyCollection(typ)] = historyIndexes
	}
	for collection, indexes := range wanted {
		if _, err := s.db.Collection(collection).Indexes().CreateMany(ctx, indexes); err != nil {
			return told(ctx, err)
		}
	}
	return nil
}
