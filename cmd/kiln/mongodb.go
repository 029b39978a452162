package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kiln/search"
	"kiln/store"
	"kiln/store/mongodb"
)

// mongoSettings are what the MongoDB engine is told beside its URL.
type mongoSettings struct {
	WithoutTransactions bool
	RawBytes            bool
}

const (
	withoutTransactions = "mongodb-without-transactions"
	rawBytes            = "mongodb-raw-bytes"
)

// mongoFlags adds the settings of the MongoDB engine.
func mongoFlags(f *pflag.FlagSet) {
	f.Bool(withoutTransactions, false, "commit in ordered steps on a MongoDB server that has no transactions; docs/mongodb.md tells what is lost")
	f.Bool(rawBytes, false, "keep resources as text in MongoDB, not as documents: for servers without Decimal128")
}

// storeAt is where a command finds its store.
type storeAt struct{ cmd *cobra.Command }

// anyStoreFlag adds --store, and what goes with it, to a command that works on each kind of store.
func anyStoreFlag(cmd *cobra.Command) storeAt {
	storeFlag(cmd)
	cmd.Flags().Lookup("store").Usage = storeUsage
	mongoFlags(cmd.Flags())
	return storeAt{cmd}
}

const storeUsage = "folder of the embedded store, memory:, or a mongodb:// URL"

func (s storeAt) path() string { return s.cmd.Flag("store").Value.String() }

// plan is how a command that does not serve uses the store.
func (s storeAt) plan() (plan, error) {
	p := localPlan(s.path())
	var err error
	p.Mongo, err = mongoSettingsOf(s.cmd)
	return p, err
}

// mongoSettingsOf reads the flags, and the environment where they are not given.
func mongoSettingsOf(cmd *cobra.Command) (m mongoSettings, err error) {
	for name, to := range map[string]*bool{withoutTransactions: &m.WithoutTransactions, rawBytes: &m.RawBytes} {
		flag := cmd.Flag(name)
		variable := envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		text, set := os.LookupEnv(variable)
		if flag.Changed || !set || text == "" {
			text, variable = flag.Value.String(), "--"+name
		}
		if *to, err = strconv.ParseBool(text); err != nil {
			return m, wrongUsage("%s is %q; expected true or false", variable, text)
		}
	}
	return m, nil
}

// remote reports whether a store is a database, not a folder.
func remote(path string) bool {
	return strings.HasPrefix(path, "mongodb://") || strings.HasPrefix(path, "mongodb+srv://")
}

// shown is the name of a store for people: without the user and password, and the options, of a URL.
func shown(path string) string {
	scheme, rest, ok := strings.Cut(path, "://")
	if !ok {
		return path
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}

// openMongoDB opens a database. Its errors name no user and no password.
func (p plan) openMongoDB(ctx context.Context, parameters *search.Parameters) (store.Store, error) {
	s, err := mongodb.Open(ctx, p.Store, mongodb.Options{
		Parameters: parameters, Now: p.Now, SearchRows: p.SearchRows,
		WithoutTransactions: p.Mongo.WithoutTransactions, RawBytes: p.Mongo.RawBytes,
	})
	switch {
	case errors.Is(err, mongodb.ErrURL):
		return nil, wrongUsage("--store %s: %s", shown(p.Store), err)
	case err != nil:
		return nil, fmt.Errorf("opening the store %s: %w", shown(p.Store), err)
	}
	return s, nil
}

// readyPatience is how long a database may take to answer before the server is not ready.
const readyPatience = 2 * time.Second

var errDatabase = errors.New("the database does not answer")

// storeReady reports whether the store answers, which an embedded one always does.
func storeReady(s store.Store) error {
	database, ok := s.(interface {
		Ping(ctx context.Context) error
	})
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyPatience)
	defer cancel()
	if err := database.Ping(ctx); err != nil {
		return errDatabase
	}
	return nil
}
