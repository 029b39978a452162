// Package fhir is the one door to the data: the interactions of FHIR R4
// (https://hl7.org/fhir/R4/http.html) as methods of [Service], a file each, without HTTP. REST, the
// command line, messages, workflows and screens all call it, so that access, validation, referential
// integrity and the change feed hold for all of them.
//
//	service, err := fhir.New(fhir.Options{Store: engine, BaseURL: "http://127.0.0.1:8080/fhir"})
//	made, err := service.Create(ctx, fhir.CreateRequest{Type: "Patient", Resource: doc})
//	same, err := service.Read(ctx, made.Version.Key)
//
// Every refusal is an *outcome.Error: an issue code, a sentence, a place; which HTTP status it
// becomes is decided in fhir/rest. Any other error is a fault of the server.
//
// The package stores nothing of its own but two kinds of record: the key that seals paging links
// (bucket "fhir", key "paging-key"), and queries too long to travel in such a link (bucket
// "fhir-queries", by hash, kept for a day after their last use).
package fhir
