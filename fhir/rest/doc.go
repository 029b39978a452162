// Package rest is the HTTP edge of FHIR R4 (https://hl7.org/fhir/R4/http.html) over fhir.Service:
// handlers decode a request, call one method and encode what it returns. It owns everything that
// is HTTP alone: addresses, formats, headers, status codes, limits, the request log and /metrics.
// It stores nothing.
//
//	handler, err := rest.New(rest.Options{Service: service})
//	server := rest.NewServer(handler, rest.Options{Logger: logger})
//	err = server.Serve(listener)
//
// gin carries the addresses of the whole program; everything below /fhir is one of its routes.
// There the table fhir.Routes decides, through a tree of its own: the parts of a FHIR address
// ("$everything", "_history", "[type]") are told apart by what they are, 404, 405 and Allow follow
// from the table, and it costs less than a gin parameter does.
package rest
