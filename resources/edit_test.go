package resources_test

import (
	"strconv"
	"strings"
	"testing"

	"kiln/resources"
)

func TestEqual(t *testing.T) {
	many := func(order func(i int) int, value string) string {
		var b strings.Builder
		for i := range 100 {
			b.WriteString(`,"m` + strconv.Itoa(order(i)) + `":` + value)
		}
		return "{" + b.String()[1:] + "}"
	}
	up, down := func(i int) int { return i }, func(i int) int { return 99 - i }
	for _, c := range []struct {
		name, a, b string
		equal      bool
	}{
		{"White space does not count", `{"a":[1,{}]}`, " { \"a\" : [ 1 , {} ] } ", true},
		{"The order of members does not count", `{"a":1,"b":{"c":2,"d":3},"e":4}`, `{"b":{"d":3,"c":2},"e":4,"a":1}`, true},
		{"The order of items counts", `[1,2]`, `[2,1]`, false},
		{"The number of items counts", `[1]`, `[1,1]`, false},
		{"The digits of numbers count", `1.0`, `1.00`, false},
		{"Escapes do not count", `{"\u0061":"\u0062"}`, `{"a":"b"}`, true},
		{"A text is no number", `"1"`, `1`, false},
		{"Another name", `{"a":1,"b":2}`, `{"a":1,"c":2}`, false},
		{"Another value", `{"a":1,"b":2}`, `{"b":1,"a":2}`, false},
		{"One member more", `{"a":1}`, `{"a":1,"b":2}`, false},
		{"Many members in another order", many(up, "1"), many(down, "1"), true},
		{"Many members with another name", many(up, "1"), strings.Replace(many(down, "1"), `"m7"`, `"n7"`, 1), false},
		{"Many members with another value", many(up, "1"), strings.Replace(many(down, "1"), `"m7":1`, `"m7":2`, 1), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := parse(t, c.a), parse(t, c.b)
			if resources.Equal(a, 0, b, 0) != c.equal || resources.Equal(b, 0, a, 0) != c.equal {
				t.Errorf("%s and %s: expected %v", c.a, c.b, c.equal)
			}
		})
	}
}
