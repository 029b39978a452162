package mongodb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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
	// Term is how long a process that lands a commit in ordered steps may be silent before another finishes
	// for it; 5 s if 0. All processes should have the same.
	Term time.Duration

	// TransactionBytes lets no transaction be larger, where that is less than the engine's own bound; 0 is no bound.
	TransactionBytes int64

	time time.Duration           // for tests: that a transaction may take
	step func(name string) error // for tests: called before each step of a landing
	held int                     // for tests: how many referrers a search remembers; -1 for none
}

// EnsureDefaults fills in what was left out.
func (o *Options) EnsureDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.time <= 0 {
		o.time = transactionTime
	}
	if o.held == 0 {
		o.held = maxHeld
	}
	if o.Term <= 0 {
		o.Term = 5 * time.Second
	}
	if o.step == nil {
		o.step = func(string) error { return nil }
	}
}

// Store is the engine.
type Store struct {
	client  *mongo.Client
	db      *mongo.Database
	options Options
	direct  bool           // the URL asks for one member alone
	streams bool           // the server has change streams, sessions and majorities
	done    chan struct{}  // closed with the store
	work    sync.WaitGroup // in the background, that Close ends
	lookout lookout

	gate   sync.RWMutex // held for reading during calls
	closed bool

	landings   landings
	types      types
	newestTurn atomic.Int64 // that this process has seen
	previewed  atomic.Uint64
	snapshots  snapshots
}

var _ store.Store = (*Store)(nil)

// format is what this code reads and writes.
const format = "kiln-mongodb 1"

// errTransactions tells what to do about a server that has none.
var errTransactions = errors.New(`this MongoDB server is not part of a replica set, so it has no transactions; make it one (a single node is enough): start mongod with --replSet rs0 and run once: mongosh --eval 'rs.initiate()'; or give --mongodb-without-transactions, whose limits docs/mongodb.md tells`)

// errDirect refuses to follow no failover: a member that is not the primary any more would be read from all the same.
var errDirect = errors.New("the URL asks for one member of a replica set with several (directConnection=true); leave that out, so that the primary is found, whichever it is")

// Open connects to the database that a mongodb:// or mongodb+srv:// URL names, and makes it a store where it is
// empty. Errors: a URL that is none, a server that does not answer, has no transactions (unless Options allow that),
// or a database that holds something else.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	o.EnsureDefaults()
	s := &Store{options: o, done: make(chan struct{})}
	s.landings.turn = make(chan struct{}, 1)
	if err := s.connect(url); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		_ = s.client.Disconnect(context.WithoutCancel(ctx))
		return nil, err
	}
	s.work.Go(s.keepSweeping)
	return s, nil
}

// durable is a write that neither a failover nor the loss of power takes back.
func durable() *writeconcern.WriteConcern {
	concern, journal := writeconcern.Majority(), true
	concern.Journal = &journal
	return concern
}

// patience is how long to look for a server, where the URL does not say.
const patience = 10 * time.Second

func (s *Store) connect(url string) (err error) {
	settings := options.Client().SetServerSelectionTimeout(patience).SetAppName("kiln").ApplyURI(url)
	settings.SetReadPreference(readpref.Primary()).SetWriteConcern(durable())
	settings.SetReadConcern(&readconcern.ReadConcern{}) // that of the server; begin asks for more where there are several
	if err := settings.Validate(); err != nil {
		return wrongURL(url, err)
	}
	s.direct = settings.Direct != nil && *settings.Direct
	name := s.options.Database
	if name == "" {
		if parsed, err := connstring.Parse(url); err == nil {
			name = parsed.Database
		}
	}
	if name == "" {
		name = "kiln"
	}
	if s.client, err = mongo.Connect(settings); err == nil {
		s.db = s.client.Database(name)
	}
	return err
}

