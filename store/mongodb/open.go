package mongodb

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

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

// Store is the engine.
type Store struct {
	client  *mongo.Client
	db      *mongo.Database
	options Options
	streams bool          // the server has change streams
	done    chan struct{} // closed with the store
	lookout lookout
}

// enter begins a call, leave ends it.
func (s *Store) enter(ctx context.Context) error { panic("unwritten") }
func (s *Store) leave()                          {}

// now is the view of the newest committed state.
func (s *Store) now(ctx context.Context) (*view, error) { panic("unwritten") }

// preview judges a transaction on the newest state and gives what it would do.
func (s *Store) judge(ctx context.Context, tx store.Transaction) (*view, error) { panic("unwritten") }
