package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"kiln/auth/smart"
)

// keyCache is the JWK Sets of clients that have them at a URL, for as long as their servers allow. Each process has its own.
type keyCache struct {
	mutex sync.Mutex
	known map[string]cachedKeys
	open  *http.Client // for addresses of the world
	local *http.Client // for addresses of this machine, where a command of the administrator allowed it
}

type cachedKeys struct {
	keys          json.RawMessage
	read, expires time.Time
	refusedTo     error
}

// Bounds of reading keys.
const (
	keysSize     = 256 << 10
	keysTime     = 5 * time.Second
	keysLast     = 5 * time.Minute // where the server says nothing
	keysLongest  = 24 * time.Hour
	keysAgain    = 10 * time.Second // between two readings, whatever is asked
	keysCached   = 1000
	keysFailFast = 5 * time.Second
)

func newKeyCache() *keyCache {
	return &keyCache{known: map[string]cachedKeys{}, open: keyClient(public), local: keyClient(nil)}
}

// keyClient reads without following redirects, and from permitted addresses only. It looks at the address when it connects, after
// names were resolved, so that a name that changes its address meanwhile gains nothing.
func keyClient(permitted func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{Timeout: keysTime, Control: func(_, address string, _ syscall.RawConn) error {
		host, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if permitted != nil && !permitted(host.Addr().Unmap()) {
			return errPrivate
		}
		return nil
	}}
	return &http.Client{
		Timeout:       keysTime,
		Transport:     &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: keysTime, ResponseHeaderTimeout: keysTime, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var errPrivate = errors.New("the address is not one of the public Internet")

// shared is the block of addresses of carriers, which is no more public than the private ones: https://www.rfc-editor.org/rfc/rfc6598
var shared = netip.MustParsePrefix("100.64.0.0/10")

// public reports whether an address is one of the public Internet.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !shared.Contains(a)
}

// get is the keys of a client; fresh says that they were read just now, again that it should be so.
func (k *keyCache) get(ctx context.Context, c *smart.Client, now time.Time, again bool) (keys json.RawMessage, fresh bool, err error) {
	k.mutex.Lock()
	known, there := k.known[c.KeysURL]
	k.mutex.Unlock()
	switch {
	case there && known.refusedTo != nil && now.Sub(known.read) < keysFailFast:
		return nil, false, known.refusedTo
	case there && known.refusedTo == nil && now.Sub(known.read) < keysAgain, there && known.refusedTo == nil && !again && now.Before(known.expires):
		return known.keys, false, nil
	}
	keys, lasts, err := k.read(ctx, c)
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if len(k.known) >= keysCached {
		clear(k.known)
	}
	k.known[c.KeysURL] = cachedKeys{keys: keys, read: now, expires: now.Add(lasts), refusedTo: err}
	return keys, true, err
}

func (k *keyCache) read(ctx context.Context, c *smart.Client) (json.RawMessage, time.Duration, error) {
	client := k.open
	if c.LocalKeys {
		client = k.local
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.KeysURL, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	answer, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode != http.StatusOK || !strings.HasSuffix(kind, "json") {
		return nil, 0, errors.New("the answer is not a JWK Set")
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, keysSize+1))
	if err == nil && len(text) > keysSize {
		err = errors.New("the answer is too large")
	}
	if err != nil {
		return nil, 0, err
	}
	keys, err := smart.PublicKeys(text)
	return keys, lasting(answer.Header.Get("Cache-Control")), err
}

// lasting is how long an answer may be kept by its Cache-Control: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2
func lasting(control string) time.Duration {
	lasts := keysLast
	for _, directive := range strings.Split(strings.ToLower(control), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				lasts = time.Duration(seconds) * time.Second
			}
		}
	}
	return min(lasts, keysLongest)
}
