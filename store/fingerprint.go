package store

import (
	"hash"
	"hash/fnv"
	"io"
	"reflect"
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

// Fingerprint tells queries apart for their cursors: two queries with the same fingerprint have the
// same matches in the same order. It is the same in every process. What only decides how much of
// them is shown (count, total, summary, includes, plan) is left out, and so is the span of an
// approximate date, which moves with the clock while the reader pages on.
func Fingerprint(query *search.Query) uint64 {
	w := fingerprint{fnv.New64a()}
	w.value(reflect.ValueOf(query.Branches))
	w.value(reflect.ValueOf(query.Sort))
	return w.Sum64()
}

// Fingerprint is the same for histories.
func (q HistoryQuery) Fingerprint() uint64 {
	w := fingerprint{fnv.New64a()}
	w.text(q.Type)
	w.text(q.ID)
	for _, t := range [...]int64{q.Since.UnixMicro(), q.Until.UnixMicro(), q.At.UnixMicro(), q.AtEnd.UnixMicro()} {
		w.text(strconv.FormatInt(t, 10))
	}
	return w.Sum64()
}

type fingerprint struct{ hash.Hash64 }

func (w fingerprint) text(s string) {
	_, _ = io.WriteString(w, strconv.Itoa(len(s)))
	_, _ = io.WriteString(w, ":")
	_, _ = io.WriteString(w, s)
}

// value walks the tree by reflection, so that a new kind of criterion needs nothing here.
func (w fingerprint) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		w.pointer(v)
	case reflect.Struct:
		w.structure(v)
	case reflect.Slice:
		w.text(v.Type().Name() + strconv.Itoa(v.Len()))
		for i := range v.Len() {
			w.value(v.Index(i))
		}
	case reflect.String:
		w.text(v.String())
	case reflect.Bool:
		w.text(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		w.text(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		w.text(strconv.FormatUint(v.Uint(), 10))
	default:
		panic("store: a query holds a " + v.Kind().String())
	}
}

func (w fingerprint) pointer(v reflect.Value) {
	if v.IsNil() {
		w.text("nil")
		return
	}
	switch p := v.Interface().(type) {
	case *search.Parameter:
		w.text(p.Base)
		w.text(p.Code)
	case *apd.Decimal:
		w.text(p.Text('E'))
	default:
		w.value(v.Elem())
	}
}

func (w fingerprint) structure(v reflect.Value) {
	w.text(v.Type().Name())
	if d, ok := v.Interface().(search.DateCriterion); ok && d.Prefix == search.Ap {
		w.text("ap")
		return
	}
	for i := range v.NumField() {
		w.value(v.Field(i))
	}
}
