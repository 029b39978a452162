// Package search turns a query string into a typed tree, a resource into index values, and
// compares the two in memory: https://hl7.org/fhir/R4/search.html
//
// [Parameters] is the set of compiled search parameters. [Parameters.Parse] reads a query into a
// [Query]; anything it does not know is an error that names it and lists what is valid.
// [Parameters.Extract] evaluates the parameters' expressions on a resource and gives its
// [Entry] list, which engines index. [Match] compares a tree with entries: it is the oracle that
// every storage engine must agree with, and the matcher of subscriptions.
//
// There is one file for each parameter type, named by it, with its index value, its criterion
// and their comparison.
package search
