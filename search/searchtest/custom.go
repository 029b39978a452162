package searchtest

import (
	"fmt"
	"strings"

	"kiln/resources"
	"kiln/search"
)

// customs are search parameters beyond R4's, of all types, bases and ways of being found.
var customs = []string{
	`"code":"x-any-code","base":["Observation","Condition"],"type":"token","expression":"Observation.code | Observation.component.code | Condition.code"`,
	`"code":"x-language","base":["Resource"],"type":"token","expression":"Resource.language"`,
	`"code":"x-narrative","base":["DomainResource"],"type":"token","expression":"DomainResource.text.status"`,
	`"code":"x-moment","base":["Patient"],"type":"date","expression":"Patient.birthDate | Patient.deceased.ofType(dateTime)"`,
	`"code":"x-sounds","base":["Patient"],"type":"string","expression":"Patient.name.family","xpathUsage":"phonetic"`,
	`"code":"x-names","base":["Patient"],"type":"number","expression":"Patient.name.given.count()"`,
	`"code":"x-amount","base":["Observation"],"type":"quantity","expression":"Observation.component.value.ofType(Quantity) | Observation.value.ofType(Quantity)"`,
	`"code":"x-first","base":["Observation","Encounter"],"type":"reference","target":["Patient","Practitioner"],"expression":"(Observation.performer | Encounter.participant.individual).first()"`,
	`"code":"x-profile","base":["Patient","Observation"],"type":"uri","expression":"Patient.meta.profile | Observation.meta.profile"`,
	`"code":"x-said","base":["Observation"],"type":"composite","expression":"Observation","component":[
{"definition":"http://kiln.example/SearchParameter/x-any-code","expression":"code"},
{"definition":"http://kiln.example/SearchParameter/x-amount","expression":"value.as(Quantity)"},
{"definition":"http://hl7.org/fhir/SearchParameter/clinical-date","expression":"effective.as(dateTime) | effective.as(Period)"}]`,
}

// Define puts search parameters that are not R4's in use, whole, so that random queries have them too. The
// error says which is not taken.
func Define(p *search.Parameters) error {
	definitions := map[string]resources.Element{}
	for _, members := range customs {
		code := strings.SplitN(members, `"`, 5)[3]
		doc, err := resources.Parse([]byte(`{"resourceType":"SearchParameter","status":"active","url":"http://kiln.example/SearchParameter/` + code + `",` + members + `}`))
		if err != nil {
			return err
		}
		if definitions[code], err = doc.Resource(); err != nil {
			return err
		}
	}
	r, problems := p.Revise(definitions)
	if r == nil || !r.Install() {
		return fmt.Errorf("searchtest: %v", problems)
	}
	p.Complete(r.Added...)
	return nil
}
