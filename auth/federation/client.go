package federation

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// Bounds of what is asked of a provider.
const (
	answerTime = 8 * time.Second
	answerSize = 1 << 20
)

// newClient goes to providers: over HTTPS, or to this machine where the file leads there; without following redirects, so
// that a provider leads it nowhere else, and without reading more than answerSize. A hospital's provider is often at a private
// address, which is allowed; those at which the platforms of clouds keep credentials are not.
func newClient(loopback bool) *http.Client {
	dialer := &net.Dialer{Timeout: answerTime, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err == nil && !reachable(to.Addr().Unmap()) {
			err = errors.New("the address belongs to a link, to many or to nobody")
		}
		return err
	}}
	return &http.Client{
		Timeout: answerTime,
		Transport: &fenced{loopback: loopback, to: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: answerTime,
			ResponseHeaderTimeout: answerTime, MaxResponseHeaderBytes: 64 << 10, MaxIdleConns: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func reachable(a netip.Addr) bool {
	return !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsUnspecified()
}

// fenced keeps requests to addresses that can be believed, and answers short.
type fenced struct {
	loopback bool
	to       http.RoundTripper
}

func (f *fenced) RoundTrip(r *http.Request) (*http.Response, error) {
	if !trusted(r.URL, f.loopback) {
		return nil, fmt.Errorf("%s is not an https address", r.URL.Redacted())
	}
	answer, err := f.to.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, answerSize), answer.Body}
	}
	return answer, err
}

// trusted reports whether what an address answers can be believed.
func trusted(u *url.URL, loopback bool) bool {
	return u.Hostname() != "" && (u.Scheme == "https" || loopback && u.Scheme == "http" && onThisMachine(u.Hostname()))
}

// trustedText is trusted for an address as a provider writes it.
func trustedText(address string, loopback bool) bool {
	u, err := url.Parse(address)
	return err == nil && u.User == nil && u.Fragment == "" && trusted(u, loopback)
}
