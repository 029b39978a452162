package server

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"kiln/auth"
	"kiln/fhir"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// hospital is what the authorization server asks of the records, always as somebody.
type hospital struct {
	service *fhir.Service
}

// patientRow is a patient as the picker shows them.
type patientRow struct{ ID, Name, Birth string }

const pickerRows = 50

// own are the patients that a person is or may act for.
func (h hospital) own(ctx context.Context, fhirUser string) ([]string, error) {
	typ, id, _ := strings.Cut(fhirUser, "/")
	switch typ {
	case "Patient":
		return []string{id}, nil
	case "RelatedPerson":
		v, err := h.service.Read(auth.NewContext(ctx, auth.Itself()), store.Key{Type: typ, ID: id})
		if outcome.Is(err, outcome.NotFound) || outcome.Is(err, outcome.Deleted) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		doc, err := resources.Parse(v.Body)
		if err != nil {
			return nil, err
		}
		root, err := doc.Resource()
		if err != nil {
			return nil, err
		}
		if root.First("active").Text() == "false" {
			return nil, nil
		}
		if patient, ok := strings.CutPrefix(root.First("patient").First("reference").Text(), "Patient/"); ok {
			return []string{patient}, nil
		}
	}
	return nil, nil
}

// patients are those that somebody reaches, by the beginning of a name.
func (h hospital) patients(ctx context.Context, p *auth.Principal, name string) ([]patientRow, error) {
	query := url.Values{"_count": {"50"}, "_sort": {"family,given"}, "_elements": {"name,birthDate"}}
	if name = strings.TrimSpace(name); name != "" && len(name) <= 100 {
		query.Set("name", strings.NewReplacer(`\`, `\\`, ",", `\,`, "|", `\|`, "$", `\$`).Replace(name))
	}
	found, err := h.service.Search(auth.NewContext(ctx, p), fhir.SearchRequest{Type: "Patient", Query: query.Encode()})
	if err != nil {
		return nil, err
	}
	var rows []patientRow
	for _, e := range found.Entries {
		if row, ok := rowOf(e.Resource); ok && e.Mode == "match" {
			rows = append(rows, row)
		}
	}
	return rows[:min(len(rows), pickerRows)], nil
}

func rowOf(body []byte) (patientRow, bool) {
	doc, err := resources.Parse(body)
	if err != nil {
		return patientRow{}, false
	}
	root, err := doc.Resource()
	if err != nil {
		return patientRow{}, false
	}
	name := root.First("name")
	var parts []string
	for given := range name.Child("given") {
		parts = append(parts, given.Text())
	}
	parts = append(parts, name.First("family").Text())
	if text := name.First("text").Text(); text != "" && strings.TrimSpace(strings.Join(parts, "")) == "" {
		parts = []string{text}
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	return patientRow{ID: root.First("id").Text(), Name: strings.Join(parts, " "), Birth: root.First("birthDate").Text()}, true
}

// reaches reports whether somebody may read a resource.
func (h hospital) reaches(ctx context.Context, p *auth.Principal, key store.Key) (bool, error) {
	_, err := h.service.Read(auth.NewContext(ctx, p), key)
	switch {
	case err == nil:
		return true, nil
	case outcome.Is(err, outcome.NotFound), outcome.Is(err, outcome.Deleted), outcome.Is(err, outcome.Forbidden), outcome.Is(err, outcome.Login):
		return false, nil
	}
	return false, err
}

// during reports whether an Encounter is one of a patient, as far as somebody may see.
func (h hospital) during(ctx context.Context, p *auth.Principal, encounter, patient string) (bool, error) {
	query := url.Values{"_id": {encounter}, "patient": {patient}, "_elements": {"id"}}
	found, err := h.service.Search(auth.NewContext(ctx, p), fhir.SearchRequest{Type: "Encounter", Query: query.Encode()})
	return err == nil && len(found.Entries) > 0 && found.Entries[0].Mode == "match", err
}
