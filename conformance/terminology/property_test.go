package terminology_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kiln/conformance/terminology"
	"kiln/fhirpath"
	"kiln/resources"
)

func evaluate(t *testing.T, on resources.Element, expression string, memberOf func(context.Context, fhirpath.Value, string) (bool, error)) string {
	t.Helper()
	found, err := fhirpath.MustCompile(expression).Evaluate(t.Context(), on, &fhirpath.Environment{MemberOf: memberOf})
	if err != nil {
		return "error"
	}
	var texts []string
	for _, v := range found {
		texts = append(texts, v.Text())
	}
	return "[" + strings.Join(texts, " ") + "]"
}

// world is a random hierarchy and random value sets that include and exclude each other, each with
// the question whether a code is in it, answered code by code from the words of the specification.
type world struct {
	shelf   shelf
	parents []int // of the code at the place; -1 is none
	sets    []func(code int) bool
}

func (w *world) isA(code, root int) bool {
	for ; code >= 0; code = w.parents[code] {
		if code == root {
			return true
		}
	}
	return false
}

func newWorld(t testing.TB, r *rand.Rand) *world {
	w := &world{shelf: shelf{}}
	var concepts []string
	for i := range 12 {
		parent, property := r.IntN(i+1)-1, ""
		if parent >= 0 {
			property = fmt.Sprintf(`,"property":[{"code":"parent","valueCode":"c%d"}]`, parent)
		}
		w.parents = append(w.parents, parent)
		concepts = append(concepts, fmt.Sprintf(`{"code":"c%d"%s}`, i, property))
	}
	w.shelf.put(t, `{"resourceType":"CodeSystem","url":"s","content":"complete","concept":[`+strings.Join(concepts, ",")+`]}`)
	for i := range 10 {
		text, contains := w.compose(r)
		w.shelf.put(t, composed(fmt.Sprint("v", i), text))
		w.sets = append(w.sets, contains)
	}
	return w
}

func (w *world) compose(r *rand.Rand) (string, func(int) bool) {
	parts := func(n int) (string, func(int) bool) {
		var texts []string
		var some []func(int) bool
		for range n {
			text, contains := w.part(r)
			texts, some = append(texts, text), append(some, contains)
		}
		return "[" + strings.Join(texts, ",") + "]", func(code int) bool {
			return slices.ContainsFunc(some, func(in func(int) bool) bool { return in(code) })
		}
	}
	include, in := parts(1 + r.IntN(3))
	if r.IntN(2) == 0 {
		return `"compose":{"include":` + include + `}`, in
	}
	exclude, out := parts(1 + r.IntN(2))
	return `"compose":{"include":` + include + `,"exclude":` + exclude + `}`, func(code int) bool { return in(code) && !out(code) }
}

func (w *world) part(r *rand.Rand) (string, func(int) bool) {
	var members []string
	var all []func(int) bool
	if len(w.sets) == 0 || r.IntN(3) > 0 {
		text, in := w.system(r)
		members, all = append(members, text), append(all, in)
	}
	for range r.IntN(3) {
		if len(w.sets) > 0 {
			i := r.IntN(len(w.sets))
			members, all = append(members, fmt.Sprintf(`"valueSet":["v%d"]`, i)), append(all, w.sets[i])
			break
		}
	}
	if len(all) == 0 {
		members, all = append(members, `"valueSet":["v0"]`), append(all, w.sets[0])
	}
	return "{" + strings.Join(members, ",") + "}", func(code int) bool {
		return !slices.ContainsFunc(all, func(in func(int) bool) bool { return !in(code) })
	}
}

func (w *world) system(r *rand.Rand) (string, func(int) bool) {
	root := r.IntN(12)
	filter := func(op string) string {
		return fmt.Sprintf(`"system":"s","filter":[{"property":"concept","op":%q,"value":"c%d"}]`, op, root)
	}
	switch r.IntN(6) {
	case 0:
		return `"system":"s"`, func(int) bool { return true }
	case 1:
		other := r.IntN(12)
		return fmt.Sprintf(`"system":"s","concept":[{"code":"c%d"},{"code":"c%d"}]`, root, other), func(c int) bool { return c == root || c == other }
	case 2:
		return filter("is-a"), func(c int) bool { return w.isA(c, root) }
	case 3:
		return filter("descendent-of"), func(c int) bool { return c != root && w.isA(c, root) }
	case 4:
		return filter("is-not-a"), func(c int) bool { return !w.isA(c, root) }
	}
	return filter("generalizes"), func(c int) bool { return w.isA(root, c) }
}

// TestRandomCompositions: Contains agrees with Expand and with the question asked code by code.
func TestRandomCompositions(t *testing.T) {
	for seed := range uint64(300) {
		w := newWorld(t, rand.New(rand.NewPCG(seed, 7)))
		service := terminology.New(w.shelf, terminology.Limits{})
		for i, want := range w.sets {
			url := fmt.Sprint("v", i)
			codes, err := service.Expand(t.Context(), url, 0)
			if err != nil {
				t.Fatal(err)
			}
			for c := range w.parents {
				code := fmt.Sprint("c", c)
				in, err := service.Contains(t.Context(), url, "s", code)
				listed := slices.ContainsFunc(codes, func(x terminology.Coding) bool { return x.Code == code })
				if err != nil || in != want(c) || listed != in {
					t.Fatalf("seed %d: %s in %s is %v, listed %v, %v; want %v", seed, code, url, in, listed, err, want(c))
				}
			}
		}
	}
}

// FuzzValueSet composes any ValueSet and CodeSystem: no panic, and Contains agrees with Expand.
func FuzzValueSet(f *testing.F) {
	w := newWorld(f, rand.New(rand.NewPCG(1, 1)))
	for _, e := range w.shelf {
		f.Add(string(e.Document().Source()))
	}
	for _, e := range newShelf(f) {
		f.Add(string(e.Document().Source()))
	}
	f.Add(composed("v", `"expansion":{"total":1,"contains":[{"code":"x"}]}`))
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := resources.Parse([]byte(text))
		if err != nil {
			t.Skip()
		}
		e, err := doc.Resource()
		if err != nil {
			t.Skip()
		}
		s := shelf{}
		s["urn:fuzz|"] = e
		s.put(t, composed("urn:all", `"compose":{"include":[{"system":"urn:fuzz"}],"exclude":[{"system":"urn:fuzz","filter":[{"property":"code","op":"exists","value":"false"}]}]}`))
		service := terminology.New(terminology.First(s, terminology.Embedded()), terminology.Limits{Codes: 1000, Parts: 100})
		for _, url := range []string{"urn:fuzz", "urn:all"} {
			codes, err := service.Expand(t.Context(), url, 0)
			if err != nil {
				continue
			}
			for _, c := range codes {
				if in, err := service.Contains(t.Context(), url, c.System, c.Code); !in || err != nil {
					t.Fatalf("%v is listed and not in: %v", c, err)
				}
			}
		}
	})
}

func BenchmarkContains(b *testing.B) {
	service := terminology.New(terminology.Embedded(), terminology.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if in, err := service.Contains(b.Context(), "http://terminology.hl7.org/ValueSet/v3-ActCode", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB"); !in || err != nil {
			b.Fatal(in, err)
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	for b.Loop() {
		service := terminology.New(terminology.Embedded(), terminology.Limits{})
		if _, err := service.Expand(b.Context(), "http://hl7.org/fhir/ValueSet/account-type", 0); err != nil {
			b.Fatal(err)
		}
	}
}
