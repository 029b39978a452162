package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kiln/store/pebble"
)

// A server on an embedded store listens on a socket in the store's folder, so that `kiln backup`
// can ask it for a copy while it serves. Whoever may read the folder may use the socket, and
// nobody else: it is made with mode 0600 and is no network address.
const controlSocket = "control.sock"

// serveControl opens the socket of a server. The function it returns closes it.
func serveControl(path string, a *assembly, logger *slog.Logger) (func(), error) {
	s, ok := a.Store.(*pebble.Store)
	if !ok {
		return func() {}, nil
	}
	socket := filepath.Join(path, controlSocket)
	// The store's lock is ours, so a socket that is there was left behind by a process that is gone.
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", socket)
	if err != nil {
		// Some file systems have no sockets and long paths do not fit; serving matters more.
		logger.Warn("kiln backup will not work while this server runs: no control socket", slog.Any("error", err))
		return func() {}, nil
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /backup", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", backupError)
		if err := s.Backup(r.Context(), w); err != nil {
			w.Header().Set(backupError, strings.ReplaceAll(err.Error(), "\n", " "))
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return func() { _ = server.Close() }, nil
}

// backupError is the trailer that tells of a backup that failed half way.
const backupError = "X-Backup-Error"

// backupFromServer copies the backup that the server on the store's folder makes.
func backupFromServer(ctx context.Context, path string, to io.Writer) error {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(path, controlSocket))
	}}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://control/backup", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("the store is in use, and its server does not answer: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(to, response.Body); err != nil {
		return err
	}
	if problem := response.Trailer.Get(backupError); problem != "" {
		return errors.New(problem)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	return nil
}
