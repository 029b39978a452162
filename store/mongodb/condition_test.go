package mongodb

import (
	"reflect"
	"strings"
	"testing"

	"kiln/search"
)

// TestConditionsAreBounded: whatever is asked, a condition names no more than a server takes, and says so by asking for more.
func TestConditionsAreBounded(t *testing.T) {
	parameters, err := search.NewParameters(search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	url := parameters.Lookup("ValueSet", "url")
	above := search.Test{Param: url, Modifier: search.Above, Any: []search.Criterion{search.URICriterion{URI: strings.Repeat("/", 200_000)}}}
	c, err := lower(above, "ValueSet", nil)
	if err != nil || size(c) > 3*maxKey {
		t.Errorf("200,000 separators make %d keys: %v", size(c), err)
	}
	keys := make([]string, maxAsked)
	many := make([]condition, 20)
	for i := range many {
		many[i] = oneKey{"a", keys}
	}
	if _, ok := some(many...).(anything); !ok {
		t.Errorf("one of %d keys is %d", 20*maxAsked, size(some(many...)))
	}
	if n := size(all(many...)); n > maxKeys || n == 0 {
		t.Errorf("all of %d keys is %d", 20*maxAsked, n)
	}
	first := oneKey{"a", make([]string, 1, 8)}
	_ = some(first, oneKey{"a", []string{"x"}})
	if first.keys[:2][1] != "" {
		t.Error("the keys of a part were written over")
	}
	text := search.Test{Param: parameters.Lookup("Observation", "code"), Modifier: search.Text, Any: make([]search.Criterion, maxAsked+1)}
	if c, err := lower(text, "Observation", nil); err != nil || c != (anything{}) {
		t.Errorf("more texts than are asked for make %v, %v", c, err)
	}
}

// TestDetachedValuesAreTheSame, whatever they are made of.
func TestDetachedValuesAreTheSame(t *testing.T) {
	token := search.TokenValue{System: "s", Code: "c", Text: "t", TypeSystem: "ts", TypeCode: "tc"}
	for _, v := range []search.Value{
		search.StringValue{Text: "A", Folded: "a"},
		token,
		search.ReferenceValue{Type: "Patient", ID: "1", Version: "2"},
		search.ReferenceValue{URL: "urn:x"},
		search.ReferenceValue{Identifier: token},
		search.URIValue{URI: "urn:y"},
		search.DateValue{Low: 1, High: 2},
	} {
		if got := detached(v); !reflect.DeepEqual(got, v) {
			t.Errorf("%#v is %#v", v, got)
		}
	}
}
