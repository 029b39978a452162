package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is one that is read again when its files change, so that it is renewed without a restart.
type certificate struct {
	chain, key string
	logger     *slog.Logger

	mutex  sync.Mutex
	loaded *tls.Certificate
	of     [2]time.Time // when the files were changed last
	looked time.Time
}

// lookAgain is how often the files are looked at.
const lookAgain = 5 * time.Second

// newCertificate reads one. The error says which flag is wrong.
func newCertificate(chain, key string, logger *slog.Logger) (*certificate, error) {
	c := &certificate{chain: chain, key: key, logger: logger}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return c, nil
}

func (c *certificate) load() error {
	var of [2]time.Time
	for i, name := range [...]string{c.chain, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		of[i] = info.ModTime()
	}
	if c.loaded != nil && of == c.of {
		return nil
	}
	loaded, err := tls.LoadX509KeyPair(c.chain, c.key)
	if err == nil {
		c.loaded, c.of = &loaded, of
	}
	return err
}

// get is the certificate as the files have it. While they do not fit each other, as between two writes, it is the one before.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		if err := c.load(); err != nil {
			c.logger.Error("the certificate could not be read again; the one before is used", slog.Any("error", err))
		}
	}
	return c.loaded, nil
}

// config is TLS as https://www.rfc-editor.org/rfc/rfc9325 wants it: 1.2 or later, with the suites that Go chooses.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}
