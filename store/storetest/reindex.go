package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
)

var reindexings = []promise{
	{"resources are found by values that they are given later, and nothing else of them changes", reindexGives},
	{"values that are not those of the resource are replaced, those of other parameters stay", reindexReplaces},
	{"without entries the values of a parameter are dropped, and no other ones", reindexDrops},
	{"all values are made anew when no parameters are named", reindexAll},
	{"a step that was done changes nothing when it is done again", reindexIdempotent},
	{"steps go on from their marks, in order of creation, each resource once", reindexMarks},
	{"a step that fails may be done again", reindexFails},
	{"updates and deletions leave nothing behind of values that were given later", reindexFollowed},
	{"cursors and snapshots of before are exact for other parameters", reindexCursors},
	{"values are those of the current versions, however many write meanwhile", reindexRace},
	{"a resource that changes between being read and written is read again", reindexReadsAgain},
	{"random resources with wrong values are found as fresh ones are", reindexRandom},
	{"a parameter whose index is not whole is answered from the resources", reindexScans},
}

var reopenedReindexings = []promise{
	{"marks and values survive a restart", reindexReopen},
}

// ignorant is the change as a server made it that did not know some parameters yet.
func ignorant(c store.Change, codes ...string) store.Change {
	c.Entries = slices.DeleteFunc(slices.Clone(c.Entries), func(e search.Entry) bool { return slices.Contains(codes, e.Param.Code) })
	return c
}

// parametersOf are parameters of a type by their codes.
func parametersOf(typ string, codes ...string) []*search.Parameter {
	var list []*search.Parameter
	for _, code := range codes {
		p := Parameters().Lookup(typ, code)
		if p == nil {
			panic("storetest: " + typ + " has no parameter " + code)
		}
		list = append(list, p)
	}
	return list
}

// extract gives the values that a resource has for some parameters; nil is all.
func extract(params []*search.Parameter) func(context.Context, store.Version) ([]search.Entry, error) {
	return extractOf(Parameters(), params)
}

func extractOf(parameters *search.Parameters, params []*search.Parameter) func(context.Context, store.Version) ([]search.Entry, error) {
	return func(ctx context.Context, v store.Version) ([]search.Entry, error) {
		doc, err := resources.Parse(v.Body)
		if err != nil {
			return nil, err
		}
		resource, err := doc.Resource()
		if err != nil {
			return nil, err
		}
		if params == nil {
			return parameters.Extract(ctx, resource)
		}
		return parameters.ExtractOnly(ctx, resource, params)
	}
}

// reindex goes through all resources of a type in steps of a size.
func (t *trial) reindex(typ string, limit int, params ...*search.Parameter) (all store.Reindexed) {
	t.Helper()
	return t.remake(store.ReindexStep{Type: typ, Limit: limit, Params: params, Extract: extract(params)})
}

func (t *trial) remake(step store.ReindexStep) (all store.Reindexed) {
	t.Helper()
	for !all.Done {
		done, err := t.Reindex(t.ctx, step)
		t.must(err)
		if done.Examined > int64(step.Limit) || done.Changed > done.Examined {
			t.Fatalf("a step of %d examined %d and changed %d", step.Limit, done.Examined, done.Changed)
		}
		all.Examined += done.Examined
		all.Changed += done.Changed
		all.Done, step.After = done.Done, done.Next
	}
	return all
}

// family has six patients whose family names are not indexed, one of them deleted, and others.
func (t *trial) family() {
	for i, name := range []string{"Lind", "Strand", "Lindqvist", "Berg", "Lund", "Lind"} {
		t.put(ignorant(Put(fmt.Sprintf("Patient/p%d", i), `"name":[{"family":"`+name+`"}],"gender":"male","birthDate":"19`+fmt.Sprint(90-i)+`"`), "family"))
	}
	t.put(Put("Patient/full", `"name":[{"family":"Linder"}],"gender":"female"`), Put("Practitioner/d", `"name":[{"family":"Lind"}]`), Put("Patient/none", `"active":true`))
	t.put(Delete("Patient/p5"))
}

