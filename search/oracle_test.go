package search_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/search"
)

// oracleLine is one resource of the search-value oracle: by parameter, the elements that its
// expression selects, as another implementation of FHIRPath has them.
type oracleLine struct {
	File, Name, ResourceType string
	Values                   map[string][]any
}

// oracleDifferences are the cases where we mean to differ.
var oracleDifferences = map[string]string{
	"CarePlan-f001.json activity-date":                  "the value is a string, which is no date",
	"CarePlan-f002.json activity-date":                  "the same",
	"Observation-1minute-apgar-score.json patient":      "the oracle does not look into contained resources for the type of a reference",
	"Observation-20minute-apgar-score.json patient":     "the same",
	"QuestionnaireResponse-3141.json patient":           "the same",
	"Observation-decimal.json combo-value-quantity":     "the oracle's numbers are binary: its union takes 1E-245 for equal to 1E-22",
	"Observation-decimal.json component-value-quantity": "the same",
	"Observation-f205.json combo-value-quantity":        "the oracle's engine cannot compare quantities in mL/min/{1.73_m2} and leaves them out",
	"Observation-f205.json component-value-quantity":    "the same",
	"Provenance-example-biocompute-object.json entity":  "show writes the type of the identifier, the oracle's values are compared without",
}

func TestTheSearchValueOracleAgrees(t *testing.T) {
	p := newParameters(t)
	examples := map[string]resources.Element{}
	seen, compared := map[string]bool{}, 0
	for line := range lines(t, "suites/search-oracle/search-values.ndjson.gz") {
		var o oracleLine
		decoder := json.NewDecoder(strings.NewReader(string(line)))
		decoder.UseNumber()
		if err := decoder.Decode(&o); err != nil {
			t.Fatal(err)
		}
		if !seen[o.File] {
			seen[o.File] = true
			readExamples(t, o.File, examples)
		}
		e, ok := examples[o.File+"/"+o.Name]
		if !ok {
			t.Fatalf("the example %s/%s is missing", o.File, o.Name)
		}
		entries, err := p.Extract(context.Background(), e)
		if err != nil {
			t.Fatal(err)
		}
		if id := e.First("id").Text(); id != "" {
			entries = append(entries, p.Own(id, time.Time{})...)
		}
		compared += compareWithOracle(t, p, o, entries)
	}
	if compared < 6000 {
		t.Errorf("only %d lists of values were compared", compared)
	}
}

// readExamples reads a file of examples by the names of its index.
func readExamples(t *testing.T, file string, into map[string]resources.Element) {
	t.Helper()
	index := strings.Split(strings.TrimSpace(readShared(t, filepath.Join("examples", file+".index.tsv"))), "\n")[1:]
	i := 0
	for line := range lines(t, "examples/"+file+".ndjson.gz") {
		doc, err := resources.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		e, err := doc.Resource()
		if err != nil {
			t.Fatal(err)
		}
		into[file+"/"+strings.Split(index[i], "\t")[1]] = e
		i++
	}
}

