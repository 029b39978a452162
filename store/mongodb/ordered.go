package mongodb

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

// turn is held by who lands, where the server has no transactions. Its term grows whenever somebody takes it, so
// that who had it before writes no intent any more.
type turn struct {
	Name   string `bson:"_id"`
	Term   int64  `bson:"term"`
	Held   bool   `bson:"held"`
	Intent []byte `bson:"intent,omitempty"` // what is being done, an intent as BSON
}

const (
	// maxIntent is what fits into a document of the database beside the rest.
	maxIntent = 15 << 20
	// turnPatience is for how long a turn may not move, by the clock of the process that waits for it, before it is
	// taken from its holder.
	turnPatience = 10 * time.Second
	turnDelay    = 5 * time.Millisecond
)

// errTurnLost is a turn that somebody else has taken.
var errTurnLost = errors.New("another process has taken the turn")

// landOrdered lands transactions in steps: the turn, what an earlier holder left, the intent, what it says,
// and the head, which shows it.
func (s *Store) landOrdered(ctx context.Context, group []*request) error {
	for {
		t, err := s.takeTurn(ctx)
		if err != nil {
			return err
		}
		err = s.landInTurn(ctx, t.Term, group)
		if errors.Is(err, errTurnLost) {
			continue
		}
		_ = s.changeTurn(ctx, t.Term, bson.D{{Key: "$set", Value: bson.D{{Key: "held", Value: false}}}, {Key: "$unset", Value: bson.D{{Key: "intent", Value: ""}}}})
		return err // who cannot give the turn back has it taken
	}
}

// landInTurn fails with errTurnLost before anything is written, if it does.
func (s *Store) landInTurn(ctx context.Context, term int64, group []*request) error {
	h, err := s.readHead(ctx)
	if err != nil {
		return err
	}
	i, err := s.judgeGroup(ctx, h, group)
	if err != nil || i == nil {
		return err
	}
	text, err := bson.Marshal(i)
	if err != nil {
		return err
	}
	if len(text) > maxIntent {
		return store.ErrTooLarge
	}
	if err := s.changeTurn(ctx, term, bson.D{{Key: "$set", Value: bson.D{{Key: "intent", Value: text}}}}); err != nil {
		return err
	}
	return s.finish(ctx, i)
}

// finish does an intent and shows it. It is tried again while there is time, for what is not finished is neither
// applied nor not.
func (s *Store) finish(ctx context.Context, i *intent) error {
	for {
		err := i.do(ctx, s.db)
		if err == nil {
			_, err = s.moveHead(ctx, i.Head)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(turnDelay)
	}
}

// takeTurn waits for the turn and finishes what its last holder has left.
func (s *Store) takeTurn(ctx context.Context) (turn, error) {
	last, since := int64(-1), time.Now()
	for {
		t, taken, err := s.tryTurn(ctx, bson.D{{Key: "_id", Value: turnName}, {Key: "held", Value: false}})
		if err == nil && !taken {
			t, err = s.readTurn(ctx)
			if t.Term != last {
				last, since = t.Term, time.Now()
			} else if time.Since(since) > turnPatience {
				t, taken, err = s.tryTurn(ctx, bson.D{{Key: "_id", Value: turnName}, {Key: "term", Value: t.Term}})
			}
		}
		switch {
		case err != nil:
			return t, err
		case taken:
			return t, s.finishLeft(ctx, t)
		}
		select {
		case <-time.After(turnDelay):
		case <-ctx.Done():
			return t, ctx.Err()
		}
	}
}

// tryTurn takes the turn if it is as the filter says, with the next term.
func (s *Store) tryTurn(ctx context.Context, filter bson.D) (t turn, taken bool, err error) {
	update := bson.D{{Key: "$set", Value: bson.D{{Key: "held", Value: true}}}, {Key: "$inc", Value: bson.D{{Key: "term", Value: int64(1)}}}}
	o := options.FindOneAndUpdate().SetReturnDocument(options.After)
	err = s.db.Collection(kilnCollection).FindOneAndUpdate(ctx, filter, update, o).Decode(&t)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return t, false, nil
	}
	return t, err == nil, told(ctx, err)
}

func (s *Store) readTurn(ctx context.Context) (t turn, err error) {
	err = s.db.Collection(kilnCollection).FindOne(ctx, byID(turnName)).Decode(&t)
	return t, told(ctx, err)
}

// changeTurn writes to the turn for as long as it has the term.
func (s *Store) changeTurn(ctx context.Context, term int64, update bson.D) error {
	filter := bson.D{{Key: "_id", Value: turnName}, {Key: "term", Value: term}}
	result, err := s.db.Collection(kilnCollection).UpdateOne(ctx, filter, update)
	if err == nil && result.MatchedCount == 0 {
		err = errTurnLost
	}
	return err
}

// finishLeft finishes an intent that the head does not show yet.
func (s *Store) finishLeft(ctx context.Context, t turn) error {
	if len(t.Intent) == 0 {
		return nil
	}
	var i intent
	if err := bson.Unmarshal(t.Intent, &i); err != nil {
		return err
	}
	h, err := s.readHead(ctx)
	if err != nil || i.Head.Turn <= h.Turn {
		return err
	}
	return s.finish(ctx, &i)
}
