package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
)

// slot is a claim, a guard or a record: its state by the newest landing that wrote it, and those before.
// It stays when the claim is released and the record deleted, so that who does a landing again sees it done.
type slot struct {
	Name  string  `bson:"_id"`
	State state   `bson:",inline"`
	Was   []state `bson:"was,omitempty"` // newest first
	// TTL is when a record is of no use to anybody any more, by the clock of the server.
	TTL *bson.DateTime `bson:"ttl,omitempty"`
}

// state is what a slot holds.
type state struct {
	Turn    int64         `bson:"turn"`          // of the landing that wrote it
	Type    string        `bson:"t,omitempty"`   // of a claim's holder; none holds it if empty
	ID      string        `bson:"id,omitempty"`  // the same
	Number  uint64        `bson:"n,omitempty"`   // of a guard; the revision of a record, 0 for one deleted
	Value   []byte        `bson:"v,omitempty"`   // of a record
	Expires bson.DateTime `bson:"exp,omitempty"` // of a record, where Ends
	Ends    bool          `bson:"ends,omitempty"`
}

func (s state) holder() store.Key { return store.Key{Type: s.Type, ID: s.ID} }

// errForgotten is a state older than what a slot remembers.
var errForgotten = errors.New("the snapshot is too old to tell what a guard was then")

// keptStates is how many states a slot remembers, by collection; of others than guards only the newest state
// is asked for, and the one before it while a landing is under way.
func keptStates(collection string) int {
	if collection == guardsCollection {
		return 256
	}
	return 1
}

// as gives the state by a landing.
func (c *slot) as(turn int64) (state, error) {
	if c == nil || c.State.Turn <= turn {
		if c == nil {
			return state{}, nil
		}
		return c.State, nil
	}
	for _, was := range c.Was {
		if was.Turn <= turn {
			return was, nil
		}
	}
	if len(c.Was) > 0 && c.Was[len(c.Was)-1].Turn == 0 || len(c.Was) < keptStates(guardsCollection) {
		return state{}, nil
	}
	return state{}, errForgotten
}

// next is the slot with the state that a landing gives it.
func (c *slot) next(collection, name string, to state) *slot {
	n := &slot{Name: name, State: to}
	switch {
	case c == nil:
	case c.State.Turn == to.Turn: // written by a transaction before in the same landing
		n.Was = c.Was
	default:
		n.Was = slices.Insert(slices.Clone(c.Was), 0, c.State)
		n.Was = n.Was[:min(len(n.Was), keptStates(collection))]
	}
	return n
}

// slots reads several of a collection, those that there are.
func (s *Store) slots(ctx context.Context, collection string, names []string) (map[string]*slot, error) {
	found := make(map[string]*slot, len(names))
	for part := range slices.Chunk(names, lookupBatch) {
		for c, err := range rows[slot](ctx, s.db.Collection(collection), bson.D{{Key: "_id", Value: oneOf(part)}}) {
			if err != nil {
				return nil, err
			}
			found[c.Name] = c
		}
	}
	return found, nil
}

// guard is the value of a guard in the state.
func (v *view) guard(ctx context.Context, key string) (uint64, error) {
	if v.over != nil {
		if value, bumped := v.over.guards[slotName(key)]; bumped {
			return value, nil
		}
	}
	name := slotName(key)
	found, err := v.store.slots(ctx, guardsCollection, []string{name})
	if err != nil {
		return 0, err
	}
	state, err := found[name].as(v.turn)
	return state.Number, err
}

// slotName writes any bytes as printable text in the same order, by which keys with a common beginning have
// names with a common beginning: a space and two digits for what is not above it, a tilde and two digits for what is not
// below it.
func slotName(key string) string {
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case c <= ' ':
			fmt.Fprintf(&b, " %02x", c)
		case c >= '~':
			fmt.Fprintf(&b, "~%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// recordName is the name of a record: of its bucket, a space that no digit follows, and of its key.
func recordName(bucket, key string) string { return slotName(bucket) + " /" + slotName(key) }

// readSlotName reads what slotName has written.
func readSlotName(name string) (string, error) {
	b := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == ' ' || c == '~' {
			if i+2 >= len(name) {
				return "", fmt.Errorf("a name in the database is cut off")
			}
			if _, err := fmt.Sscanf(name[i+1:i+3], "%02x", &c); err != nil {
				return "", fmt.Errorf("a name in the database is not one of Kiln's")
			}
			i += 2
		}
		b = append(b, c)
	}
	return string(b), nil
}
