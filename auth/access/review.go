package access

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"kiln/store"
)

// Reasons why a review cannot be noted.
var (
	ErrReviewed  = errors.New("somebody has reviewed it already, or it is not there")
	ErrOwnReview = errors.New("nobody reviews what they did themselves")
)

// reviewBucket keeps each breaking of the glass, the latest first: below open/ until somebody has reviewed it, then below done/
// for as long as reviewsKept. The audit log keeps both for good.
const (
	reviewBucket = "access/reviews"
	reviewsOpen  = "open/"
	reviewsDone  = "done/"
	reviewsKept  = 366 * 24 * time.Hour
)

// Review is a breaking of the glass, and who looked at it.
type Review struct {
	ID string `json:"-"`
	Glass
	By   string    `json:"by,omitempty"` // who reviewed it
	Note string    `json:"note,omitempty"`
	At   time.Time `json:"at,omitzero"`
}

// remember keeps a breaking of the glass for review.
func (a *Authorizer) remember(ctx context.Context, glass Glass) error {
	who := sha256.Sum256([]byte(glass.User + "\x00" + glass.Patient))
	key := fmt.Sprintf("%s%016x%x", reviewsOpen, math.MaxInt64-glass.Began.UnixNano(), who[:6])
	value, err := json.Marshal(Review{Glass: glass})
	if err == nil {
		_, err = a.options.Store.Records(reviewBucket).Put(ctx, key, value, time.Time{}, store.AnyRevision)
	}
	return err
}

// ToReview lists the breakings of the glass that nobody has reviewed, the latest first, limit at most.
func (a *Authorizer) ToReview(ctx context.Context, limit int) ([]Review, error) {
	return a.reviews(ctx, reviewsOpen, limit)
}

// Reviewed lists those that somebody has reviewed within a year, the latest breaking first, limit at most.
func (a *Authorizer) Reviewed(ctx context.Context, limit int) ([]Review, error) {
	return a.reviews(ctx, reviewsDone, limit)
}

func (a *Authorizer) reviews(ctx context.Context, state string, limit int) ([]Review, error) {
	records, err := a.options.Store.Records(reviewBucket).List(ctx, state, "", limit)
	if err != nil {
		return nil, err
	}
	list := make([]Review, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Value, &list[i]); err != nil {
			return nil, err
		}
		list[i].ID = r.Key[len(state):]
	}
	return list, nil
}

// Review notes that somebody, by their account, has looked at a breaking of the glass, and what they found. Errors:
// ErrReviewed, ErrOwnReview, those of the store.
func (a *Authorizer) Review(ctx context.Context, id, by, note string) error {
	records := a.options.Store.Records(reviewBucket)
	record, err := records.Get(ctx, reviewsOpen+id)
	if errors.Is(err, store.ErrNotFound) {
		return ErrReviewed
	}
	var review Review
	if err == nil {
		err = json.Unmarshal(record.Value, &review)
	}
	if err != nil {
		return err
	}
	if review.User == by {
		return ErrOwnReview
	}
	review.By, review.Note, review.At = by, note, a.options.Now().UTC()
	value, err := json.Marshal(review)
	if err != nil {
		return err
	}
	// What is noted first stands, also where two look at once or the server ends between the two steps.
	_, err = records.Put(ctx, reviewsDone+id, value, review.At.Add(reviewsKept), 0)
	var conflict *store.ConflictError
	noted := errors.As(err, &conflict)
	if err != nil && !noted {
		return err
	}
	if err = records.Delete(ctx, reviewsOpen+id, store.AnyRevision); err == nil && noted {
		err = ErrReviewed
	}
	return err
}
