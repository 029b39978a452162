package main

import (
	"strings"
	"testing"
)

// TestLoadEndsWhereTheStoreFails: what the store could not do is no refusal of the resource, which
// nobody would load again.
func TestLoadEndsWhereTheStoreFails(t *testing.T) {
	for _, typ := range []string{"batch", "transaction"} {
		t.Run(typ, func(t *testing.T) {
			to, err := loadTarget(t.Context(), "memory:", "", "base")
			if err != nil {
				t.Fatal(err)
			}
			g := group{places: []string{"a.json"}, given: []byte(`{"resourceType":"Bundle","type":"` + typ + `","entry":[
				{"resource":{"resourceType":"Patient","active":"no"},"request":{"method":"POST","url":"Patient"}}]}`)}
			refused, err := to.Send(t.Context(), g)
			if err != nil || len(refused) != 1 || !strings.Contains(refused[0].reason, "entry[0].resource.active") {
				t.Errorf("a resource that breaks a rule: %v, %v", refused, err)
			}
			g.given = []byte(strings.Replace(string(g.given), `"no"`, "false", 1))
			if err := to.Close(); err != nil {
				t.Fatal(err)
			}
			if refused, err := to.Send(t.Context(), g); err == nil {
				t.Errorf("a store that is closed: %v", refused)
			}
		})
	}
}
