package mongodb

import (
	"context"
	"errors"
	"math"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// guard is a guard with what it was before: readers of earlier states see that.
type guard struct {
	Name  string  `bson:"_id"`
	Value int64   `bson:"n"`
	Turn  int64   `bson:"turn"` // of the landing that bumped it
	Was   []moved `bson:"was,omitempty"`
}

// moved is an earlier value, from a turn on.
type moved struct {
	Value int64 `bson:"n"`
	Turn  int64 `bson:"turn"`
}

// maxMoved is how many earlier values are kept.
const maxMoved = 8

// past is what the successor of g remembers.
func (g *guard) past() []moved {
	list := append([]moved{{g.Value, g.Turn}}, g.Was...)
	return list[:min(len(list), maxMoved)]
}

// unknown is the value of a guard that is older than what is remembered: none that it has, or will have for
// long, so that whoever relies on it finds that it has moved.
const unknown = math.MaxUint64

// at is the value after a turn.
func (g *guard) at(turn int64) uint64 {
	for _, m := range append([]moved{{g.Value, g.Turn}}, g.Was...) {
		if m.Turn <= turn {
			return uint64(m.Value)
		}
	}
	if len(g.Was) < maxMoved {
		return 0
	}
	return unknown
}

func (v *view) guard(ctx context.Context, key string) (uint64, error) {
	if v.over != nil {
		if value, ok := v.over.guards[key]; ok {
			return value, nil
		}
	}
	var g guard
	err := v.store.db.Collection(guardsCollection).FindOne(ctx, byID(keyName(key))).Decode(&g)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, nil
	}
	if err != nil {
		return 0, told(ctx, err)
	}
	return g.at(v.turn), nil
}
