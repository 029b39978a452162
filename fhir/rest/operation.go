package rest

import (
	"net/http"

	"kiln/fhir"
)

// operate answers https://hl7.org/fhir/R4/operations.html at its three levels.
func operate(x *exchange) error {
	parts := x.parts.all()
	request := fhir.OperationRequest{Name: parts[len(parts)-1][1:], Query: x.query.rest, Post: x.r.Method == http.MethodPost}
	if len(parts) > 1 {
		request.Type = parts[0]
	}
	if len(parts) > 2 {
		request.ID = parts[1]
		if !validID(request.ID) {
			return absent(x.key())
		}
	}
	if request.Post {
		var err error
		if request.Body, err = x.optionalResource(); err != nil {
			return err
		}
	}
	x.allow = "POST, OPTIONS" // if the service refuses GET
	result, err := x.service.Operate(x.ctx, request)
	if err != nil {
		return err
	}
	if result.Version != nil {
		x.versioned(result.Version)
	}
	return x.send(http.StatusOK, result.Resource)
}
