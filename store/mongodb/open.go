package mongodb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"kiln/search"
	"kiln/store"
)

// Options are what a store is opened with.
type Options struct {
	Parameters *search.Parameters
	Now        func() time.Time // time.Now if nil
	// Database is its name; that of the URL if empty, "kiln" where that has none.
	Database string
	// WithoutTransactions lets commits land in ordered steps on a server that has no transactions.
	WithoutTransactions bool
	// RawBytes keeps the text of each resource instead of native documents.
	RawBytes bool
	// SearchRows bounds what one search may look at; 0 is no bound.
	SearchRows int64
}

// EnsureDefaults fills in what was left out.
func (o *Options) EnsureDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Store is the engine. It implements store.Store.
type Store struct {
	client  *mongo.Client
	db      *mongo.Database
	options Options
	streams bool // the server has transactions and change streams
	lookout lookout
	landing landing

	done    chan struct{} // closed with the store
	mu      sync.Mutex
	calls   sync.WaitGroup // those running; none is added after closed
	closed  bool
	closing sync.Once
}

var _ store.Store = (*Store)(nil)

// format is the layout that package comment tells of; a store of another is refused.
const format = 1

// errNoTransactions tells how to get them: https://www.mongodb.com/docs/manual/tutorial/convert-standalone-to-replica-set/
var errNoTransactions = errors.New("the MongoDB server has no transactions, since it is not part of a replica set: " +
	"start it with --replSet rs0 and run once: mongosh --eval 'rs.initiate()'")

// Open opens the store in a database, which is made if there is none. It fails where the server has no transactions,
// unless the options say that it may do without, and where the database holds what this Kiln does not know.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	o.EnsureDefaults()
	parsed, err := connstring.ParseAndValidate(url)
	if err != nil {
		return nil, fmt.Errorf("the URL of the MongoDB store: %w", err)
	}
	for _, name := range [...]string{parsed.Database, "kiln"} {
		if o.Database == "" {
			o.Database = name
		}
	}
	client, err := mongo.Connect(options.Client().ApplyURI(url).SetReadPreference(readpref.Primary()))
	if err != nil {
		return nil, err
	}
	s := &Store{client: client, options: o, done: make(chan struct{})}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, client.Disconnect(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// begin finds out what the server can do and makes the database ready.
func (s *Store) begin(ctx context.Context) error {
	var hello struct {
		Set string `bson:"setName"`
		Msg string `bson:"msg"`
	}
	if err := s.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return err
	}
	s.streams = hello.Set != "" || hello.Msg == "isdbgrid"
	o := options.Database()
	switch {
	case s.streams:
		o.SetReadConcern(readconcern.Majority()).SetWriteConcern(writeconcern.Majority())
	case !s.options.WithoutTransactions:
		return errNoTransactions
	}
	s.db = s.client.Database(s.options.Database, o)
	if err := s.checkFormat(ctx); err != nil {
		return err
	}
	return s.makeIndexes(ctx)
}

func (s *Store) checkFormat(ctx context.Context) error {
	found := struct {
		Name   string `bson:"_id"`
		Format int64  `bson:"n"`
	}{"format", format}
	kiln := s.db.Collection(kilnCollection)
	for _, first := range [...]any{found, head{Name: headName}, turn{Name: turnName}} {
		if _, err := kiln.InsertOne(ctx, first); err != nil && !mongo.IsDuplicateKeyError(err) {
			return err
		}
	}
	if err := kiln.FindOne(ctx, byID("format")).Decode(&found); err != nil {
		return err
	}
	if found.Format != format {
		return fmt.Errorf("the database has the format %d, and this Kiln knows %d", found.Format, format)
	}
	return nil
}

// enter begins a call, leave ends it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.calls.Add(1)
	return nil
}

func (s *Store) leave() { s.calls.Done() }

// Close implements store.Store.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		close(s.done)
		s.calls.Wait()
		err = s.client.Disconnect(context.Background())
	})
	return err
}

// Shared implements store.Store.
func (s *Store) Shared() bool { return true }
