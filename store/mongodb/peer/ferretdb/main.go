// Command ferretdb serves the protocol of MongoDB for tests, from an empty folder that it removes again
// (https://docs.ferretdb.io/v1.24/). It prints its URL on a line and ends when its standard input does, so that it never
// outlives the tests that started it.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs until there is no more input.
func serve(input io.Reader, output io.Writer) error {
	folder, err := os.MkdirTemp("", "kiln-ferretdb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	db, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:    slog.New(slog.DiscardHandler),
		Handler:   "sqlite",
		SQLiteURL: "file:" + filepath.ToSlash(folder) + "/?_pragma=synchronous(off)", // nothing of it outlives the process
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, input)
	}()
	ended := make(chan error, 1)
	go func() { ended <- db.Run(ctx) }()
	fmt.Fprintln(output, db.MongoDBURI())
	return <-ended
}