func reindexGives(t *trial) {
	t.family()
	before := t.everything()
	t.finds("Patient?family=lind", "full")
	t.finds("Patient?family:missing=true&gender=male", "p0 p1 p2 p3 p4")
	done := t.reindex("Patient", 2, parametersOf("Patient", "family")...)
	t.equal("what was done", done, store.Reindexed{Done: true, Examined: 7, Changed: 5})
	t.finds("Patient?family=lind", "p0 p2 full")
	t.finds("Patient?family:exact=Lind", "p0")
	t.finds("Patient?family:missing=true", "none")
	t.finds("Patient?_sort=family", "p3 p0 full p2 p4 p1 none")
	t.finds("Patient?_sort=-family&gender=male", "p1 p4 p2 p0 p3")
	t.equal("everything", t.everything(), before)
	t.equal("the next version", tags(t.put(Put("Patient/p0"))), []string{"Patient/p0 2"})
}

func reindexReplaces(t *trial) {
	wrong := Put("Patient/a", `"name":[{"family":"Lind"},{"family":"Berg"}],"birthDate":"1970","gender":"male"`)
	other := Put("Patient/a", `"name":[{"family":"Berg"},{"family":"Strand"}],"birthDate":"1980","gender":"female"`)
	wrong.Entries = other.Entries
	t.put(wrong)
	done := t.reindex("Patient", 10, parametersOf("Patient", "family", "birthdate")...)
	t.equal("what was done", done, store.Reindexed{Done: true, Examined: 1, Changed: 1})
	t.finds("Patient?family=strand", "")
	t.finds("Patient?family=lind", "a")
	t.finds("Patient?family=berg", "a")
	t.finds("Patient?birthdate=1970", "a")
	t.finds("Patient?birthdate=1980", "")
	t.finds("Patient?gender=male", "")
	t.finds("Patient?gender=female", "a")
	t.finds("Patient?name=strand", "a")
}

func reindexDrops(t *trial) {
	t.ward()
	params := parametersOf("Patient", "family", "identifier")
	drop := store.ReindexStep{Type: "Patient", Limit: 2, Params: params, Extract: func(context.Context, store.Version) ([]search.Entry, error) { return nil, nil }}
	t.equal("what was done", t.remake(drop), store.Reindexed{Done: true, Examined: 3, Changed: 2})
	t.finds("Patient?family=lind", "")
	t.finds("Patient?identifier=42", "")
	t.finds("Patient?identifier=urn:oid:1.2|", "")
	t.finds("Patient?family:missing=true", "ada bo cy")
	t.finds("Patient?name=lind", "ada bo")
	t.finds("Patient?_sort=-birthdate", "bo ada cy")
	drop.Extract = nil
	drop.Params = parametersOf("Patient", "birthdate")
	t.equal("what was done", t.remake(drop), store.Reindexed{Done: true, Examined: 3, Changed: 2})
	t.finds("Patient?birthdate:missing=true", "ada bo cy")
	t.equal("what was done", t.reindex("Patient", 10), store.Reindexed{Done: true, Examined: 3, Changed: 2})
	t.finds("Patient?identifier=42", "ada bo")
}

func reindexAll(t *trial) {
	bare := Put("Observation/o", `"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1-2"}]},"subject":{"reference":"Patient/a"},"effectiveDateTime":"2025-06-01"`)
	bare.Entries = nil
	t.put(bare, Put("Patient/a"))
	t.finds("Observation?_lastUpdated=ge2020&_id=o", "o")
	t.finds("Observation?code=1-2", "")
	t.equal("what was done", t.reindex("Observation", 10), store.Reindexed{Done: true, Examined: 1, Changed: 1})
	t.finds("Observation?code=1-2&date=2025-06&subject:Patient._id=a&status=final", "o")
	t.finds("Observation?patient=a&_sort=-date", "o")
	t.finds("Patient?_has:Observation:patient:code=1-2", "a")
	t.finds("Observation?_lastUpdated=ge2020&_id=o", "o")
}

func reindexIdempotent(t *trial) {
	t.family()
	step := store.ReindexStep{Type: "Patient", Limit: 3, Params: parametersOf("Patient", "family")}
	step.Extract = extract(step.Params)
	first, err := t.Reindex(t.ctx, step)
	t.must(err)
	again, err := t.Reindex(t.ctx, step)
	t.must(err)
	t.equal("what was done again", again, store.Reindexed{Next: first.Next, Examined: 3})
	t.finds("Patient?family=lind", "p0 p2 full")
	t.reindex("Patient", 3, step.Params...)
	t.equal("what was done again", t.reindex("Patient", 100, step.Params...), store.Reindexed{Done: true, Examined: 7})
	t.equal("what was done again", t.reindex("Patient", 100), store.Reindexed{Done: true, Examined: 7})
}

