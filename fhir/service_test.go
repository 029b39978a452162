package fhir_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// harness is a service with short forms; a call that must not fail fails the test.
type harness struct {
	testing.TB
	*fhir.Service
}

func open(t testing.TB) harness { return with(t, fhir.Options{}) }

func with(t testing.TB, options fhir.Options) harness {
	t.Helper()
	if options.Now == nil {
		options.Now = fhirtest.Clock()
	}
	if options.Parameters == nil {
		options.Parameters = fhirtest.Parameters(t).Copy()
	}
	return harness{t, fhirtest.NewService(t, newEngine(t, options.Now, options.Parameters), options)}
}

func (h harness) doc(text string) *resources.Document {
	h.Helper()
	return fhirtest.Doc(h, text)
}

// create stores a resource and gives its key.
func (h harness) create(text string) store.Key {
	h.Helper()
	doc := h.doc(text)
	result, err := h.Create(h.Context(), fhir.CreateRequest{Type: doc.Text(doc.Member(0, "resourceType")), Resource: doc})
	if err != nil {
		h.Fatalf("creating %s: %v", text, err)
	}
	return result.Version.Key
}

// put stores a resource under its own id.
func (h harness) put(text string) fhir.Result {
	h.Helper()
	doc := h.doc(text)
	key := store.Key{Type: doc.Text(doc.Member(0, "resourceType")), ID: doc.Text(doc.Member(0, "id"))}
	result, err := h.Update(h.Context(), fhir.UpdateRequest{Key: key, Resource: doc})
	if err != nil {
		h.Fatalf("updating %s: %v", text, err)
	}
	return result
}

func (h harness) remove(key store.Key) {
	h.Helper()
	if _, err := h.Delete(h.Context(), fhir.DeleteRequest{Key: key}); err != nil {
		h.Fatalf("deleting %s: %v", key, err)
	}
}

// body reads a resource.
func (h harness) body(key store.Key) string {
	h.Helper()
	v, err := h.Read(h.Context(), key)
	if err != nil {
		h.Fatalf("reading %s: %v", key, err)
	}
	return string(v.Body)
}

// count is the number of matches.
func (h harness) count(typ, query string) int64 {
	h.Helper()
	bundle, err := h.Search(h.Context(), fhir.SearchRequest{Type: typ, Query: query + "&_summary=count"})
	if err != nil {
		h.Fatal(err)
	}
	return bundle.Total
}

func (h harness) search(typ, query string) *fhir.Bundle {
	h.Helper()
	bundle, err := h.Search(h.Context(), fhir.SearchRequest{Type: typ, Query: query})
	if err != nil {
		h.Fatalf("%s?%s: %v", typ, query, err)
	}
	return bundle
}

// names lists the entries of a Bundle: "Patient/1", with the mode where it is no match.
func names(b *fhir.Bundle) string {
	var list []string
	for _, e := range b.Entries {
		name := strings.TrimPrefix(e.FullURL, fhirtest.BaseURL+"/")
		if e.Mode != "" && e.Mode != "match" {
			name = strings.TrimPrefix(e.Mode+" "+name, " ")
		}
		list = append(list, strings.TrimSpace(name))
	}
	return strings.Join(list, ", ")
}

// wantRefusal checks that an error is a refusal of a code and stage, and says the words.
func wantRefusal(t testing.TB, err error, code outcome.Code, stage outcome.Stage, words ...string) {
	t.Helper()
	var refused *outcome.Error
	if !errors.As(err, &refused) {
		t.Fatalf("got %v; want a refusal with the code %s", err, code)
	}
	if refused.Code() != code || refused.Stage != stage {
		t.Errorf("got code %s, stage %d (%v); want %s, %d", refused.Code(), refused.Stage, refused, code, stage)
	}
	text := fmt.Sprint(refused, refused.Issues)
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("the refusal %q does not say %q", text, word)
		}
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v; want %v", what, got, want)
	}
}

// answer is a Bundle as a client reads it.
type answer struct {
	ResourceType, Type string
	Total              *int
	Link               []struct{ Relation, URL string }
	Entry              []struct {
		FullURL  string
		Resource json.RawMessage
		Search   struct{ Mode string }
		Request  struct{ Method, URL string }
		Response struct {
			Status, Location, ETag, LastModified string
			Outcome                              json.RawMessage
		}
	}
}

// decode reads a Bundle, which must be a valid one.
func decode(t testing.TB, b *fhir.Bundle) answer {
	t.Helper()
	var a answer
	text := b.AppendJSON(nil)
	element, err := fhirtest.Doc(t, string(text)).Resource()
	if err != nil {
		t.Fatal(err)
	}
	if err := fhirtest.Validator.Check(t.Context(), element); err != nil {
		t.Errorf("the Bundle is not valid: %v in %s", err, text)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return a
}

// fhirtestDoc is for goroutines that may not end a test.
func fhirtestDoc(text string) *resources.Document {
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return doc
}

// newUUIDs makes ids that look random.
func newUUIDs() func() string { return uuid.NewString }
