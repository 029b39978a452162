package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

// Without transactions a landing is a row of steps, each of which the database does whole:
//
//  1. The turn is taken: a document turns/n is inserted, where n-1 is the turn that the head tells of. Only one can.
//  2. The plan is inserted as intents/n. From here on the landing will happen, by whomever.
//  3. What the plan says is done. Doing any of it again changes nothing.
//  4. The head is moved to n. From here on readers see it.
//  5. turns/n and intents/n are removed.
//
// Who finds that a turn has been taken and the head does not come to it for a term, by its own clock, takes the
// turn after it, and inserts an empty intents/n. Either that succeeds, and the one who was silent will find
// that it can intend nothing any more; or there is a plan already, and it is carried out.
const (
	turnsCollection   = "turns"
	intentsCollection = "intents"
)

// landOrdered lands a batch in steps.
func (s *Store) landOrdered(ctx context.Context, batch []*commit, verdicts []verdict) error {
	h, turn, err := s.takeTurn(ctx)
	if err != nil {
		return err
	}
	k, err := s.newStock(ctx, h, turn, transactionsOf(batch))
	if err == nil {
		err = k.decide(ctx, batch, verdicts)
	}
	var p *plan
	if err == nil {
		p, err = k.plan(s.limits().TransactionBytes)
	}
	if err != nil || p.empty() {
		return errors.Join(err, s.giveTurnBack(ctx, turn))
	}
	if err = s.intend(ctx, p); err == nil {
		err = s.carryThrough(ctx, p)
	}
	if passing(err) || errors.Is(err, errMoved) {
		return s.findOut(ctx, p, err)
	}
	return err
}

// carryThrough does what is intended. It is decided: whatever comes, somebody will finish it, at best the one who
// knows the outcome.
func (s *Store) carryThrough(ctx context.Context, p *plan) error {
	landed, err := s.confirm(ctx, p)
	if landed || err != nil {
		return err
	}
	return s.finish(ctx, p)
}

// findOut settles a turn in which the database failed, so that it is not known what was done, or in which a plan
// is already: of one who had the turn before, or this one, if the database was told twice. errMoved: the plan has not
// landed, and will not.
func (s *Store) findOut(ctx context.Context, p *plan, cause error) error {
	for wait := waitFirst; pause(ctx, wait) == nil; wait = min(2*wait, waitMost) {
		if s.settle(ctx, p.Turn) != nil {
			continue
		}
		h, err := s.readHead(ctx)
		if err != nil {
			continue
		}
		if landed, known := h.outcome(p); errors.Is(landed, store.ErrUnknown) {
			return errors.Join(landed, cause)
		} else if known {
			return landed
		}
	}
	return errors.Join(store.ErrUnknown, cause)
}

// takeTurn waits for the turn and gives the head that it follows.
func (s *Store) takeTurn(ctx context.Context) (h head, turn int64, err error) {
	var silent silence
	for {
		if h, err = s.readHead(ctx); err != nil {
			return h, 0, err
		}
		last, err := s.lastTurn(ctx)
		if err != nil {
			return h, 0, err
		}
		turn = max(h.Turn, last) + 1
		if last > h.Turn && !silent.over(h.Turn, last, s.options.Term) {
			if err := pause(ctx, min(s.options.Term/20, 10*time.Millisecond)); err != nil {
				return h, 0, err
			}
			continue
		}
		if err := s.options.step("turn"); err != nil {
			return h, 0, err
		}
		_, err = s.db.Collection(turnsCollection).InsertOne(ctx, byID(turn))
		if mongo.IsDuplicateKeyError(err) {
			continue
		}
		if err != nil {
			return h, 0, fmt.Errorf("taking the turn: %w", told(ctx, err))
		}
		return s.settleTurn(ctx, turn)
	}
}

// silence tells when nothing has moved for a term, by the clock of this process.
type silence struct {
	head, last int64
	since      time.Time
}

func (s *silence) over(head, last int64, term time.Duration) bool {
	if s.since.IsZero() || s.head != head || s.last != last {
		*s = silence{head, last, time.Now()}
	}
	return time.Since(s.since) >= term
}

// lastTurn is the newest turn that was taken and not removed yet.
func (s *Store) lastTurn(ctx context.Context) (last int64, err error) {
	newest := options.Find().SetSort(bson.D{{Key: "_id", Value: -1}}).SetLimit(1)
	for found, err := range rows[struct {
		Turn int64 `bson:"_id"`
	}](ctx, s.db.Collection(turnsCollection), bson.D{}, newest) {
		if err != nil {
			return 0, err
		}
		last = found.Turn
	}
	return last, nil
}

// settleTurn finishes what those before may have left, once a turn is taken, and gives the head then.
func (s *Store) settleTurn(ctx context.Context, turn int64) (head, int64, error) {
	for {
		h, err := s.readHead(ctx)
		if err != nil {
			return h, 0, err
		}
		if h.Turn >= turn { // it was removed before it was taken again
			return h, 0, errors.Join(errMoved, s.giveTurnBack(ctx, turn))
		}
		if h.Turn == turn-1 {
			return h, turn, nil
		}
		if err := s.settle(ctx, h.Turn+1); err != nil {
			return h, 0, err
		}
	}
}

