package rest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kiln/fhir/rest"
	"kiln/resources/definitions"
)

// statement is what the test reads of a CapabilityStatement.
type statement struct {
	ResourceType, FHIRVersion, Kind, Status string
	Format, PatchFormat                     []string
	Rest                                    []struct {
		Mode        string
		Interaction []struct{ Code string }
		SearchParam []searchParam
		Operation   []claimedOperation
		Resource    []struct {
			Type              string
			Interaction       []struct{ Code string }
			SearchParam       []searchParam
			Operation         []claimedOperation
			Versioning        string
			ReadHistory       bool
			UpdateCreate      bool
			ConditionalCreate bool
			ConditionalRead   string
			ConditionalUpdate bool
			ConditionalDelete string
			SearchInclude     []string
			SearchRevInclude  []string
		}
	}
}

type (
	searchParam      struct{ Name, Type string }
	claimedOperation struct{ Name, Definition string }
)

// metadata fetches the statement.
func metadata(t *testing.T, h http.Handler) statement {
	t.Helper()
	answer := call(h, http.MethodGet, "/fhir/metadata", "")
	var s statement
	if err := json.Unmarshal(answer.Body.Bytes(), &s); answer.Code != http.StatusOK || err != nil || s.ResourceType != "CapabilityStatement" {
		t.Fatalf("GET /metadata answers %d, %v: %.300s", answer.Code, err, answer.Body)
	}
	if len(s.Rest) != 1 || s.FHIRVersion != "4.0.1" {
		t.Fatalf("the statement has %d rest parts and FHIR version %q", len(s.Rest), s.FHIRVersion)
	}
	return s
}

// claims tells for each interaction code of a type how to ask for it, on a resource {id} that is
// there, and which status shows that the server does it.
var claims = map[string]struct {
	method, path, body string
	want               int
}{
	"update":           {"PUT", "{type}/x", `{"resourceType":"{type}","id":"x"}`, 201},
	"read":             {"GET", "{type}/x", "", 200},
	"vread":            {"GET", "{type}/x/_history/1", "", 200},
	"patch":            {"PATCH", "{type}/x", `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"{type}"},{"name":"name","valueString":"language"},{"name":"value","valueCode":"en"}]}]}`, 200},
	"create":           {"POST", "{type}", `{"resourceType":"{type}"}`, 201},
	"history-instance": {"GET", "{type}/x/_history", "", 200},
	"history-type":     {"GET", "{type}/_history", "", 200},
	"search-type":      {"GET", "{type}?_id=x", "", 200},
	"delete":           {"DELETE", "{type}/x", "", 204},
}

// order is that in which a resource can go through all of them.
var order = []string{"update", "read", "vread", "patch", "create", "history-instance", "history-type", "search-type", "delete"}

func TestMetadataClaimsInteractions(t *testing.T) {
	h := newHandler(t, rest.Options{})
	s := metadata(t, h)
	if got, want := len(s.Rest[0].Resource), len(definitions.R4().ResourceNames()); got != want {
		t.Errorf("the statement lists %d types, R4 has %d", got, want)
	}
	for _, resource := range s.Rest[0].Resource {
		t.Run(resource.Type, func(t *testing.T) {
			claimed := map[string]bool{}
			for _, interaction := range resource.Interaction {
				claimed[interaction.Code] = true
				if _, known := claims[interaction.Code]; !known {
					t.Errorf("the test cannot check the interaction %q", interaction.Code)
				}
			}
			for _, code := range order {
				if !claimed[code] {
					t.Errorf("%s is not claimed", code)
					continue
				}
				c := claims[code]
				fill := strings.NewReplacer("{type}", resource.Type)
				answer := call(h, c.method, "/fhir/"+fill.Replace(c.path), fill.Replace(c.body), "Accept: application/fhir+json")
				if answer.Code != c.want {
					t.Errorf("%s is claimed, but %s %s answers %d: %.300s", code, c.method, fill.Replace(c.path), answer.Code, answer.Body)
				}
			}
		})
	}
	for _, interaction := range s.Rest[0].Interaction {
		if answer := systemClaims[interaction.Code](h); answer != http.StatusOK {
			t.Errorf("%s is claimed for the system and answers %d", interaction.Code, answer)
		}
	}
}

// systemClaims ask for the interactions of the whole system.
var systemClaims = map[string]func(http.Handler) int{
	"transaction": func(h http.Handler) int {
		return call(h, http.MethodPost, "/fhir", `{"resourceType":"Bundle","type":"transaction"}`).Code
	},
	"batch": func(h http.Handler) int {
		return call(h, http.MethodPost, "/fhir", `{"resourceType":"Bundle","type":"batch"}`).Code
	},
	"search-system":  func(h http.Handler) int { return call(h, http.MethodGet, "/fhir?_type=Patient", "").Code },
	"history-system": func(h http.Handler) int { return call(h, http.MethodGet, "/fhir/_history", "").Code },
}