func reindexMarks(t *trial) {
	t.family()
	t.put(Put("Patient/p5")) // again: it keeps its place
	var seen []string
	step := store.ReindexStep{Type: "Patient", Limit: 2, Extract: func(ctx context.Context, v store.Version) ([]search.Entry, error) {
		seen = append(seen, v.ID)
		return extract(nil)(ctx, v)
	}}
	// one at a time, for Extract may be called for several at once
	for step.Limit = 0; ; {
		done, err := t.Reindex(t.ctx, step)
		t.must(err)
		t.equal("how many were examined", done.Examined, int64(1))
		step.After = done.Next
		if done.Done {
			break
		}
	}
	t.equal("the resources", seen, []string{"p0", "p1", "p2", "p3", "p4", "p5", "full", "none"})
	done, err := t.Reindex(t.ctx, step)
	t.must(err)
	t.equal("after the end", done, store.Reindexed{Next: step.After, Done: true})
	t.put(Put("Patient/more"))
	done, err = t.Reindex(t.ctx, step)
	t.must(err)
	t.equal("what was created since", []any{done.Examined, done.Done}, []any{int64(1), true})
	never, err := t.Reindex(t.ctx, store.ReindexStep{Type: "Group", Limit: 5})
	t.must(err)
	t.equal("a type that there is nothing of", []any{never.Examined, never.Done}, []any{int64(0), true})
	_, err = t.Reindex(t.ctx, store.ReindexStep{Type: "Practitioner", After: step.After, Limit: 1})
	t.is("a mark of another type", err, store.ErrCursor)
	_, err = t.Reindex(t.ctx, store.ReindexStep{Type: "Patient", After: store.Mark("x"), Limit: 1})
	t.is("a mark that is none", err, store.ErrCursor)
}

func reindexFails(t *trial) {
	t.family()
	params := parametersOf("Patient", "family")
	broken := errors.New("broken")
	step := store.ReindexStep{Type: "Patient", Limit: 100, Params: params, Extract: func(ctx context.Context, v store.Version) ([]search.Entry, error) {
		if v.ID == "p3" {
			return nil, broken
		}
		return extract(params)(ctx, v)
	}}
	_, err := t.Reindex(t.ctx, step)
	t.is("the step", err, broken)
	ended, cancel := context.WithCancel(t.ctx)
	cancel()
	_, err = t.Reindex(ended, step)
	t.is("the step", err, context.Canceled)
	t.reindex("Patient", 100, params...)
	t.finds("Patient?_sort=family", "p3 p0 full p2 p4 p1 none")
	t.must(t.Store.Close())
	_, err = t.Reindex(t.ctx, step)
	t.is("the step", err, store.ErrClosed)
}

func reindexFollowed(t *trial) {
	t.family()
	t.reindex("Patient", 3, parametersOf("Patient", "family")...)
	t.put(Put("Patient/p0", `"name":[{"family":"Strand"}]`), Delete("Patient/p2"))
	t.put(ignorant(Put("Patient/p3", `"name":[{"family":"Lind"}]`), "family")) // by a writer that knows no such parameter
	t.finds("Patient?family=lind", "full")
	t.finds("Patient?family=strand", "p0 p1")
	t.finds("Patient?family=berg", "")
	t.finds("Patient?family:missing=true", "p3 none")
	t.reindex("Patient", 3, parametersOf("Patient", "family")...)
	t.finds("Patient?family=lind", "p3 full")
}

