package search

import "slices"

// CompareSort orders two resources by the sort keys: below 0 when a comes first. Resources without
// a value come last in both directions. Equal ones the engine orders by creation.
// https://hl7.org/fhir/R4/search.html#sort
func CompareSort(a, b []Entry, keys []SortKey) int {
	for _, key := range keys {
		x, hasX := SortValue(a, key)
		y, hasY := SortValue(b, key)
		switch {
		case !hasX && !hasY:
		case !hasX:
			return 1
		case !hasY:
			return -1
		default:
			if c := CompareValues(x, y, key.Descending); c != 0 {
				return c
			}
		}
	}
	return 0
}

// SortValue is the value that a resource is sorted by: of several, the one that comes first in
// the direction of the key. ok is false without one.
func SortValue(entries []Entry, key SortKey) (v Value, ok bool) {
	for _, e := range entries {
		if slices.Contains(key.Params, e.Param) && Present(e.Value) &&
			(v == nil || CompareValues(e.Value, v, key.Descending) < 0) {
			v = e.Value
		}
	}
	return v, v != nil
}

// CompareValues orders two values of one parameter in a direction: below 0 when a comes first.
// Strings go by folded text, then text; tokens by code, then system; references by their String;
// dates by Low, descending by High; numbers and quantities by Low, descending by High, whatever
// the unit; URIs as text. Composite values are equal.
func CompareValues(a, b Value, descending bool) int {
	switch a := a.(type) {
	case DateValue:
		if b, ok := b.(DateValue); ok {
			return compareDates(a, b, descending)
		}
	case NumberValue:
		if b, ok := b.(NumberValue); ok {
			return compareNumbers(a, b, descending)
		}
	case QuantityValue:
		if b, ok := b.(QuantityValue); ok {
			return compareNumbers(a.NumberValue, b.NumberValue, descending)
		}
	}
	if descending {
		a, b = b, a
	}
	return compareTexts(a, b)
}

// compareTexts orders the values that sort the same way in both directions.
func compareTexts(a, b Value) int {
	switch a := a.(type) {
	case StringValue:
		if b, ok := b.(StringValue); ok {
			return compareStrings(a, b)
		}
	case TokenValue:
		if b, ok := b.(TokenValue); ok {
			return compareTokens(a, b)
		}
	case ReferenceValue:
		if b, ok := b.(ReferenceValue); ok {
			return compareReferences(a, b)
		}
	case URIValue:
		if b, ok := b.(URIValue); ok {
			return compareURIs(a, b)
		}
	}
	return 0
}
