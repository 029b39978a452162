package access

import (
	"fmt"
	"slices"
	"strconv"

	"kiln/resources/definitions"
	"kiln/search"
)

// domain is whose resources are reached: those of all, or of the patients of some sets. For types that are about no patient
// it is all or nothing.
type domain struct {
	all  bool
	sets []*search.Targets
}

func (d domain) empty() bool { return !d.all && len(d.sets) == 0 }

func (d domain) has(id string) bool {
	return d.all || slices.ContainsFunc(d.sets, func(p *search.Targets) bool { return p.Has(id) })
}

// name tells domains of one request apart.
func (d domain) name() string {
	name := strconv.FormatBool(d.all)
	for _, set := range d.sets {
		if set.Len() == 1 {
			name += " " + set.IDs()[0]
		} else {
			name += fmt.Sprintf(" %p", set)
		}
	}
	return name
}

// of is what of the domain is one patient's.
func (d domain) of(id string) domain {
	if id == "" || !d.has(id) {
		return domain{}
	}
	return domain{sets: []*search.Targets{newPatients(id)}}
}

func newPatients(ids ...string) *search.Targets { return search.NewTargets("Patient", ids...) }

// widening are parameters of the Patient compartment that lead from one patient to others: who is linked to somebody, or is
// in a group with somebody, is not theirs to see.
var widening = map[string]string{"Patient": "link", "Group": "member"}

// belonging are types outside the Patient compartment that belong to the patient a parameter names.
var belonging = map[string]string{"Contract": "subject", "Device": "patient", "GuidanceResponse": "subject", "Task": "subject"}

// unowned are those of them that may belong to nobody, and are then for all who have a right to the type.
var unowned = map[string]bool{"Device": true}

// about reports whether resources of a type are about patients.
func about(typ string) bool {
	_, member := definitions.R4().Compartment("Patient").Types[typ]
	return member || belonging[typ] != "" || typ == "Binary" || typ == "Patient"
}

// membership are the parameters that put resources of a type into the compartment of a patient, by CompartmentDefinition
// alone: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
func (d *decision) membership() []*search.Parameter {
	typ := d.action.Type
	codes := definitions.R4().Compartment("Patient").Types[typ]
	if code := belonging[typ]; code != "" {
		codes = []string{code}
	}
	var list []*search.Parameter
	for _, code := range codes {
		if param := d.options.Parameters.Lookup(typ, code); param != nil && widening[typ] != code {
			list = append(list, param)
		}
	}
	return list
}

// inside is the condition for resources of a domain; nil for all.
func (d *decision) inside(of domain) search.Expr {
	if of.all || d.action.Type == "Binary" { // which is judged by itself: see reachesBinary
		return nil
	}
	params := d.membership()
	var either search.Or
	for _, set := range of.sets {
		either = append(either, d.of(set, params))
	}
	if unowned[d.action.Type] {
		either = append(either, search.Missing{Param: params[0]})
	}
	if len(either) == 1 {
		return either[0]
	}
	return either
}

// of is the condition for resources of some patients.
func (d *decision) of(set *search.Targets, params []*search.Parameter) search.Among {
	if d.action.Type == "Patient" {
		params = append([]*search.Parameter{d.options.Parameters.ID()}, params...)
	}
	return search.Among{Params: params, Targets: set}
}