func reindexCursors(t *trial) {
	t.family()
	const sorted = "Patient?_sort=-birthdate,gender&_count=2"
	want := t.find(t, sorted)
	page, err := t.Search(t.ctx, Query(sorted), nil)
	t.must(err)
	snapshot, err := t.Snapshot(t.ctx)
	t.must(err)
	defer snapshot.Close()
	t.reindex("Patient", 2, parametersOf("Patient", "family")...)
	t.put(Put("Patient/p2", `"birthDate":"2020"`), Delete("Patient/p1"))
	t.reindex("Patient", 2, parametersOf("Patient", "family", "name")...)
	got := tags(page.Matches)
	for page.Next != nil {
		page, err = t.Search(t.ctx, Query(sorted), page.Next)
		t.must(err)
		got = append(got, tags(page.Matches)...)
	}
	t.equal("the pages", got, slices.DeleteFunc(want, func(tag string) bool { return tag == "Patient/p1 1" && !slices.Contains(got, tag) }))
	t.equal("the snapshot", t.find(snapshot, "Patient?family=lind"), []string{"Patient/full 1"})
	t.equal("the snapshot", t.find(snapshot, "Patient?family:missing=true&_sort=birthdate"), []string{"Patient/p4 1", "Patient/p3 1", "Patient/p2 1", "Patient/p1 1", "Patient/p0 1", "Patient/none 1"})
}

// reindexRace reindexes again and again while others write; whoever writes knows the parameter.
func reindexRace(t *trial) {
	const resources, writers = 40, 4
	names := []string{"Lind", "Strand", "Berg", "Lund"}
	for i := range resources {
		t.put(ignorant(Put(fmt.Sprintf("Patient/r%d", i), `"name":[{"family":"Old"}]`), "family", "name"))
	}
	params := parametersOf("Patient", "family", "name")
	var running atomic.Int64
	running.Store(writers)
	n := t.rounds(150)
	t.together(writers+2, func(i int) error {
		if i >= writers {
			for running.Load() > 0 {
				step := store.ReindexStep{Type: "Patient", Limit: 7 + 20*(i-writers), Params: params, Extract: slowly(extract(params))}
				for done := (store.Reindexed{}); !done.Done; step.After = done.Next {
					var err error
					if done, err = t.Reindex(t.ctx, step); err != nil {
						return err
					}
				}
			}
			return nil
		}
		defer running.Add(-1)
		r := rand.New(rand.NewPCG(uint64(i), 7)) //nolint:gosec // a test needs no secrecy
		for range n {
			key := fmt.Sprintf("Patient/r%d", r.IntN(resources+10))
			c := Put(key, `"name":[{"family":"`+names[r.IntN(len(names))]+`","given":["`+names[r.IntN(len(names))]+`"]}]`)
			if r.IntN(6) == 0 {
				c = Delete(key)
			}
			if _, err := t.Commit(t.ctx, store.Transaction{Changes: []store.Change{c}}); err != nil {
				return err
			}
		}
		return nil
	})
	t.reindex("Patient", 16, params...)
	t.agree("Patient?family=lind", "Patient?family=strand", "Patient?family=berg", "Patient?family=lund", "Patient?family=old",
		"Patient?name=lind", "Patient?_sort=family", "Patient?_sort=-name", "Patient?family:missing=true", "Patient")
}

// slowly leaves writers time to come between.
func slowly(extract func(context.Context, store.Version) ([]search.Entry, error)) func(context.Context, store.Version) ([]search.Entry, error) {
	return func(ctx context.Context, v store.Version) ([]search.Entry, error) {
		time.Sleep(100 * time.Microsecond)
		return extract(ctx, v)
	}
}

// agree compares searches with search.Match over the bodies.
func (t *trial) agree(queries ...string) {
	t.Helper()
	d := &duel{trial: t}
	for _, match := range t.find(t, "") {
		var key string
		_, err := fmt.Sscan(match, &key)
		t.must(err)
		d.created = append(d.created, Key(key))
	}
	o := d.newOracle()
	for _, text := range queries {
		query := Query(text)
		want, err := o.search(t.ctx, query)
		t.must(err)
		got, _ := d.firstPages(text, t.Store, whole(query), 1)
		t.equal(text, bare(got), want)
	}
}

