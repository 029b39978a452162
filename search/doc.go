// Package search turns a query string into a typed tree, a resource into index values, and
// compares the two in memory: https://hl7.org/fhir/R4/search.html
//
// [Parameters] is the set of compiled search parameters. [Parameters.Parse] reads a query into a
// [Query]; anything it does not know is an error that names it and lists what is valid.
// [Parameters.Extract] evaluates the parameters' expressions on a resource and gives its
// [Entry] list, which engines index. [Match] compares a tree with entries: it is the oracle that
// every storage engine must agree with, and the matcher of subscriptions.
//
//	parameters, err := search.NewParameters(search.Options{BaseURL: "https://kiln.example/fhir"})
//	pairs, err := search.ReadQueryString("name=lind&birthdate=ge1970&_sort=-birthdate")
//	query, _, err := parameters.Parse([]string{"Patient"}, pairs, search.ParseOptions{})
//	entries, err := parameters.Extract(ctx, patient)
//	ok, err := query.Match(ctx, search.Resource{Type: "Patient", ID: id, Entries: append(entries, parameters.Own(id, updated)...)}, source)
//
// There is one file for each parameter type, named by it, with how its index values are made, how
// its criteria are read, and their comparison.
//
// # What a filter means
//
// A Test is met when some value of the parameter meets some criterion. So a repeated element is
// found by any of its values, "ne" finds a resource that has another value beside the one named,
// and a resource without a value is found by none, "ne" included. Not turns a Test round: ":not"
// finds the resources that no value meets, those without values too.
//
//   - String: the folded value begins with the folded text (see [Fold]); a HumanName or Address has
//     one value for each part. ":exact" compares all of it as written, ":contains" finds the folded
//     text anywhere. Phonetic parameters compare how the words sound.
//   - Token: code and system as written, case included. A code element or boolean has no system,
//     but a query may name the one of its required binding. ":text" finds the beginning of a word
//     of a display or text. A concept with a text alone has no value for anything but ":text".
//     ":of-type" is for identifiers alone: some coding of the type has the system and code, and the
//     value is the one named, whatever the system of the identifier. ":in", ":below" and ":above"
//     are read into the codes that they stand for, see [Terminology]; ":not-in" is their Not.
//   - Reference: see [ReferenceValue]. An id without type finds any type. Without a version any
//     version is found, with one only that. ":identifier" compares the identifier inside the
//     reference. Chains follow references to resources of this server alone, to their current
//     version, whatever version the reference names. ":below" and ":above" follow what is part of
//     what, see [Within]; on canonical URLs they compare versions.
//   - Date: both sides are spans of time, see [DateCriterion.Bounds]. Dates and times without an
//     offset are of the configured zone; an end that is not given is open; a Timing is its outer
//     limits.
//   - Number and quantity: a stored number is exact, a stored Range, SampledData or quantity with
//     comparator a span. The number searched for stands for the range of its digits under "eq",
//     "ne" and "ap", and is exact under the other prefixes. Units of UCUM are converted, all others
//     compared as written.
//   - URI: as written; ":below" and ":above" by the segments of the path.
//   - Special: near alone, a position and how far from it, see [PositionCriterion.Match].
//   - Composite: all parts hold on one element.
//   - Words (_text, _content): of a WordsValue, which is all words of a resource in order; phrases and
//     beginnings of words are a criterion, operators structure of the tree. There is no value for :missing.
//   - Filter expressions (_filter) are lowered to the same tree, with a few modifiers of their own.
//     What an operator says holds of some value that the path leads to; "ni" and "pr false" say that
//     there is none.
//   - Contained: a filter is tested on each contained resource by itself, whose entries are one value of
//     its container, see [ContainedValue]; [Query.Places] tells which of them match. A chain follows a
//     reference to "#id" inside the container, whatever the query searches; _has finds none of them.
//   - Missing: there is no entry of the parameter, apart from tokens that are a text alone.
//
// # What engines may rely on
//
// Every criterion has a Match method which is the truth, and its comment says to what key range or
// equality it can be lowered. [CompareSort] and [SortValue] are the order of matches. The values of
// _id and _lastUpdated are not extracted; an engine makes them with [Parameters.Own] or looks at
// what it knows. Sort keys that follow references go by the values that a [Sorter] finds. All pointers to parameters are stable for the life of a Parameters.
package search
