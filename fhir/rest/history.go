package rest

import (
	"kiln/fhir"
)

// history answers https://hl7.org/fhir/R4/http.html#history at its three levels.
func history(x *exchange) error {
	request := fhir.HistoryRequest{Query: x.query.rest, Presentation: x.query.presentation, Lenient: x.prefer.handling == "lenient"}
	switch x.parts.count {
	case 3:
		request.Type, request.ID = x.parts.part[0], x.parts.part[1]
		if !validID(request.ID) {
			return absent(x.key())
		}
	case 2:
		request.Type = x.parts.part[0]
	}
	bundle, err := x.service.History(x.ctx, request)
	if err != nil {
		return err
	}
	return x.sendBundle(bundle)
}
