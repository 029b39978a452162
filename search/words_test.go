package search_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kiln/resources/outcome"
	"kiln/search"
)

func words(p *search.Parameters, t *testing.T, typ, name, value string) (*search.Query, error) {
	t.Helper()
	var types []string
	if typ != "" {
		types = []string{typ}
	}
	q, _, err := p.Parse(types, []search.NameValue{{Name: name, Value: value}}, search.ParseOptions{})
	return q, err
}

func TestWordQueriesBecomeTrees(t *testing.T) {
	p := newParameters(t)
	for _, c := range []struct{ value, want string }{
		{"pain", "pain"},
		{"Pain*", "pain*"},
		{"severe pain", "and(severe, pain)"},
		{"severe AND pain", "and(severe, pain)"},
		{"(bone OR liver) and metastases", "and(or(bone, liver), metastases)"},
		{"a or b c or d", "or(a, and(b, c), d)"},
		{"not a b", "and(not(a), b)"},
		{"a NOT (b OR c)", "and(a, not(or(b, c)))"},
		{"NOT NOT a", "not(not(a))"},
		{`"severe  Head-ache" x`, "and(severe head ache, x)"},
		{`"and" "Or" orange`, "and(and, or, orange)"},
		{"8480-6", "8480 6"},
		{"mm[Hg]", "mm hg"},
		{"O'Brien", "obrien"},
		{"3.5*", "3 5*"},
		{"山田", "山 田"},
		{"a,b c", "or(a, and(b, c))"},
		{`a\,b`, "a b"},
		{`("a\, b")`, "a b"},
		{"((a))", "a"},
		{"x(y)z", "and(x, y, z)"},
	} {
		q, err := words(p, t, "Patient", "_content", c.value)
		if err != nil {
			t.Errorf("%s: %v", c.value, err)
			continue
		}
		if got := strings.ReplaceAll(showTree(q.Branches[0].Filter), "_content=", ""); got != c.want {
			t.Errorf("%s is %s; want %s", c.value, got, c.want)
		}
	}
}

func TestWordQueriesAreRefused(t *testing.T) {
	p := newParameters(t)
	for _, c := range []struct{ typ, name, value, want string }{
		{"Patient", "_content", "", "a word is missing at the end"},
		{"Patient", "_content", "a,", "a word is missing at the end"},
		{"Patient", "_text", "a AND", `The parameter "_text" is wrong: a word is missing at the end; expected words with AND, OR and NOT`},
		{"Patient", "_text", "OR a", "a word is missing before OR"},
		{"Patient", "_text", "(a OR) b", "a word is missing before )"},
		{"Patient", "_text", "a NOT", "a word is missing at the end"},
		{"Patient", "_text", "a)", `"a)" closes a parenthesis that is not open`},
		{"Patient", "_text", "(a", `a parenthesis is not closed in "(a"`},
		{"Patient", "_text", "(a,b)", "write OR inside of them"},
		{"Patient", "_text", `"a`, `a quote is not closed in "\"a"`},
		{"Patient", "_text", "a*b", `"a*b" has a star that is not at the end of a word`},
		{"Patient", "_text", "-a", `"-a" begins with a minus; write NOT`},
		{"Patient", "_text", "a ...", `... has no letter or digit to look for`},
		{"Patient", "_text", "*", `wrong: * has no letter or digit to look for`},
		{"Patient", "_text", `""`, `"" has no letter or digit to look for`},
		{"Patient", "_text", `a\b`, "has a backslash that escapes nothing"},
		{"Patient", "_text", strings.Repeat("(", 40) + "a" + strings.Repeat(")", 40), "nest more than 32 deep"},
		{"Patient", "_text", strings.Repeat("NOT ", 1<<17) + "a", "the parameter \"_text\" is longer than"},
		{"Patient", "_text", strings.Repeat("not ", 1<<15) + "a", "nest more than 32 deep"},
		{"Patient", "_text", strings.Repeat("a ", 201), `The parameter "_text" has more than 200 words.`},
		{"Patient", "_text", strings.Repeat("a,", 200) + "a", `The parameter "_text" has more than 200 words.`},
		{"Patient", "_text:exact", "a", `The parameter "_text" takes neither a modifier nor a chain.`},
		{"Patient", "_content:missing", "true", `The parameter "_content" takes neither a modifier nor a chain.`},
		{"Patient", "_content.name", "a", `The parameter "_content" takes neither a modifier nor a chain.`},
		{"Bundle", "_text", "a", `"_text" is not a search parameter of Bundle`},
		{"Patient", "_sort", "_content", `"_content" is a special parameter, which has no order`},
		{"Patient", "_filter", "_content eq x", `"_content" cannot stand inside of _filter`},
	} {
		_, err := words(p, t, c.typ, c.name, c.value)
		if refusal := outcome.As(err); refusal == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s?%s=%.60s gives %v; want %s", c.typ, c.name, c.value, err, c.want)
		}
	}
}

