package rest

import (
	"net/http"

	"kiln/fhir"
)

// capabilities answers https://hl7.org/fhir/R4/http.html#capabilities
func capabilities(x *exchange) error {
	body, err := x.service.Capabilities(x.ctx, fhir.CapabilitiesRequest{Mode: x.query.parameter("mode")})
	if err != nil {
		return err
	}
	x.w.Header()["Cache-Control"] = headerNoCache
	return x.send(http.StatusOK, body)
}

// headerNoCache: the statement holds nothing about anybody, but may change with the next version.
var headerNoCache = []string{"no-cache"}