// begin looks at the server and at what the database holds.
func (s *Store) begin(ctx context.Context) error {
	var hello struct {
		SetName  string   `bson:"setName"`
		Msg      string   `bson:"msg"`
		Hosts    []string `bson:"hosts"`
		Passives []string `bson:"passives"`
	}
	if err := s.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return unreached(err)
	}
	s.streams = hello.SetName != "" || hello.Msg == "isdbgrid"
	if !s.streams && !s.options.WithoutTransactions {
		return errTransactions
	}
	if s.direct && len(hello.Hosts)+len(hello.Passives) > 1 {
		return errDirect
	}
	if s.streams {
		s.db = s.client.Database(s.db.Name(), options.Database().SetReadConcern(readconcern.Majority()))
	}
	if err := s.checkFormat(ctx); err != nil {
		return err
	}
	if err := s.makeCollections(ctx); err != nil {
		return fmt.Errorf("making the collections: %w", err)
	}
	if err := s.openIndexes(ctx); err != nil {
		return fmt.Errorf("making the indexes: %w", err)
	}
	if err := s.checkWay(ctx); err != nil {
		return err
	}
	h, err := s.readHead(ctx)
	if err != nil {
		return err
	}
	s.newestTurn.Store(h.Turn)
	return nil
}

// checkEmpty refuses a database that is no store and has something in a collection that would be one of a type. Empty ones
// may be there, to be sharded.
func (s *Store) checkEmpty(ctx context.Context) error {
	names, err := s.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return fmt.Errorf("looking at the database: %w", err)
	}
	// Afterwards, since another process may make it a store meanwhile.
	err = s.db.Collection(kilnCollection).FindOne(ctx, byID("format")).Err()
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	for _, name := range names {
		if !isType(name) {
			continue
		}
		switch err := s.db.Collection(name).FindOne(ctx, bson.D{}).Err(); {
		case err == nil:
			return fmt.Errorf("the collection %q of the database %q has documents that are not Kiln's; expected an empty database", name, s.db.Name())
		case !errors.Is(err, mongo.ErrNoDocuments):
			return fmt.Errorf("looking at the database: %w", err)
		}
	}
	return nil
}

// checkFormat marks an empty database, and refuses one of another format.
func (s *Store) checkFormat(ctx context.Context) error {
	if err := s.checkEmpty(ctx); err != nil {
		return err
	}
	kiln := s.db.Collection(kilnCollection)
	for _, first := range []bson.D{
		{{Key: "_id", Value: "format"}, {Key: "name", Value: format}},
		{{Key: "_id", Value: headName}, {Key: "pos", Value: int64(0)}, {Key: "lu", Value: bson.DateTime(0)}, {Key: "num", Value: int64(0)}, {Key: "rev", Value: int64(0)}, {Key: "turn", Value: int64(0)}},
	} {
		if _, err := kiln.InsertOne(ctx, first); err != nil && !mongo.IsDuplicateKeyError(err) {
			return fmt.Errorf("preparing the database: %w", err)
		}
	}
	var found struct {
		Name string `bson:"name"`
	}
	if err := kiln.FindOne(ctx, byID("format")).Decode(&found); err != nil {
		return fmt.Errorf("reading the format of the database: %w", err)
	}
	if found.Name != format {
		return fmt.Errorf("the database has the format %q; expected %q", found.Name, format)
	}
	return nil
}

// enter begins a call, leave ends it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.gate.RLock()
	if s.closed {
		s.gate.RUnlock()
		return store.ErrClosed
	}
	return nil
}

func (s *Store) leave() { s.gate.RUnlock() }

// lifetime is a context for work in the background: it ends with the store, or when the work calls stop.
func (s *Store) lifetime() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = context.WithCancel(context.Background())
	go func() {
		select {
		case <-s.done:
			stop()
		case <-ctx.Done():
		}
	}()
	return ctx, stop
}

// Close implements store.Store: calls that are running finish.
func (s *Store) Close() error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.done)
	s.work.Wait()
	return s.client.Disconnect(context.Background())
}

// Shared implements store.Store.
func (s *Store) Shared() bool { return true }