// plausible are values by type of parameter, and by code for those of type special.
var plausible = map[string]string{
	"number": "1", "date": "2020-01-01", "string": "a", "token": "a", "quantity": "1", "uri": "http://example.org/a", "reference": "",
	"near": "1|2|3|km", "_filter": "_id eq a", "_has": "", "_list": "a",
}

func TestMetadataClaimsSearchParameters(t *testing.T) {
	h := newHandler(t, rest.Options{})
	count := 0
	for _, resource := range metadata(t, h).Rest[0].Resource {
		t.Run(resource.Type, func(t *testing.T) {
			for _, p := range resource.SearchParam {
				count++
				value := plausibleValue(t, resource.Type, p)
				address := "/fhir/" + resource.Type + "?" + url.QueryEscape(p.Name) + "=" + url.QueryEscape(value)
				if answer := call(h, http.MethodGet, address, ""); answer.Code != http.StatusOK {
					t.Errorf("%s is claimed, but %s answers %d: %.300s", p.Name, address, answer.Code, answer.Body)
				}
			}
			for name, values := range map[string][]string{"_include": resource.SearchInclude, "_revinclude": resource.SearchRevInclude} {
				for _, value := range values {
					if answer := call(h, http.MethodGet, "/fhir/"+resource.Type+"?"+name+"="+url.QueryEscape(value), ""); answer.Code != http.StatusOK {
						t.Errorf("%s=%s is claimed, but answers %d: %.300s", name, value, answer.Code, answer.Body)
					}
				}
			}
		})
	}
	if count < 1500 {
		t.Errorf("only %d search parameters are claimed", count)
	}
}

func plausibleValue(t *testing.T, typ string, p searchParam) string {
	t.Helper()
	def := definitions.R4().SearchParameter(typ, p.Name)
	switch {
	case p.Type == "reference" && def != nil && len(def.Targets) > 0 && definitions.R4().Resource(def.Targets[0]) != nil:
		return def.Targets[0] + "/a"
	case p.Type == "reference":
		return "Patient/a"
	case p.Type == "composite":
		var parts []string
		for _, component := range def.Components {
			of := definitions.R4().SearchParameterByURL(component.URL)
			parts = append(parts, plausibleValue(t, typ, searchParam{of.Code, of.Type}))
		}
		return strings.Join(parts, "$")
	case p.Type == "special":
		return plausible[p.Name]
	}
	value, known := plausible[p.Type]
	if !known {
		t.Errorf("the parameter %s has the unknown type %q", p.Name, p.Type)
	}
	return value
}

// TestMetadataClaimsOperations calls each operation where it is claimed. With an empty body it may
// refuse what is missing, but it must be there.
func TestMetadataClaimsOperations(t *testing.T) {
	h := newHandler(t, rest.Options{})
	s := metadata(t, h)
	check := func(address string, o claimedOperation) {
		if o.Definition == "" {
			t.Errorf("$%s names no definition", o.Name)
		}
		answer := call(h, http.MethodPost, address+"$"+strings.TrimPrefix(o.Name, "$"), `{"resourceType":"Parameters"}`)
		if answer.Code == http.StatusNotFound || answer.Code == http.StatusMethodNotAllowed || answer.Code >= 500 {
			t.Errorf("$%s is claimed at %s, but answers %d: %.300s", o.Name, address, answer.Code, answer.Body)
		}
	}
	operations := 0
	for _, o := range s.Rest[0].Operation {
		operations++
		check("/fhir/", o)
	}
	for _, resource := range s.Rest[0].Resource {
		for _, o := range resource.Operation {
			operations++
			check("/fhir/"+resource.Type+"/", o)
		}
	}
	if operations == 0 {
		t.Error("no operation is claimed")
	}
}

func TestMetadataModes(t *testing.T) {
	h := newHandler(t, rest.Options{})
	for mode, want := range map[string]string{"full": "CapabilityStatement", "normative": "CapabilityStatement", "terminology": "TerminologyCapabilities"} {
		answer := call(h, http.MethodGet, "/fhir/metadata?mode="+mode, "")
		if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), `"resourceType":"`+want+`"`) {
			t.Errorf("mode %s answers %d: %.200s", mode, answer.Code, answer.Body)
		}
	}
	if answer := call(h, http.MethodGet, "/fhir/metadata?mode=nonsense", ""); answer.Code != http.StatusBadRequest {
		t.Errorf("an unknown mode answers %d", answer.Code)
	}
}
