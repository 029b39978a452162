// Package store is the storage contract: what an engine promises to package fhir. Engines live in
// folders of their own (memory, pebble, mongodb) and prove the promises with storetest.
//
// The promises:
//   - a commit is applied whole or not at all; acknowledged, it survives kill -9 and power loss;
//   - versions of one resource are 1, 2, 3 … without holes; LastUpdated never goes backwards, not
//     even when the clock does;
//   - preconditions, guards and claims hold under any concurrency, judged against the state in
//     which the changes land; a writer sees its own write;
//   - a cursor neither repeats nor skips a resource that existed throughout, whatever is written
//     meanwhile: pages after the first show the matches as of the first;
//   - a search answers exactly what search.Match says over the same resources, in the same order.
package store
