package mongodb

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/ucum"
	"kiln/search"
)

// unranged is the key, in the place of a number, of a span that no range of keys finds: one that ends before
// it begins, or is in units that cannot be computed with.
const unranged = "!"

func (k *keys) number(name string, v search.NumberValue) {
	k.add(name, ">=", lowKey(v))
	k.add(name, "<=", highKey(v))
	if v.Low != nil && v.High != nil && v.Low.Cmp(v.High) > 0 {
		k.add(name, ">=", unranged)
	}
}

func lowKey(v search.NumberValue) string {
	if v.Low == nil {
		return numberMinimum
	}
	return numberKey(v.Low)
}

func highKey(v search.NumberValue) string {
	if v.High == nil {
		return numberMaximum
	}
	return numberKey(v.High)
}

// quantity has the number as written and, of units of UCUM, in base units.
func (k *keys) quantity(name string, v search.QuantityValue) {
	k.number(name, v.NumberValue)
	if v.System != ucum.System {
		return
	}
	in, base, ok := canonical(v.NumberValue, v.Code)
	if !ok {
		k.add(name, ">=", unranged)
		return
	}
	k.add(name, "["+legible(base)+"]>=", lowKey(in))
	k.add(name, "["+legible(base)+"]<=", highKey(in))
}

func canonical(v search.NumberValue, code string) (in search.NumberValue, base string, ok bool) {
	for _, end := range [...]struct{ from, to **apd.Decimal }{{&v.Low, &in.Low}, {&v.High, &in.High}} {
		if *end.from == nil {
			continue
		}
		var err error
		if *end.to, base, err = ucum.Canonical(*end.from, code); err != nil {
			return in, "", false
		}
	}
	return in, base, true
}

// dateLayout is of the time in a key: to the minute, the answer decides the rest.
const dateLayout = "2006-01-02T15:04"

// The ends of time in keys.
var (
	firstTime = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC)
)

// dateKey orders as times do.
func dateKey(micro int64) string {
	t := time.UnixMicro(micro).UTC()
	switch {
	case micro <= firstTime.UnixMicro():
		t = firstTime
	case micro >= lastTime.UnixMicro():
		t = lastTime
	}
	return t.Format(dateLayout)
}

// The ends of numbers in keys.
const (
	numberMinimum = "a0000000000"
	numberZero    = "o0000000000"
	numberMaximum = "z0000000000"
)

const (
	exponentBias = 5000 // of the power of ten in a key
	numberDigits = 6
)

// numberKey orders as numbers do: p, the power of ten plus 5000 and the first six digits; of a number
// below zero n and the complement of each digit to nine; o of zero. Nothing passes through floating point.
func numberKey(d *apd.Decimal) string {
	if d.Form != apd.Finite || d.IsZero() {
		return numberZero
	}
	digits := d.Coeff.Text(10)
	power := int64(d.Exponent) + int64(len(digits)) - 1 + exponentBias
	digits = (digits + strings.Repeat("0", numberDigits))[:numberDigits]
	switch {
	case power < 0:
		power, digits = 0, "000000"
	case power > 9999:
		power, digits = 9999, "999999"
	}
	magnitude := fmt.Sprintf("%04d%s", power, digits)
	if !d.Negative {
		return "p" + magnitude
	}
	return "n" + strings.Map(func(r rune) rune { return '9' - (r - '0') }, magnitude)
}

// grids are the sizes of the cells that positions are in, in degrees.
var grids = [...]int{1, 10}

func (k *keys) position(name string, v search.PositionValue) {
	for _, size := range grids {
		k.add(name, "=", cellKey(size, cell(v.Latitude+90, size), cell(v.Longitude+180, size)))
	}
}

func cell(degrees float64, size int) int { return int(math.Floor(degrees / float64(size))) }

func cellKey(size, north, east int) string { return fmt.Sprintf("%d:%d,%d", size, north, east) }

// digits are what the places of keys of one width may hold.
type digits struct {
	at          func(i int) string // the characters of a place, in order
	first, last string             // what stands in no key stands before or behind all
}

const decimal = "0123456789"

var dateDigits = digits{
	at: func(i int) string {
		const most = "9999-19-39T29:59"
		if m := most[i]; m >= '0' && m <= '9' {
			return decimal[:m-'0'+1]
		}
		return most[i : i+1]
	},
	first: "0000-01-01T00:00", last: "9999-12-31T23:59",
}

var numberPlaces = digits{
	at: func(i int) string {
		if i == 0 {
			return "anopz"
		}
		return decimal
	},
	first: numberMinimum, last: "z9999999999",
}

// maxPrefixes is about how many prefixes a range becomes.
const maxPrefixes = 32

// prefixes are beginnings of all keys from low to high, both included and of one width, and of few others: where
// many would be needed, shorter ones.
func (d digits) prefixes(low, high string) []string {
	if low > high {
		return nil
	}
	i := 0
	for i < len(low) && low[i] == high[i] {
		i++
	}
	if i == len(low) || low[i:] <= d.first[i:] && high[i:] >= d.last[i:] {
		return []string{low[:i]}
	}
	list := between(low[:i], d.at(i), low[i], high[i])
	up, down := i+1, i+1
	for len(list) < maxPrefixes {
		more := false
		if low[up:] > d.first[up:] {
			list = append(list, between(low[:up], d.at(up), low[up], 0)...)
			up, more = up+1, true
		}
		if high[down:] < d.last[down:] {
			list = append(list, between(high[:down], d.at(down), 0, high[down])...)
			down, more = down+1, true
		}
		if !more {
			break
		}
	}
	return append(list, low[:up], high[:down])
}

// between are the prefixes that go on with a character between two, neither included; 0 is no bound.
func between(prefix, characters string, low, high byte) []string {
	var list []string
	for _, c := range []byte(characters) {
		if c > low && (high == 0 || c < high) {
			list = append(list, prefix+string(c))
		}
	}
	return list
}
