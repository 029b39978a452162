package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
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
}

func newOrigins(list []string) origins {
	return origins{
		any:      slices.Contains(list, "*"),
		loopback: slices.Contains(list, LoopbackOrigins),
		list:     list,
	}
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
