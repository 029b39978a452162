package search_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"kiln/resources"
)

// foreignIndex is one index value that another server expects of a resource.
type foreignIndex struct {
	Code, Type string
	Value      struct {
		System, Code             string
		ResourceType, ResourceID string
		String, URI              string
	}
}

// foreignSystems: that server puts the system of its binding beside a code.
var foreignSystems = map[string]bool{"relation": true, "status": true}

func TestTheIndexesOfAnotherServerAreThere(t *testing.T) {
	p := newParameters(t)
	files := map[string]json.RawMessage{}
	for line := range lines(t, "suites/ms-fhir-server/files.ndjson.gz") {
		var file struct {
			Name    string
			Content json.RawMessage
		}
		if err := json.Unmarshal(line, &file); err != nil {
			t.Fatal(err)
		}
		files[file.Name] = content(t, file.Content)
	}
	compared := 0
	for name, list := range files {
		subject, ok := strings.CutSuffix(name, ".indexes.json")
		if !ok {
			continue
		}
		doc, err := resources.Parse(files[subject+".json"])
		if err != nil {
			t.Fatal(err)
		}
		e, err := doc.Resource()
		if err != nil {
			t.Fatal(err)
		}
		entries, err := p.Extract(context.Background(), e)
		if err != nil {
			t.Fatal(err)
		}
		ours := map[string][]string{}
		for _, entry := range entries {
			ours[entry.Param.Code] = append(ours[entry.Param.Code], brief(entry.Value))
		}
		var indexes []foreignIndex
		if err := json.Unmarshal(list, &indexes); err != nil {
			t.Fatal(err)
		}
		for _, index := range indexes {
			want, ok := index.brief()
			if !ok || index.Code == "_id" {
				continue
			}
			compared++
			// A reference may show its identifier too.
			if !slices.ContainsFunc(ours[index.Code], func(v string) bool { return v == want || strings.HasPrefix(v, want+" = ") }) {
				t.Errorf("%s has no %s %q, only %q", name, index.Code, want, ours[index.Code])
			}
		}
	}
	if compared < 20 {
		t.Errorf("only %d values were compared", compared)
	}
}

// content is a file of the suite as JSON text; some are held as strings.
func content(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	if len(raw) == 0 || raw[0] != '"' {
		return raw
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(strings.TrimPrefix(text, "\ufeff"))
}

func (i foreignIndex) brief() (string, bool) {
	switch i.Type {
	case "Token":
		if foreignSystems[i.Code] {
			i.Value.System = ""
		}
		return i.Value.System + "|" + i.Value.Code, true
	case "Reference":
		return i.Value.ResourceType + "/" + i.Value.ResourceID, true
	case "String":
		return i.Value.String, true
	case "Uri":
		return i.Value.URI, true
	}
	return "", false
}
