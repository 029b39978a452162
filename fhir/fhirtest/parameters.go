package fhirtest

import (
	"sync"

	"kiln/search"
)

var parameters = sync.OnceValues(func() (*search.Parameters, error) {
	return search.NewParameters(search.Options{BaseURL: BaseURL})
})
