package memory_test

import (
	"context"
	"fmt"

	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
	"kiln/store/storetest"
)

func Example() {
	ctx := context.Background()
	s := memory.New(memory.Options{Parameters: storetest.Parameters()})
	defer s.Close()

	versions, err := s.Commit(ctx, store.Transaction{Changes: []store.Change{
		storetest.IfAbsent(storetest.Put("Patient/p1", `"name":[{"family":"Lind"}]`)),
		storetest.Put("Observation/o1", `"status":"final","subject":{"reference":"Patient/p1"}`),
	}})
	fmt.Println(len(versions), err)

	query := storetest.Query("Observation?subject:Patient.family=lind")
	query.Total = search.TotalAccurate
	page, err := s.Search(ctx, query, nil)
	fmt.Println(page.Matches[0].Key, page.Total, err)
	// Output:
	// 2 <nil>
	// Observation/o1 1 <nil>
}
