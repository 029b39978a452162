package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
)

// claim tells who holds one. One that was given up stays for a day, free, so that nobody who
// lands late takes it for one that never was held.
type claim struct {
	Name  string        `bson:"_id"`
	Type  string        `bson:"t,omitempty"`
	ID    string        `bson:"id,omitempty"`
	Turn  int64         `bson:"turn"` // of the landing that wrote it
	Free  bool          `bson:"free,omitempty"`
	Since bson.DateTime `bson:"since,omitempty"`
}

// Claims implements store.Store.
func (s *Store) Claims(ctx context.Context, key store.Key) ([]string, error) {
	claims, err := s.ClaimsOf(ctx, []store.Key{key})
	return claims[key], err
}

// ClaimsOf is Claims of several resources, which are asked for together.
func (s *Store) ClaimsOf(ctx context.Context, keys []store.Key) (map[store.Key][]string, error) {
	claims := make(map[store.Key][]string, len(keys))
	err := s.newest().during(ctx, func(ctx context.Context, v *view) error {
		found, err := v.fetch(ctx, keys, bson.D{{Key: "ix", Value: 0}, {Key: "r", Value: 0}, {Key: "raw", Value: 0}})
		for key, d := range found {
			for _, c := range d.Claims {
				claims[key] = append(claims[key], string(c.Data))
			}
		}
		return err
	})
	return claims, err
}
