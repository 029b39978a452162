package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// readHead tells how far the store has come.
func (s *Store) readHead(ctx context.Context) (h head, err error) {
	err = s.db.Collection(kilnCollection).FindOne(ctx, byID(headName)).Decode(&h)
	return h, told(ctx, err)
}

// moveHead is the mark of a landing: from then on it shows. It tells whether nobody had done so before.
func (s *Store) moveHead(ctx context.Context, to head) (moved bool, err error) {
	before := bson.D{{Key: "_id", Value: headName}, {Key: "turn", Value: to.Turn - 1}}
	result, err := s.db.Collection(kilnCollection).ReplaceOne(ctx, before, to)
	return err == nil && result.MatchedCount > 0, err
}

// now is the view of the newest committed state.
func (s *Store) now(ctx context.Context) (*view, error) {
	h, err := s.readHead(ctx)
	return h.view(s), err
}

func (h head) view(s *Store) *view { return &view{store: s, at: h.Position, turn: h.Turn} }