func TestWordsCriterionMatch(t *testing.T) {
	v := search.WordsValue{Text: "\nhead ache of a head\nacher\n"}
	for _, c := range []struct {
		words  string
		prefix bool
		want   bool
	}{
		{"head", false, true},
		{"ache", false, true},
		{"acher", false, true},
		{"of a", false, true},
		{"head ache of", false, true},
		{"hea", false, false},
		{"che", false, false},
		{"che", true, false},
		{"hea", true, true},
		{"ach", true, true},
		{"head a", true, true},
		{"head a", false, false},
		{"head acher", false, false},
		{"a h", true, true},
		{"head of", false, false},
		{"acher x", false, false},
		{"ead", false, false},
	} {
		if got := (search.WordsCriterion{Words: c.words, Prefix: c.prefix}).Match(v); got != c.want {
			t.Errorf("%q (prefix %v) matches: %v", c.words, c.prefix, got)
		}
		if (search.WordsCriterion{Words: c.words, Prefix: c.prefix}).Match(search.WordsValue{}) {
			t.Errorf("%q matches nothing", c.words)
		}
	}
}

// TestWordsCriterionMatchesWordByWord holds Match against a comparison of lists.
func TestWordsCriterionMatchesWordByWord(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	vocabulary := []string{"a", "b", "aa", "ab", "ba", "山"}
	some := func(most int) []string {
		list := make([]string, 1+r.IntN(most))
		for i := range list {
			list[i] = vocabulary[r.IntN(len(vocabulary))]
		}
		return list
	}
	matched := 0
	for range 20_000 {
		text, lines := "\n", [][]string{}
		for range 1 + r.IntN(3) {
			line := some(5)
			text += strings.Join(line, " ") + "\n"
			lines = append(lines, line)
		}
		wanted, prefix := some(3), r.IntN(3) == 0
		want := slices.ContainsFunc(lines, func(line []string) bool { return follows(line, wanted, prefix) })
		if got := (search.WordsCriterion{Words: strings.Join(wanted, " "), Prefix: prefix}).Match(search.WordsValue{Text: text}); got != want {
			t.Fatalf("%q (prefix %v) in %q: %v", wanted, prefix, text, got)
		}
		if want {
			matched++
		}
	}
	if matched < 2000 {
		t.Errorf("only %d match", matched)
	}
}

// follows reports whether the words stand in the line, the last of them as a prefix at will.
func follows(line, words []string, prefix bool) bool {
	for i := 0; i+len(words) <= len(line); i++ {
		found := true
		for k, word := range words {
			same := line[i+k] == word || prefix && k == len(words)-1 && strings.HasPrefix(line[i+k], word)
			found = found && same
		}
		if found {
			return true
		}
	}
	return false
}

