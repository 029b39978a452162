package rest

import (
	"net/http"
	"strings"

	"kiln/fhir"
	"kiln/resources"
)

// transaction answers https://hl7.org/fhir/R4/http.html#transaction; Bundle.type tells whether it
// is a batch.
func transaction(x *exchange) error {
	doc, err := x.resource()
	if err != nil {
		return err
	}
	if x.options.Authenticator != nil {
		x.asks = gets(doc)
	}
	provenance, err := x.provenance()
	if err != nil {
		return err
	}
	bundle, err := x.service.Process(x.ctx, fhir.BundleRequest{
		Bundle: doc, Return: returns[x.prefer.returned], Lenient: x.prefer.handling == "lenient", Provenance: provenance, Status: Status,
	})
	if err != nil {
		return err
	}
	x.preferenceApplied()
	err = x.sendBundle(bundle)
	if err != nil && !x.w.Written() {
		x.format = defaultFormat // it has happened, so a refusal would be wrong
		err = x.sendBundle(bundle)
	}
	return err
}

// returns are the preferences as the service knows them. Without one the answers of a batch's
// entries carry no resources: whoever sends thousands seldom wants them back.
var returns = map[string]fhir.Return{
	"minimal": fhir.ReturnMinimal, "representation": fhir.ReturnRepresentation, "OperationOutcome": fhir.ReturnOutcome,
}

// maxGets bounds what is told of the GETs of a Bundle, in bytes.
const maxGets = 64 << 10

// gets are the GETs of a Bundle, one a line.
func gets(doc *resources.Document) string {
	bundle, err := doc.Resource()
	if err != nil {
		return ""
	}
	var lines strings.Builder
	for entry := range bundle.Child("entry") {
		request := entry.First("request")
		if request.First("method").Text() != http.MethodGet || lines.Len() > maxGets {
			continue
		}
		if lines.Len() > 0 {
			lines.WriteByte('\n')
		}
		lines.WriteString("GET " + request.First("url").Text())
	}
	return lines.String()
}
