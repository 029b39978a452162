// Package peer gives tests a server that speaks the protocol of MongoDB: the one that KILN_TEST_MONGODB names
// (mongodb://…), or else FerretDB, which is built from the module of its own beside this file, so that Kiln's does not
// depend on it.
//
//	server := peer.Start(t)
//	s, err := mongodb.Open(ctx, server.URL, mongodb.Options{Database: server.Database(t), WithoutTransactions: server.Limited})
package peer

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Variable names the environment variable with the URL of a real server, or None.
const Variable = "KILN_TEST_MONGODB"

// None in the variable skips the tests that need a server.
const None = "none"

// Server is what tests run against.
type Server struct {
	URL string
	// Limited servers, those that are neither a replica set nor a sharded cluster, are taken for FerretDB, which lacks transactions, change streams, expiry, explanations worth reading
	// and Decimal128, and looks at every document for each query.
	Limited bool

	client *mongo.Client
}

var start = sync.OnceValues(func() (*Server, error) {
	if url := os.Getenv(Variable); url != "" {
		s, err := connect(&Server{URL: url})
		if err != nil {
			return nil, fmt.Errorf("the server that %s names does not answer: %w", Variable, err)
		}
		return s, nil
	}
	url, err := startFerretDB()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, advice)
	}
	return connect(&Server{URL: url})
})

func connect(s *Server) (_ *Server, err error) {
	s.client, err = mongo.Connect(options.Client().ApplyURI(s.URL))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var hello struct {
		Set  string `bson:"setName"`
		Says string `bson:"msg"`
	}
	err = s.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	s.Limited = hello.Set == "" && hello.Says != "isdbgrid"
	return s, err
}

// Start gives the server, the same one for all tests of a process, with which it ends. Where there is none
// the test fails and says what to do, or is skipped if the variable says so.
func Start(t testing.TB) *Server {
	t.Helper()
	if os.Getenv(Variable) == None {
		t.Skipf("skipped, since %s is %q", Variable, None)
	}
	s, err := start()
	if err != nil {
		t.Fatalf("There is no MongoDB to test on: %v", err)
	}
	return s
}

const advice = "FerretDB, on which these tests run, is built once, from Go modules that the network is needed for. Without it, name a server in " +
	Variable + " (mongodb://…), or set " + Variable + "=" + None + " to skip the tests that need one."

// Client is connected to it.
func (s *Server) Client() *mongo.Client { return s.client }

// Database is the name of a database that is empty and the test's own. It is dropped when the test ends.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := "kiln_test_" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.client.Database(name).Drop(ctx); err != nil {
			t.Errorf("dropping the database of the test: %v", err)
		}
	})
	return name
}
