// Package fhirtest is what tests of package fhir and of everything above it share: a service over
// an empty store whose ids and times are the same in every run, and short forms for documents.
package fhirtest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/resources"
	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
)

// BaseURL is the base of the services made here.
const BaseURL = "http://kiln.test/fhir"

// Start is the time at which Clock begins.
var Start = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// Clock is a clock that goes one second further with each look.
func Clock() func() time.Time {
	var looks atomic.Int64
	return func() time.Time { return Start.Add(time.Duration(looks.Add(1)) * time.Second) }
}

// IDs makes ids id-1, id-2 and so on.
func IDs() func() string {
	var count atomic.Int64
	return func() string { return fmt.Sprintf("id-%d", count.Add(1)) }
}

// Parameters are R4's search parameters for BaseURL, compiled once.
func Parameters(t testing.TB) *search.Parameters {
	t.Helper()
	p, err := parameters()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// NewService is a service over engine, or over an empty store in memory if engine is nil, with base
// validation. What options set stays.
func NewService(t testing.TB, engine store.Store, options fhir.Options) *fhir.Service {
	t.Helper()
	if options.Now == nil {
		options.Now = Clock()
	}
	if options.Parameters == nil {
		options.Parameters = Parameters(t).Copy() // which definitions that the test stores change
	}
	if engine == nil {
		engine = memory.New(memory.Options{Now: options.Now, Parameters: options.Parameters})
		t.Cleanup(func() { _ = engine.Close() })
	}
	options.Store = engine
	if options.BaseURL == "" {
		options.BaseURL = BaseURL
	}
	if options.NewID == nil {
		options.NewID = IDs()
	}
	if options.Validator == nil {
		options.Validator = Validator
	}
	service, err := fhir.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return service
}

// Validator is base validation, which services made here use.
var Validator = func() *validation.Validator {
	v, err := validation.New(validation.Options{})
	if err != nil {
		panic(err)
	}
	return v
}()

// Doc parses JSON.
func Doc(t testing.TB, text string) *resources.Document {
	t.Helper()
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc
}