// reindexReadsAgain changes a resource each time that its values are made, a few times: a writer that
// happens to come between.
func reindexReadsAgain(t *trial) {
	const times = 3
	t.put(ignorant(Put("Patient/a", `"name":[{"family":"V1"}]`), "family"), ignorant(Put("Patient/b", `"name":[{"family":"V1"}]`), "family"))
	params := parametersOf("Patient", "family")
	var mu sync.Mutex
	version := 1
	done, err := t.Reindex(t.ctx, store.ReindexStep{Type: "Patient", Limit: 10, Params: params, Extract: func(ctx context.Context, v store.Version) ([]search.Entry, error) {
		mu.Lock()
		defer mu.Unlock()
		if v.ID == "a" && version < times {
			version++
			if err := t.try(Put("Patient/a", fmt.Sprintf(`"name":[{"family":"V%d"}]`, version))); err != nil {
				return nil, err
			}
		}
		if v.ID == "b" {
			if err := t.try(Delete("Patient/b")); err != nil {
				return nil, err
			}
		}
		return extract(params)(ctx, v)
	}})
	t.must(err)
	t.equal("what was done", done, store.Reindexed{Next: done.Next, Done: true, Examined: 1})
	t.finds("Patient?family=v3", "a")
	t.finds("Patient?family=v", "a")
	t.finds("Patient", "a")
	t.equal("the versions", tags(t.history(t, store.HistoryQuery{Type: "Patient", ID: "a"})), []string{"Patient/a 3", "Patient/a 2", "Patient/a 1"})
	t.equal("the versions", tags(t.history(t, store.HistoryQuery{Type: "Patient", ID: "b"})), []string{"Patient/b 2 deleted", "Patient/b 1"})
}

// reindexRandom gives random resources values that are not theirs, or not all of theirs.
func reindexRandom(t *trial) {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("run again with -storetest.seed=%d", n)
	d := &duel{
		trial: t, r: rand.New(rand.NewPCG(n, 2)), //nolint:gosec // a test needs no secrecy
		memory: memory.New(memory.Options{Now: t.clock.Now, Parameters: Parameters()}),
	}
	for range t.rounds(100) {
		d.transact()
	}
	for _, c := range d.wrongs(t.rounds(200)) {
		t.put(c)
		_, err := d.memory.Commit(t.ctx, store.Transaction{Changes: []store.Change{c}})
		t.must(err)
	}
	types := map[string]bool{}
	for _, key := range d.created {
		types[key.Type] = true
	}
	for typ := range types {
		own := Parameters().Of(typ)
		half := slices.Clone(own[:len(own)/2])
		rest := append(slices.Clone(own[len(own)/2:]), search.Containment())
		for _, params := range [][]*search.Parameter{half, rest} {
			if d.r.IntN(4) == 0 {
				params = nil
			}
			ours := t.reindex(typ, 1+d.r.IntN(40), params...)
			theirs := (&trial{T: t.T, Store: d.memory, ctx: t.ctx}).reindex(typ, 50, params...)
			t.equal("how many were examined", ours.Examined, theirs.Examined)
		}
	}
	for range 5 {
		d.compareWithMatch()
		d.compareSearches(d.Store, d.memory)
	}
}

// wrongs are updates of resources with values of other resources of their type, but with their own words,
// which engines may take from the text.
func (d *duel) wrongs(n int) []store.Change {
	lent := map[string][]search.Entry{}
	var list []store.Change
	for range n {
		c := d.content()
		own, others := partWords(c.Entries)
		c.Entries, lent[c.Key.Type] = slices.Concat(lent[c.Key.Type], own), others
		if !slices.Contains(d.created, c.Key) {
			d.created = append(d.created, c.Key)
		}
		list = append(list, c)
	}
	return list
}

// partWords parts the values of _text and _content from all others.
func partWords(entries []search.Entry) (words, others []search.Entry) {
	for _, e := range entries {
		if e.Param.SearchesWords() {
			words = append(words, e)
		} else {
			others = append(others, e)
		}
	}
	return words, others
}

func reindexReopen(t *trial) {
	t.family()
	step := store.ReindexStep{Type: "Patient", Limit: 3, Params: parametersOf("Patient", "family")}
	step.Extract = extract(step.Params)
	done, err := t.Reindex(t.ctx, step)
	t.must(err)
	t.reopen()
	t.finds("Patient?family=lind", "p0 p2 full")
	t.finds("Patient?family=berg", "")
	step.After, step.Limit = done.Next, 100
	rest, err := t.Reindex(t.ctx, step)
	t.must(err)
	t.equal("what was left", []any{rest.Examined, rest.Changed, rest.Done}, []any{int64(4), int64(2), true})
	t.reopen()
	t.finds("Patient?_sort=family", "p3 p0 full p2 p4 p1 none")
}
