package terminology_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"kiln/conformance/terminology"
	"kiln/resources"
	"kiln/resources/outcome"
)

// shelf is a source of resources, by canonical URL with and without version.
type shelf map[string]resources.Element

func (s shelf) put(t testing.TB, text string) {
	t.Helper()
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	e, err := doc.Resource()
	if err != nil {
		t.Fatal(err)
	}
	s[e.First("url").Text()+"|"] = e
	s[e.First("url").Text()+"|"+e.First("version").Text()] = e
}

func found[T any](s shelf, typ, url, version string, read func(resources.Element) *T) (terminology.Found[T], error) {
	e, ok := s[url+"|"+version]
	if !ok || e.Type().Name != typ {
		return terminology.Found[T]{}, nil
	}
	return terminology.Found[T]{Revision: string(e.Document().Source()), Load: func() (*T, error) { return read(e), nil }}, nil
}

func (s shelf) CodeSystem(_ context.Context, url, version string) (terminology.Found[terminology.CodeSystem], error) {
	return found(s, "CodeSystem", url, version, terminology.ReadCodeSystem)
}

func (s shelf) ValueSet(_ context.Context, url, version string) (terminology.Found[terminology.ValueSet], error) {
	return found(s, "ValueSet", url, version, terminology.ReadValueSet)
}