func TestWordsOfAResource(t *testing.T) {
	for _, c := range []struct{ name, text, narrative, content string }{
		{"nothing", `{"resourceType":"Patient","id":"some-id","active":true,"birthDate":"1970-01-02"}`, "", ""},
		{
			"texts, displays, codes, names, identifiers and units",
			`{"resourceType":"Observation","status":"final","identifier":[{"system":"http://a.example","value":"MRN-12"}],
			"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic"}],"text":"Blood pressure"},
			"valueQuantity":{"value":120.5,"unit":"mm[Hg]","code":"mm[Hg]"},"note":[{"text":"All *fine*."}]}`,
			"", "final|mrn 12|8480 6|systolic|blood pressure|mm hg|mm hg|all fine",
		},
		{
			"no addresses, ids, times and base64",
			`{"resourceType":"DocumentReference","id":"i","meta":{"profile":["http://p.example"],"lastUpdated":"2024-01-01T00:00:00Z"},
			"subject":{"id":"e1","reference":"Patient/p","display":"Ada"},"date":"2024-01-01T00:00:00Z","content":[{"attachment":{"data":"aGVsbG8=","url":"http://u.example"}}]}`,
			"", "ada",
		},
		{
			"extensions, also those of values, and contained resources",
			`{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"North"}],"extension":[{"url":"urn:x","valueMarkdown":"deep *x*"}],
			"_birthDate":{"extension":[{"url":"urn:y","valueString":"about then"}]},"gender":"male","_gender":{"extension":[{"url":"urn:y","valueCode":"said"}]}}`,
			"", "north|deep x|about then|male|said",
		},
		{
			"the narrative, of which inline tags part no words",
			`{"resourceType":"Patient","name":[{"family":"Lind"}],"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"hidden\">Hyper<b>tension</b> &amp; more<br/>caf&#233; a&nbsp;b</p><!-- no --><script>var x</script>end</div>"}}`,
			"hypertension more|cafe a b|end", "hypertension more|cafe a b|end|lind|generated",
		},
		{
			"narratives of parts are content",
			`{"resourceType":"Composition","status":"final","section":[{"title":"One","text":{"status":"additional","div":"<div>part <i>a</i></div>"}}]}`,
			"", "final|one|additional|part a",
		},
		{
			"a narrative that is no XHTML",
			`{"resourceType":"Patient","text":{"div":"<div <b>x</b> & y &zz; < z <!-- never <p>ends"}}`, "x y zz z", "x y zz z",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			narrative, content := search.Words(document(t, c.text))
			show := func(v search.WordsValue) string {
				return strings.ReplaceAll(strings.Trim(v.Text, "\n"), "\n", "|")
			}
			if got := show(narrative); got != c.narrative {
				t.Errorf("the narrative has the words %q; want %q", got, c.narrative)
			}
			if got := show(content); got != c.content {
				t.Errorf("the content has the words %q; want %q", got, c.content)
			}
			if !strings.HasPrefix(content.Text, narrative.Text) || narrative.Text != "" && !strings.HasSuffix(narrative.Text, "\n") {
				t.Errorf("%q does not begin with %q", content.Text, narrative.Text)
			}
		})
	}
}

func TestWordsOfTheWholeSystemAndOfChains(t *testing.T) {
	p := newParameters(t)
	if q, err := words(p, t, "", "_text", "a"); err != nil || q.Branches[0].Type != "" || showTree(q.Branches[0].Filter) != "_text=a" {
		t.Errorf("the whole system: %v, %v", q, err)
	}
	q, err := words(p, t, "Observation", "subject:Patient._text", "a b*")
	if err != nil || showTree(q.Branches[0].Filter) != "subject->Patient(and(_text=a, _text=b*))" {
		t.Errorf("a chain: %v, %v", q, err)
	}
	if p.Lookup("Patient", "_text") != p.Lookup("", "_text") || p.Lookup("Observation", "_content") != p.Lookup("", "_content") {
		t.Error("types do not share the parameters of words")
	}
}
