package rest

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"kiln/resources/outcome"
)

// The header lists of cross-origin requests: what FHIR and SMART clients send and what they need
// to see. https://hl7.org/fhir/R4/security.html#cors
var (
	corsRequestHeaders = strings.Join([]string{
		"Accept", "Accept-Language", "Authorization", "Cache-Control", "Content-Encoding", "Content-Type", "DPoP",
		"If-Match", "If-Modified-Since", "If-None-Exist", "If-None-Match", "If-Range", "Origin", "Prefer", "Range",
		"X-Provenance", "X-Request-Id", "X-Requested-With", "X-Security-Context",
	}, ", ")
	corsExposedHeaders = strings.Join([]string{
		"Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Location", "Content-Range", "DPoP-Nonce", "ETag",
		"Last-Modified", "Location", "Preference-Applied", "Retry-After", "WWW-Authenticate", "X-Progress",
		"X-Request-Id", "X-Security-Context",
	}, ", ")
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
)

// LoopbackOrigins given as Options.Origins, lets only pages of this very machine call the
// server. It is the right choice where no token is asked for.
const LoopbackOrigins = "loopback"

// origins decides which web pages may call the server.
type origins struct {
	any, loopback bool
	list          []string
	host          string // of the server's own pages
}

func newOrigins(list []string, base string) origins {
	o := origins{
		any:      slices.Contains(list, "*"),
		loopback: slices.Contains(list, LoopbackOrigins),
		list:     list,
	}
	if u, err := url.Parse(base); err == nil {
		o.host, o.list = u.Hostname(), append(slices.Clip(list), u.Scheme+"://"+u.Host)
	}
	return o
}

// check refuses (403) what browsers let pages of other sites do without asking first. Some POSTs
// need no preflight, so those of foreign pages end here. And where no token is asked for, a site
// whose name was made to point to this machine (DNS rebinding) would pass for the server itself:
// there the Host must be an address, localhost or the server's own name.
func (o *origins) check(r *http.Request) error {
	if o.any {
		return nil
	}
	if origin := r.Header["Origin"]; len(origin) > 0 && !harmless[r.Method] && !o.permits(origin[0]) {
		return outcome.New(outcome.Forbidden, "Pages of the origin %q may not change anything here.", clip(origin[0]))
	}
	if o.loopback && !o.ownHost(r.Host) {
		return outcome.New(outcome.Forbidden, "The Host is %q; without authorization this server answers only to localhost, to addresses and to the name in its base URL.", clip(r.Host))
	}
	return nil
}

// harmless are the methods that a page may use blindly, since it does not see the answer.
var harmless = map[string]bool{http.MethodGet: true, http.MethodHead: true, http.MethodOptions: true}

// ownHost reports whether a Host header names this server in a way that nobody else can.
func (o *origins) ownHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "" || strings.EqualFold(host, "localhost") || strings.EqualFold(host, o.host) {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// allow writes the headers that every answer to a page carries. Credentials are never allowed:
// authority comes from a token that the page holds, not from a cookie.
func (o *origins) allow(header http.Header, origin string) {
	switch {
	case o.any:
		header["Access-Control-Allow-Origin"] = []string{"*"}
	case o.permits(origin):
		header["Access-Control-Allow-Origin"] = []string{origin}
		header.Add("Vary", "Origin")
	default:
		header.Add("Vary", "Origin")
		return
	}
	header["Access-Control-Expose-Headers"] = []string{corsExposedHeaders}
}

// preflight completes allow for an OPTIONS request.
func (o *origins) preflight(header http.Header, origin string) {
	if !o.any && !o.permits(origin) {
		return
	}
	header["Access-Control-Allow-Methods"] = []string{corsMethods}
	header["Access-Control-Allow-Headers"] = []string{corsRequestHeaders}
	header["Access-Control-Max-Age"] = []string{"7200"}
}

func (o *origins) permits(origin string) bool {
	return slices.Contains(o.list, origin) || o.loopback && isLoopback(origin)
}

func isLoopback(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return u.Scheme == "http" || u.Scheme == "https"
	}
	return false
}

// preflight answers OPTIONS, of pages of other origins and of the curious.
func preflight(x *exchange) error {
	header := x.w.Header()
	header["Allow"] = x.value(x.allow)
	if origin := x.r.Header["Origin"]; len(origin) > 0 {
		x.origins.preflight(header, origin[0])
	}
	x.empty(http.StatusNoContent)
	return nil
}