func newShelf(t testing.TB) shelf {
	t.Helper()
	text, err := os.ReadFile("testdata/definitions.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	s := shelf{}
	for line := range bytes.Lines(text) {
		s.put(t, string(line))
	}
	return s
}

// composed is the text of a ValueSet with the members given.
func composed(url, members string) string {
	return fmt.Sprintf(`{"resourceType":"ValueSet","url":%q,"status":"active",%s}`, url, members)
}

const colours = `"system":"urn:test:colours"`

func TestExpand(t *testing.T) {
	filter := func(property, op, value string) string {
		return fmt.Sprintf(`"compose":{"include":[{%s,"filter":[{"property":%q,"op":%q,"value":%q}]}]}`, colours, property, op, value)
	}
	s := newShelf(t)
	s.put(t, composed("urn:test:reds", filter("concept", "is-a", "red")))
	s.put(t, composed("urn:test:blues", filter("concept", "is-a", "blue")))
	for _, c := range []struct{ name, members, want string }{
		{"a whole system", `"compose":{"include":[{` + colours + `}]}`, "colour red crimson scarlet blue navy violet grey"},
		{"a version of a system", `"compose":{"include":[{` + colours + `,"version":"1"}]}`, "colour red crimson scarlet blue navy violet grey"},
		{"concepts", `"compose":{"include":[{` + colours + `,"concept":[{"code":"navy"},{"code":"red"}]}]}`, "navy red"},
		{"concepts of an unknown system", `"compose":{"include":[{"system":"http://snomed.info/sct","concept":[{"code":"1"}]}]}`, "1"},
		{"is-a", filter("concept", "is-a", "red"), "red crimson scarlet violet"},
		{"is-a by code", filter("code", "is-a", "blue"), "blue navy violet"},
		{"descendent-of", filter("concept", "descendent-of", "red"), "crimson scarlet violet"},
		{"is-not-a", filter("concept", "is-not-a", "red"), "colour blue navy grey"},
		{"generalizes", filter("concept", "generalizes", "violet"), "colour red blue violet"},
		{"regex is anchored", filter("code", "regex", "[a-z]e."), "red"},
		{"regex with alternatives", filter("code", "regex", "red|blu"), "red"},
		{"in", filter("concept", "in", "red, grey,none"), "red grey"},
		{"not-in", filter("concept", "not-in", "red,crimson,scarlet,blue"), "colour navy violet grey"},
		{"a property equals", filter("warm", "=", "true"), "red crimson"},
		{"a property in", filter("shade", "in", "dark,light"), "red blue"},
		{"a property not-in", filter("shade", "not-in", "dark"), "colour crimson scarlet blue navy violet grey"},
		{"exists", filter("shade", "exists", "true"), "red blue"},
		{"exists not", filter("warm", "exists", "false"), "colour scarlet navy violet grey"},
		{"the parent", filter("parent", "=", "blue"), "navy violet"},
		{"the child", filter("child", "exists", "true"), "colour red blue"},
		{"the display", filter("display", "regex", "[RB].*"), "red blue"},
		{"filters together", `"compose":{"include":[{` + colours + `,"filter":[{"property":"concept","op":"is-a","value":"red"},{"property":"warm","op":"=","value":"true"}]}]}`, "red crimson"},
		{"a value set", `"compose":{"include":[{"valueSet":["urn:test:reds"]}]}`, "red crimson scarlet violet"},
		{"value sets of one include intersect", `"compose":{"include":[{"valueSet":["urn:test:reds","urn:test:blues"]}]}`, "violet"},
		{"a system and a value set intersect", `"compose":{"include":[{` + colours + `,"concept":[{"code":"grey"},{"code":"violet"}],"valueSet":["urn:test:reds"]}]}`, "violet"},
		{"includes unite", `"compose":{"include":[{"valueSet":["urn:test:blues"]},{"valueSet":["urn:test:reds"]}]}`, "blue navy violet red crimson scarlet"},
		{"exclude", `"compose":{"include":[{` + colours + `}],"exclude":[{"valueSet":["urn:test:reds"]},{` + colours + `,"concept":[{"code":"grey"}]}]}`, "colour blue navy"},
		{"inactive codes are in", filter("concept", "is-a", "scarlet"), "scarlet"},
		{"unless compose says not", `"compose":{"inactive":false,"include":[{` + colours + `,"concept":[{"code":"scarlet"},{"code":"red"}]},{` + colours + `,"filter":[{"property":"concept","op":"is-a","value":"scarlet"}]}]}`, "red"},
		{"no case", `"compose":{"include":[{"system":"urn:test:loud","filter":[{"property":"concept","op":"is-a","value":"BANG"}]},{"system":"urn:test:loud","concept":[{"code":"BOOM"}]}]}`, "Bang Boom"},
		{"a hierarchy of parts subsumes nothing", `"compose":{"include":[{"system":"urn:test:rooms","filter":[{"property":"concept","op":"is-a","value":"house"}]}]}`, "house"},
		{"a circle in the hierarchy", `"compose":{"include":[{"system":"urn:test:round","filter":[{"property":"concept","op":"is-a","value":"a"}]}]}`, "a b"},
		{"a fragment", `"compose":{"include":[{"system":"urn:test:part"}]}`, "some"},
		{"an expansion alone", `"expansion":{"contains":[{"system":"x","code":"1","contains":[{"system":"x","code":"2"}]},{"system":"x","code":"3","abstract":true},{"display":"group"}]}`, "1 2"},
		{"an expansion where compose cannot be evaluated", `"compose":{"include":[{"system":"http://loinc.org"}]},"expansion":{"total":1,"contains":[{"system":"http://loinc.org","code":"1-8"}]}`, "1-8"},
		{"compose before the expansion", `"compose":{"include":[{` + colours + `,"concept":[{"code":"red"}]}]},"expansion":{"contains":[{"system":"x","code":"1"}]}`, "red"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.put(t, composed("urn:test:set", c.members))
			codes, err := terminology.New(s, terminology.Limits{}).Expand(t.Context(), "urn:test:set", 0)
			var got []string
			for _, code := range codes {
				got = append(got, code.Code)
			}
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("gives %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestWhatCannotBeToldIsAnError(t *testing.T) {
	s := newShelf(t)
	s.put(t, composed("urn:test:a", `"compose":{"include":[{"valueSet":["urn:test:b"]}]}`))
	s.put(t, composed("urn:test:b", `"compose":{"include":[{"valueSet":["urn:test:a"]}]}`))
	include := func(members string) string { return `"compose":{"include":[{` + members + `}]}` }
	for _, c := range []struct {
		name, members string
		code          outcome.Code
		want          string
	}{
		{"an unknown system", include(`"system":"http://loinc.org"`), outcome.NotSupported, "The code system http://loinc.org is not available here"},
		{"a filter over one", include(`"system":"http://loinc.org","filter":[{"property":"concept","op":"is-a","value":"1"}]`), outcome.NotSupported, "http://loinc.org is not available"},
		{"another version", include(colours + `,"version":"9"`), outcome.NotSupported, "urn:test:colours|9 is not available"},
		{"a system without concepts", include(`"system":"urn:test:absent"`), outcome.NotSupported, "The concepts of the code system urn:test:absent"},
		{"a supplement", include(`"system":"urn:test:added"`), outcome.NotSupported, "is a supplement"},
		{"excluding what is unknown", `"compose":{"include":[{"system":"http://loinc.org","concept":[{"code":"1"}]}],"exclude":[{"system":"http://loinc.org"}]}`, outcome.NotSupported, "http://loinc.org is not available"},
		{"an unknown value set inside", include(`"valueSet":["urn:test:none"]`), outcome.NotSupported, "includes the value set urn:test:none, which is not known"},
		{"a circle", include(`"valueSet":["urn:test:a"]`), outcome.Processing, "urn:test:a includes urn:test:b includes urn:test:a"},
		{"itself", include(`"valueSet":["urn:test:set"]`), outcome.Processing, "refers to itself"},
		{"no compose", `"name":"x"`, outcome.NotSupported, "neither a compose nor a whole expansion"},
		{"a page of an expansion", `"expansion":{"total":3,"contains":[{"system":"x","code":"1"}]}`, outcome.NotSupported, "neither"},
		{"nothing included", include(`"version":"1"`), outcome.Invalid, "not one of a system"},
		{"concepts without system", include(`"concept":[{"code":"1"}],"valueSet":["urn:test:none"]`), outcome.Invalid, "not one of a system"},
		{"an unknown operator", include(colours + `,"filter":[{"property":"code","op":"like","value":"x"}]`), outcome.Invalid, `operator "like"`},
		{"an unknown property", include(colours + `,"filter":[{"property":"taste","op":"=","value":"x"}]`), outcome.Invalid, `property "taste"`},
		{"an unknown code", include(colours + `,"filter":[{"property":"concept","op":"is-a","value":"pink"}]`), outcome.CodeInvalid, `the code "pink"`},
		{"is-a of a property", include(colours + `,"filter":[{"property":"warm","op":"is-a","value":"x"}]`), outcome.Invalid, "by concept or code alone"},
		{"a bad pattern", include(colours + `,"filter":[{"property":"code","op":"regex","value":"(?=x)"}]`), outcome.Invalid, "pattern"},
		{"a pattern that leaves its anchor", include(colours + `,"filter":[{"property":"code","op":"regex","value":"x)|(y"}]`), outcome.Invalid, "pattern"},
		{"exists maybe", include(colours + `,"filter":[{"property":"warm","op":"exists","value":"maybe"}]`), outcome.Invalid, "true or false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.put(t, composed("urn:test:set", c.members))
			_, err := terminology.New(s, terminology.Limits{}).Expand(t.Context(), "urn:test:set", 0)
			if !outcome.Is(err, c.code) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("gives %v; want %s: %s", err, c.code, c.want)
			}
		})
	}
}

func TestContains(t *testing.T) {
	s := newShelf(t)
	s.put(t, composed("urn:test:set", `"compose":{"include":[{"system":"urn:test:loud"},{`+colours+`,"concept":[{"code":"red"}]},
		{"system":"http://loinc.org"},{"system":"http://loinc.org","concept":[{"code":"1-8"}]},{"system":"http://snomed.info/sct","concept":[{"code":"7"}]},{"system":"urn:test:part"}]}`))
	service := terminology.New(s, terminology.Limits{})
	for _, c := range []struct {
		system, code string
		want         bool
		err          string
	}{
		{"urn:test:colours", "red", true, ""},
		{"urn:test:colours", "Red", false, ""},
		{"urn:test:colours", "blue", false, ""},
		{"urn:test:loud", "BOOM", true, ""},
		{"urn:test:loud", "shout", false, ""},
		{"http://loinc.org", "1-8", true, ""},
		{"http://loinc.org", "2-6", false, "http://loinc.org is not available"},
		{"http://snomed.info/sct", "7", true, ""},
		{"http://snomed.info/sct", "8", false, ""},
		{"urn:test:part", "some", true, ""},
		{"urn:test:part", "other", false, "only a part is available"},
		{"", "red", false, ""},
	} {
		got, err := service.Contains(t.Context(), "urn:test:set", c.system, c.code)
		if got != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s|%s: %v, %v", c.system, c.code, got, err)
		}
	}
	if _, err := service.Contains(t.Context(), "urn:test:nowhere", "x", "y"); !outcome.Is(err, outcome.NotFound) {
		t.Errorf("an unknown value set gives %v", err)
	}
}

func TestSubsumes(t *testing.T) {
	service := terminology.New(newShelf(t), terminology.Limits{})
	for _, c := range []struct {
		system, a, b string
		want         terminology.Relation
	}{
		{"urn:test:colours", "colour", "violet", terminology.Subsuming},
		{"urn:test:colours|1", "violet", "blue", terminology.SubsumedBy},
		{"urn:test:colours", "red", "red", terminology.Equivalent},
		{"urn:test:colours", "red", "blue", terminology.NotSubsumed},
		{"urn:test:loud", "BANG", "boom", terminology.Subsuming},
		{"urn:test:rooms", "house", "kitchen", terminology.NotSubsumed},
	} {
		if got, err := service.Subsumes(t.Context(), c.system, c.a, c.b); got != c.want || err != nil {
			t.Errorf("%s: %s to %s is %s, %v; want %s", c.system, c.a, c.b, got, err, c.want)
		}
	}
	for code, system := range map[string]string{"pink": "urn:test:colours", "1": "http://snomed.info/sct", "other": "urn:test:part"} {
		if _, err := service.Subsumes(t.Context(), system, code, code); err == nil {
			t.Errorf("%s|%s is known", system, code)
		}
	}
	below, err := service.Descendants(t.Context(), "urn:test:colours|1", "blue")
	if want := []terminology.Coding{{"urn:test:colours", "blue", "Blue"}, {"urn:test:colours", "navy", "Navy"}, {"urn:test:colours", "violet", "Violet"}}; !slices.Equal(below, want) || err != nil {
		t.Errorf("below blue are %v, %v", below, err)
	}
	above, err := service.Ancestors(t.Context(), "urn:test:colours", "crimson")
	if len(above) != 3 || err != nil {
		t.Errorf("above crimson are %v, %v", above, err)
	}
}

func TestAnAnswerFollowsTheDefinitions(t *testing.T) {
	s := newShelf(t)
	s.put(t, composed("urn:test:inner", `"compose":{"include":[{`+colours+`,"concept":[{"code":"red"}]}]}`))
	s.put(t, composed("urn:test:set", `"compose":{"include":[{"valueSet":["urn:test:inner"]},{"system":"urn:test:late"}]}`))
	service := terminology.New(s, terminology.Limits{})
	if _, err := service.Expand(t.Context(), "urn:test:set", 0); !outcome.Is(err, outcome.NotSupported) {
		t.Fatalf("without the system: %v", err)
	}
	s.put(t, `{"resourceType":"CodeSystem","url":"urn:test:late","content":"complete","concept":[{"code":"1"}]}`)
	if codes, err := service.Expand(t.Context(), "urn:test:set", 0); len(codes) != 2 || err != nil {
		t.Fatalf("with the system: %v, %v", codes, err)
	}
	s.put(t, composed("urn:test:inner", `"compose":{"include":[{`+colours+`,"concept":[{"code":"blue"},{"code":"navy"}]}]}`))
	if codes, err := service.Expand(t.Context(), "urn:test:set", 0); len(codes) != 3 || err != nil {
		t.Errorf("with another value set inside: %v, %v", codes, err)
	}
	if codes, err := service.On(terminology.Embedded()).Expand(t.Context(), "urn:test:set", 0); !outcome.Is(err, outcome.NotFound) {
		t.Errorf("over another source: %v, %v", codes, err)
	}
}

func TestLimits(t *testing.T) {
	s := newShelf(t)
	for i := range 20 {
		s.put(t, composed(fmt.Sprint("urn:test:", i), fmt.Sprintf(`"compose":{"include":[{"valueSet":["urn:test:%d"]},{"valueSet":["urn:test:%d"]}]}`, i+1, i+1)))
	}
	s.put(t, composed("urn:test:20", `"compose":{"include":[{`+colours+`}]}`))
	for _, c := range []struct {
		name, valueSet string
		limits         terminology.Limits
		refused        bool
	}{
		{"deep", "urn:test:0", terminology.Limits{}, true},
		{"not too deep, each twice", "urn:test:6", terminology.Limits{}, false},
		{"codes", "urn:test:20", terminology.Limits{Codes: 7}, true},
		{"parts", "urn:test:18", terminology.Limits{Parts: 4}, true},
	} {
		_, err := terminology.New(s, c.limits).Expand(t.Context(), c.valueSet, 0)
		if refused := outcome.Is(err, outcome.TooCostly); refused != c.refused || !refused && err != nil {
			t.Errorf("%s gives %v", c.name, err)
		}
	}
	if _, err := terminology.New(s, terminology.Limits{}).Expand(t.Context(), "urn:test:20", 3); !outcome.Is(err, outcome.TooCostly) {
		t.Errorf("a limit of 3 gives %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := terminology.New(s, terminology.Limits{}).Expand(ended, "urn:test:20", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	s := newShelf(t)
	service := terminology.New(s, terminology.Limits{Cached: 3, CachedCodes: 10})
	for i := range 50 {
		url := fmt.Sprint("urn:test:", i%7)
		s.put(t, composed(url, `"compose":{"include":[{`+colours+`}]}`))
		if codes, err := service.Expand(t.Context(), url, 0); len(codes) != 8 || err != nil {
			t.Fatalf("%v, %v", codes, err)
		}
		if n, weight := service.Kept(); n > 3 || weight > 10 {
			t.Fatalf("%d kept with %d codes", n, weight)
		}
	}
}

func TestManyAskAtOnce(t *testing.T) {
	s := newShelf(t)
	s.put(t, composed("urn:test:set", `"compose":{"include":[{`+colours+`},{"system":"urn:test:loud"}]}`))
	service := terminology.New(s, terminology.Limits{Cached: 1})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				set, err := service.Set(t.Context(), "urn:test:set")
				if err != nil {
					t.Error(err)
					return
				}
				if in, err := set.ContainsCode("BOOM"); !in || err != nil {
					t.Errorf("BOOM is %v, %v", in, err)
				}
				if _, err := service.Descendants(t.Context(), "urn:test:colours", "red"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
