package store

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"reflect"
	"time"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

// Fingerprint tells queries apart for their cursors: two queries with the same fingerprint have the
// same matches in the same order. It is the same in every process. What only decides how much of
// them is shown (count, total, summary, includes, plan) is left out, and so is the span of an
// approximate date, which moves with the clock while the reader pages on.
func Fingerprint(query *search.Query) uint64 {
	b := make([]byte, 0, 512)
	b = appendValue(b, reflect.ValueOf(query.Branches))
	b = appendValue(b, reflect.ValueOf(query.Sort))
	if query.ContainedAlone {
		b = append(b, 1)
	}
	return sum(b)
}

// Fingerprint is the same for histories.
func (q HistoryQuery) Fingerprint() uint64 {
	b := appendText(appendText(nil, q.Type), q.ID)
	for _, t := range [...]time.Time{q.Since, q.Until, q.At, q.AtEnd} {
		b = binary.AppendVarint(b, t.UnixMicro())
	}
	return sum(b)
}

func sum(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return h.Sum64()
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendValue walks the tree by reflection, so that a new kind of criterion needs nothing here. What
// is not exported is what a criterion remembers, not what it asks for.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return appendText(b, "nil")
		}
		return appendValue(b, v.Elem())
	case reflect.Pointer:
		return appendPointer(b, v)
	case reflect.Struct:
		return appendStruct(b, v)
	case reflect.Slice:
		b = binary.AppendUvarint(appendText(b, v.Type().Name()), uint64(v.Len()))
		for i := range v.Len() {
			b = appendValue(b, v.Index(i))
		}
		return b
	case reflect.String:
		return appendText(b, v.String())
	case reflect.Float64:
		return binary.BigEndian.AppendUint64(b, math.Float64bits(v.Float()))
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	}
	if v.CanInt() {
		return binary.AppendVarint(b, v.Int())
	}
	return binary.AppendUvarint(b, v.Uint()) // it panics for what a query cannot hold, a map
}

func appendPointer(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return appendText(b, "nil")
	}
	switch p := v.Interface().(type) {
	case *search.Parameter:
		return appendParameter(b, p)
	case *apd.Decimal:
		return append(p.Append(b, 'E'), 0)
	}
	return appendValue(b, v.Elem())
}

// appendParameter names a parameter, and with one that is not R4's what defines it: once that changes, other
// resources match, in another order.
func appendParameter(b []byte, p *search.Parameter) []byte {
	b = appendText(appendText(b, p.Base), p.Code)
	if c := p.Custom(); c != nil {
		b = appendText(b, c.Digest())
	}
	return b
}

var date = reflect.TypeFor[search.DateCriterion]()

func appendStruct(b []byte, v reflect.Value) []byte {
	b = appendText(b, v.Type().Name())
	if v.Type() == date && v.FieldByName("Prefix").String() == string(search.Ap) {
		return appendText(b, "ap")
	}
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			b = appendValue(b, v.Field(i))
		}
	}
	return b
}
