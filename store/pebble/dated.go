package pebble

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"kiln/search"
)

// role is what a parameter is to dated postings: a value together with a date, for the searches that ask
// for what one patient, or one code, has in the order of time or in a span of it.
type role byte

const (
	roleNone role = iota
	roleDate      // its value is the date
	roleHeld      // its values are found together with the date
)

// paired are the parameters of dated postings, by code and type; a type has them for each of its held
// parameters and each of its dates. They are few, for each of them is a key more of most resources. The
// table is part of the format. https://hl7.org/fhir/R4/searchparameter-registry.html#clinical-date
var paired = map[string]role{
	pairedName("date", search.TypeDate):         roleDate,
	pairedName("patient", search.TypeReference): roleHeld,
	pairedName("code", search.TypeToken):        roleHeld,
}

func pairedName(code string, t search.ParameterType) string { return fmt.Sprintf("%s %d", code, t) }

// role tells what the parameter of a code is.
func (d *dictionary) role(c code) role {
	if known := d.roles.Load(); known != nil && int(c) < len(*known) {
		return (*known)[c]
	}
	return d.learnRoles(c)
}

// learnRoles reads the roles of all parameters that have codes by now.
func (d *dictionary) learnRoles(c code) role {
	t := &d.tables[kindParameter]
	t.mu.RLock()
	list := make([]role, t.last+1)
	for n, name := range t.texts {
		_, short, _ := strings.Cut(name, " ")
		list[n] = paired[short]
	}
	t.mu.RUnlock()
	d.roles.Store(&list)
	if int(c) < len(list) {
		return list[c]
	}
	return roleNone
}

// The classes of dated postings, after the value.
const (
	datedSecond = iota // the date is alone in its resource and covers a second at most
	datedDay           // the same, and covers a shortSpan at most
	datedOther         // any other date, or several
)

// datedSpans are the longest spans of the classes that are in the order of time.
var datedSpans = [...]int64{datedSecond: 1e6, datedDay: shortSpan}

// dateOf is the date that a resource has for a parameter.
type dateOf struct {
	param     code
	class     byte
	low, span int64
}

// held is a key that is found together with the dates of its resource.
type held struct{ start, end int }

// note keeps the date under l.param for the dated postings.
func (l *keyList) note(low, high int64) {
	if l.roles.role(l.param) != roleDate || l.first != nil {
		return
	}
	d := dateOf{param: l.param, class: datedOther}
	if l.flags&alone != 0 && high >= low && uint64(high)-uint64(low) <= shortSpan {
		d.class, d.low, d.span = datedDay, low, high-low
		if d.span <= datedSpans[datedSecond] {
			d.class = datedSecond
		}
	}
	if !slices.Contains(l.dates, d) {
		l.dates = append(l.dates, d)
	}
}

// hold keeps a key that was finished for the dated postings.
func (l *keyList) hold(start int) {
	if l.first == nil && l.roles.role(l.param) == roleHeld {
		l.held = append(l.held, held{start, len(l.arena)})
	}
}

// dated adds the dated postings: of each key that is held, with each date.
func (l *keyList) dated() {
	for _, d := range l.dates {
		for _, h := range l.held {
			start := len(l.arena)
			l.arena = appendDated(l.arena, l.arena[h.start:h.end], d.param)
			l.arena = append(l.arena, d.class)
			if d.class != datedOther {
				l.arena = appendSpan(appendTime(l.arena, d.low), d.span)
			}
			l.finish(start)
		}
	}
}

// appendDated turns the key of a value into what its dated postings begin with.
func appendDated(b, key []byte, date code) []byte {
	b = append(append(b, key[:indexPrefixSize]...), indexDated)
	return append(appendCode(b, date), key[indexPrefixSize+1:]...)
}

// spanSize is how many bytes a span takes that is a shortSpan at most.
const spanSize = 5

func appendSpan(b []byte, span int64) []byte {
	var long [8]byte
	binary.BigEndian.PutUint64(long[:], uint64(span))
	return append(b, long[8-spanSize:]...)
}

// readDated takes the date off the end of a dated posting without its document.
func readDated(key []byte) (v search.DateValue, ok bool) {
	const size = 8 + spanSize
	if len(key) < size {
		return v, false
	}
	key = key[len(key)-size:]
	var long [8]byte
	copy(long[8-spanSize:], key[8:])
	v.Low = readTime(key)
	v.High = v.Low + int64(binary.BigEndian.Uint64(long[:]))
	return v, true
}