// settle decides a turn whose holder is silent: what it has intended is done, and what it has not, it cannot any
// more.
func (s *Store) settle(ctx context.Context, turn int64) error {
	if h, err := s.readHead(ctx); err != nil || h.Turn >= turn {
		return err
	}
	_, err := s.db.Collection(intentsCollection).InsertOne(ctx, bson.D{{Key: "_id", Value: turn}, {Key: "void", Value: true}})
	if err != nil && !mongo.IsDuplicateKeyError(err) {
		return fmt.Errorf("settling a turn: %w", told(ctx, err))
	}
	h, err2 := s.readHead(ctx)
	if err2 != nil || h.Turn >= turn {
		return err2 // it has ended meanwhile
	}
	var left struct {
		Void bool `bson:"void"`
		Plan plan `bson:",inline"`
	}
	if err := s.db.Collection(intentsCollection).FindOne(ctx, byID(turn)).Decode(&left); err != nil {
		if errors.Is(err, mongo.ErrNoDocuments) {
			return nil // ended and removed: the head tells
		}
		return fmt.Errorf("settling a turn: %w", told(ctx, err))
	}
	if left.Void {
		h.Turn = turn
		return s.mark(ctx, h)
	}
	return s.finish(ctx, &left.Plan)
}

// intend makes the plan what will happen. errMoved: the turn is lost, and it will not.
func (s *Store) intend(ctx context.Context, p *plan) error {
	if err := s.options.step("intend"); err != nil {
		return err
	}
	_, err := s.db.Collection(intentsCollection).InsertOne(ctx, p)
	if mongo.IsDuplicateKeyError(err) {
		return errMoved
	}
	if err != nil {
		return fmt.Errorf("writing what is to land: %w", told(ctx, err))
	}
	return nil
}

// plansKept is how many of the last plans the head names.
const plansKept = 32

// outcome is what became of a plan, once its turn has passed: nil if it has landed, errMoved if it has not and will not,
// ErrUnknown after too many others.
func (h head) outcome(p *plan) (err error, known bool) { //nolint:revive,staticcheck // the error is what is asked for
	switch {
	case h.Turn < p.Turn:
		return nil, false
	case slices.Contains(h.Plans, p.Name):
		return nil, true
	case h.Turn-p.Turn < plansKept:
		return errMoved, true
	default:
		return store.ErrUnknown, true
	}
}

// confirm makes sure that the turn had not passed long ago when the plan was intended: then nobody will
// look at it any more, and who took over has removed what kept it out. If it has passed since, the plan has landed.
func (s *Store) confirm(ctx context.Context, p *plan) (landed bool, err error) {
	h, err := s.readHead(ctx)
	switch {
	case err != nil:
		return false, err
	case h.Turn < p.Turn:
		return false, nil
	case slices.Contains(h.Plans, p.Name):
		return true, nil
	}
	if _, err := s.db.Collection(intentsCollection).DeleteOne(ctx, byID(p.Turn)); err != nil {
		return false, fmt.Errorf("taking back what was to land: %w", told(ctx, err))
	}
	if h.Turn-p.Turn >= plansKept {
		return false, store.ErrUnknown
	}
	return false, errMoved
}

// finish carries out a plan that is intended, and tells that it is done.
func (s *Store) finish(ctx context.Context, p *plan) error {
	for _, part := range [...][]write{p.Past, p.Others} {
		if err := s.carryOut(ctx, part, idempotent); err != nil {
			return told(ctx, err)
		}
	}
	if err := s.options.step("mark"); err != nil {
		return err
	}
	return s.mark(ctx, p.Head)
}

// maxWrites is how many writes one command has. FerretDB 1 holds one of its hundred connections to SQLite for each update
// until the command ends, and waits forever for one more (internal/handler/msg_update.go there).
const maxWrites = 50

// idempotent does writes of which some may have been done already.
func idempotent(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel) error {
	for some := range slices.Chunk(models, maxWrites) {
		if err := idempotentOnes(ctx, c, some); err != nil {
			return err
		}
	}
	return nil
}

func idempotentOnes(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel) error {
	_, err := c.BulkWrite(ctx, models, anyOrder())
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil {
		return err
	}
	for _, one := range bulk.WriteErrors {
		if !mongo.IsDuplicateKeyError(one) {
			return err
		}
	}
	return nil
}

// mark moves the head, unless it has moved further, and removes what led there.
func (s *Store) mark(ctx context.Context, h head) error {
	before := append(byID(headName), bson.E{Key: "turn", Value: bson.D{{Key: "$lt", Value: h.Turn}}})
	if _, err := s.db.Collection(kilnCollection).UpdateOne(ctx, before, bson.D{{Key: "$set", Value: h}}); err != nil {
		return fmt.Errorf("marking what has landed: %w", told(ctx, err))
	}
	s.saw(h.Turn)
	if err := s.options.step("remove"); err != nil {
		return err
	}
	done := bson.D{{Key: "_id", Value: bson.D{{Key: "$lte", Value: h.Turn}}}}
	for _, name := range [...]string{intentsCollection, turnsCollection} {
		// What stays is removed with the next: the commit has landed.
		_, _ = s.db.Collection(name).DeleteMany(ctx, done)
	}
	return nil
}

// giveTurnBack ends a turn in which nothing was intended.
func (s *Store) giveTurnBack(ctx context.Context, turn int64) error {
	if _, err := s.db.Collection(turnsCollection).DeleteOne(ctx, byID(turn)); err != nil {
		return fmt.Errorf("giving the turn back: %w", told(ctx, err))
	}
	return nil
}
