package mongodb

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// lookout wakes the feeds of a process when something is committed: by itself at once, by another
// process as soon as the database tells, or is asked.
type lookout struct {
	started sync.Once
	mu      sync.Mutex
	more    chan struct{} // closed by the next commit; nil while nobody waits
}

// pollDelay is how long a commit of another process may go unseen where the server has no change streams
// (https://www.mongodb.com/docs/manual/changeStreams/).
const pollDelay = 200 * time.Millisecond

// watch gives a channel that is closed after the next commit.
func (l *lookout) watch() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more == nil {
		l.more = make(chan struct{})
	}
	return l.more
}

// ring wakes all who wait.
func (l *lookout) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
}

// start looks out for the commits of other processes until the store is closed; the first feed starts it.
func (l *lookout) start(s *Store) {
	l.started.Do(func() {
		ctx, stop := s.lifetime()
		go func() {
			defer stop()
			for ctx.Err() == nil {
				if s.streams {
					l.stream(ctx, s.db)
				}
				l.poll(ctx, s)
			}
		}()
	})
}

// stream rings with every change of the head until the stream ends.
func (l *lookout) stream(ctx context.Context, db *mongo.Database) {
	changes, err := db.Collection(kilnCollection).Watch(ctx, mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "documentKey._id", Value: "head"}}}},
		{{Key: "$project", Value: bson.D{{Key: "_id", Value: 1}}}},
	})
	if err != nil {
		return
	}
	defer changes.Close(context.WithoutCancel(ctx))
	l.ring() // for what was committed before the stream began
	for changes.Next(ctx) {
		l.ring()
	}
}

// polls are how often the head is looked at before a stream is tried again.
const polls = 50

// poll rings when the head has moved, where there is no stream or it has ended.
func (l *lookout) poll(ctx context.Context, s *Store) {
	tick := time.NewTicker(pollDelay)
	defer tick.Stop()
	seen := int64(-1)
	for n := 0; n < polls || !s.streams; n++ {
		if at, err := s.headPosition(ctx); err == nil && at != seen {
			seen = at
			l.ring()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) headPosition(ctx context.Context) (int64, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	v, err := s.now(ctx)
	if err != nil {
		return 0, err
	}
	return v.at, nil
}
