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
func (s *Store) Claims(ctx context.Context, key store.Key) (names []string, err error) {
	err = s.newest().during(ctx, func(v *view) error {
		found, err := v.fetch(ctx, []store.Key{key}, bson.D{{Key: "ix", Value: 0}, {Key: "r", Value: 0}, {Key: "raw", Value: 0}})
		if d := found[key]; d != nil {
			for _, c := range d.Claims {
				names = append(names, string(c.Data))
			}
		}
		return err
	})
	return names, err
}
