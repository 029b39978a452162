package datatypes

import (
	"fmt"
	"strings"
)

// Time is a time of day, as far as it was written.
type Time struct {
	Hour, Minute, Second int
	Nanosecond           int
	Digits               int
	Precision            Precision // Hour or finer
}

// ParseTime reads hh[:mm[:ss[.f…]]]; FHIR's time type demands the seconds, which validation checks.
func ParseTime(s string) (Time, error) {
	var t DateTime
	r := reader{rest: s}
	r.clock(&t)
	if r.failed || r.rest != "" || t.Hour > 23 || t.Minute > 59 || t.Second > 60 {
		return Time{}, fmt.Errorf("%q is not a time; expected hh:mm:ss", clip(s))
	}
	return Time{t.Hour, t.Minute, t.Second, t.Nanosecond, t.Digits, t.Precision}, nil
}

// String writes t with the precision it was read with.
func (t Time) String() string {
	switch t.Precision {
	case Hour:
		return fmt.Sprintf("%02d", t.Hour)
	case Minute:
		return fmt.Sprintf("%02d:%02d", t.Hour, t.Minute)
	case Second:
		return fmt.Sprintf("%02d:%02d:%02d", t.Hour, t.Minute, t.Second)
	}
	fraction := fmt.Sprintf("%09d", t.Nanosecond)
	if t.Digits > len(fraction) {
		fraction += strings.Repeat("0", t.Digits-len(fraction))
	}
	return fmt.Sprintf("%02d:%02d:%02d.%s", t.Hour, t.Minute, t.Second, fraction[:t.Digits])
}

// reader takes fixed-width parts off the front of a text.
type reader struct {
	rest   string
	failed bool
}

func (r *reader) number(digits int) int {
	if len(r.rest) < digits {
		r.failed = true
		return 0
	}
	n := 0
	for _, c := range []byte(r.rest[:digits]) {
		if c < '0' || c > '9' {
			r.failed = true
			return 0
		}
		n = 10*n + int(c-'0')
	}
	r.rest = r.rest[digits:]
	return n
}

func (r *reader) skip(c byte) bool {
	if r.failed || r.rest == "" || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// maxFraction bounds how many digits of a fraction of a second are kept; FHIR sets no bound, so
// more are read all the same.
const maxFraction = 32

func (r *reader) clock(t *DateTime) {
	t.Precision, t.Hour = Hour, r.number(2)
	if !r.skip(':') {
		return
	}
	t.Precision, t.Minute = Minute, r.number(2)
	if !r.skip(':') {
		return
	}
	t.Precision, t.Second = Second, r.number(2)
	if !r.skip('.') {
		return
	}
	t.Precision = Fraction
	scale := 100_000_000
	for r.rest != "" && r.rest[0] >= '0' && r.rest[0] <= '9' {
		t.Nanosecond += int(r.rest[0]-'0') * scale
		scale /= 10
		t.Digits = min(t.Digits+1, maxFraction)
		r.rest = r.rest[1:]
	}
	if t.Digits == 0 {
		r.failed = true
	}
}

func (r *reader) offset(t *DateTime) {
	if r.failed || r.rest == "" {
		return
	}
	if r.skip('Z') {
		t.Zoned = true
		return
	}
	sign := 1
	if r.rest[0] == '-' {
		sign = -1
	} else if r.rest[0] != '+' {
		r.failed = true
		return
	}
	r.rest = r.rest[1:]
	hours := r.number(2)
	if !r.skip(':') {
		r.failed = true
	}
	minutes := r.number(2)
	if minutes > 59 {
		r.failed = true
	}
	t.Zoned, t.Offset = true, sign*(60*hours+minutes)
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