func compareWithOracle(t *testing.T, p *search.Parameters, o oracleLine, entries []search.Entry) int {
	t.Helper()
	ours := map[string][]string{}
	for _, e := range entries {
		if e.Param.Type != search.TypeComposite && e.Param != p.LastUpdated() {
			ours[e.Param.Code] = append(ours[e.Param.Code], brief(e.Value))
		}
	}
	count := 0
	for _, param := range p.Of(o.ResourceType) {
		if param.Type == search.TypeComposite || param == p.LastUpdated() || param.SearchesWords() {
			continue
		}
		var theirs []string
		for _, v := range o.Values[param.Code] {
			theirs = append(theirs, oracleValues(param, v)...)
		}
		got, want := set(ours[param.Code]), set(theirs)
		count++
		differs := oracleDifferences[o.Name+" "+param.Code] != ""
		if slices.Equal(got, want) && differs {
			t.Errorf("%s %s agrees, but is listed as different", o.Name, param.Code)
		}
		if !slices.Equal(got, want) && !differs {
			t.Errorf("%s/%s %s gives\n  %s\nthe oracle has\n  %s", o.File, o.Name, param.Code, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	return count
}

func set(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// brief is a value as oracleValues writes it.
func brief(v search.Value) string {
	switch v := v.(type) {
	case search.StringValue:
		return v.Text
	case search.TokenValue:
		if v.System == "" && v.Code == "" {
			return "~" + v.Text
		}
		return v.System + "|" + v.Code
	case search.QuantityValue:
		return briefNumber(v.Low) + " " + briefNumber(v.High) + " " + v.Code
	case search.NumberValue:
		return briefNumber(v.Low) + " " + briefNumber(v.High)
	}
	return show(v)
}

func briefNumber(d *apd.Decimal) string {
	if d == nil {
		return "any"
	}
	reduced, _ := new(apd.Decimal).Reduce(d)
	return reduced.Text('f')
}

// oracleValues writes an element of the oracle as brief writes what it should become.
func oracleValues(param *search.Parameter, v any) []string {
	object, _ := v.(map[string]any)
	text := func(names ...string) string {
		at := any(object)
		for _, name := range names {
			m, _ := at.(map[string]any)
			at = m[name]
		}
		return plain(at)
	}
	switch param.Type {
	case search.TypeToken:
		return oracleTokens(v, object, text)
	case search.TypeReference:
		return oracleReferences(v, object, text)
	case search.TypeDate:
		return oracleDates(v, object, text)
	case search.TypeQuantity:
		if object["low"] != nil || object["high"] != nil {
			return []string{number(text("low", "value")) + " " + number(text("high", "value")) + " " + text("low", "code")}
		}
		code := text("code")
		if code == "" {
			code = text("currency")
		}
		return []string{number(text("value")) + " " + number(text("value")) + " " + code}
	case search.TypeNumber:
		return []string{number(plain(v)) + " " + number(plain(v))}
	case search.TypeSpecial: // near
		return []string{text("latitude") + " " + text("longitude")}
	case search.TypeString:
		if object != nil {
			return leaves(object)
		}
	}
	return []string{plain(v)}
}

func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}

func number(text string) string {
	d, err := datatypes.ParseDecimal(text)
	if err != nil {
		return "any"
	}
	return briefNumber(d)
}

// leaves are the parts of a HumanName or Address that are searched.
func leaves(object map[string]any) []string {
	var list []string
	for name, v := range object {
		if slices.Contains([]string{"use", "type", "period", "id", "extension"}, name) || strings.HasPrefix(name, "_") {
			continue
		}
		items, ok := v.([]any)
		if !ok {
			items = []any{v}
		}
		for _, item := range items {
			if text := plain(item); text != "" {
				list = append(list, text)
			}
		}
	}
	return list
}

func oracleTokens(v any, object map[string]any, text func(...string) string) []string {
	contact := slices.Contains([]string{"phone", "fax", "email", "pager", "url", "sms", "other"}, text("system"))
	switch {
	case object == nil:
		return []string{"|" + plain(v)}
	case object["coding"] != nil || object["text"] != nil:
		var list []string
		codings, _ := object["coding"].([]any)
		for _, c := range codings {
			coding, _ := c.(map[string]any)
			list = append(list, oracleCoding(plain(coding["system"]), plain(coding["code"]), plain(coding["display"]))...)
		}
		return append(list, oracleCoding("", "", text("text"))...)
	case contact:
		return oracleCoding("", text("value"), "")
	case object["value"] != nil:
		return oracleCoding(text("system"), text("value"), "")
	}
	return oracleCoding(text("system"), text("code"), text("display"))
}

func oracleCoding(system, code, display string) []string {
	switch {
	case system != "" || code != "":
		return []string{system + "|" + code}
	case display != "":
		return []string{"~" + search.Fold(display)}
	}
	return nil
}

func oracleReferences(v any, object map[string]any, text func(...string) string) []string {
	url := plain(v)
	switch {
	case object["resourceType"] != nil:
		return []string{text("resourceType") + "/" + text("id")}
	case object != nil && object["reference"] == nil:
		if text("identifier", "value") == "" {
			return nil
		}
		id := text("identifier", "system") + "|" + text("identifier", "value")
		return []string{id + " = " + id}
	case object != nil:
		url = text("reference")
	}
	url, version, versioned := strings.Cut(url, "|")
	if before, after, ok := strings.Cut(url, "/_history/"); ok {
		url, version, versioned = before, after, true
	}
	if versioned {
		url += "|" + version
	}
	if id := text("identifier", "value"); id != "" {
		url += " = " + text("identifier", "system") + "|" + id
	}
	return []string{url}
}

func oracleDates(v any, object map[string]any, text func(...string) string) []string {
	span := func(low, high string) string {
		s := search.DateValue{Low: search.MinTime, High: search.MaxTime}
		if at, err := datatypes.ParseDateTime(low); err == nil {
			from, _ := at.Range(time.UTC)
			s.Low = from.UnixMicro()
		}
		if at, err := datatypes.ParseDateTime(high); err == nil {
			_, to := at.Range(time.UTC)
			s.High = max(to.UnixMicro(), s.Low+1)
		}
		return show(s)
	}
	switch {
	case object == nil:
		return []string{span(plain(v), plain(v))}
	case object["start"] != nil || object["end"] != nil:
		return []string{span(text("start"), text("end"))}
	case object["repeat"] != nil && text("repeat", "boundsPeriod", "start") != "":
		return []string{span(text("repeat", "boundsPeriod", "start"), text("repeat", "boundsPeriod", "end"))}
	}
	events, _ := object["event"].([]any)
	if len(events) == 0 {
		return nil
	}
	return []string{span(plain(events[0]), plain(events[len(events)-1]))}
}
