package search_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"kiln/resources/outcome"
	"kiln/search"
)

func parse(t testing.TB, p *search.Parameters, typ, query string, options search.ParseOptions) (*search.Query, []outcome.Issue, error) {
	t.Helper()
	pairs, err := search.ReadQueryString(query)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	if typ != "" {
		types = strings.Split(typ, ",")
	}
	return p.Parse(types, pairs, options)
}

// parseCases show what becomes of a filter: https://hl7.org/fhir/R4/search.html
var parseCases = []struct{ name, typ, query, want string }{
	{"a string is folded", "Patient", "name=Zo%C3%AB", "name=Zoë ~ zoe"},
	{"a comma is or", "Patient", "name=a,b", "name=a ~ a or b ~ b"},
	{"a repeated parameter is and", "Patient", "name=a&name=b", "and(name=a ~ a, name=b ~ b)"},
	{":exact and :contains", "Patient", "family:exact=Lind&given:contains=o", "and(family:exact=Lind ~ lind, given:contains=o ~ o)"},
	{"an escaped comma belongs to the value", "Patient", `family:exact=a\,b,c`, "family:exact=a,b ~ a b or c ~ c"},
	{"an escaped backslash escapes nothing more", "Patient", `family:exact=a\\,b`, `family:exact=a\ ~ a or b ~ b`},
	{"phonetic values sound", "Patient", "phonetic=Smith", "phonetic=Smith ~ 253"},

	{"a token is a code of any system", "Observation", "code=8480-6", "code=8480-6"},
	{"a token is a code of a system", "Observation", "code=http://loinc.org|8480-6", "code=http://loinc.org|8480-6"},
	{"a token is a code without system", "Observation", "code=|8480-6", "code=|8480-6"},
	{"a token is any code of a system", "Observation", "code=http://loinc.org|", "code=http://loinc.org|any"},
	{"an escaped bar belongs to the code", "Patient", `identifier=urn:a|b\|c`, "identifier=urn:a|b|c"},
	{":not turns the test round", "Observation", "code:not=a,b", "not(code=a or b)"},
	{":text folds", "Observation", "code:text=Blood-Pressure", "code:text=blood pressure"},
	{":missing", "Patient", "gender:missing=true&name:missing=false", "and(missing(gender), present(name))"},
	{"a code may be named with the system of its binding", "Patient", "gender=http://hl7.org/fhir/administrative-gender|male", "gender=http://hl7.org/fhir/administrative-gender|male or |male"},
	{"or with any code of that system", "Patient", "gender=http://hl7.org/fhir/administrative-gender|", "gender=http://hl7.org/fhir/administrative-gender|any or |any"},
	{"but not with another", "Patient", "gender=http://x|male", "gender=http://x|male"},
	{"a boolean may be named with its system", "Patient", "active=http://terminology.hl7.org/CodeSystem/special-values|true", "active=http://terminology.hl7.org/CodeSystem/special-values|true or |true"},

	{"a reference is an id", "Observation", "subject=p1", "subject=/p1"},
	{"a reference is a type and id", "Observation", "subject=Patient/p1", "subject=Patient/p1"},
	{"a reference below the base is local", "Observation", "subject=http://kiln.example/fhir/Patient/p1", "subject=Patient/p1"},
	{"a foreign reference is a URL", "Observation", "subject=http://x.example/Patient/p1", "subject=http://x.example/Patient/p1"},
	{"a urn is a URL", "Observation", "subject=urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "subject=urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
	{"a versioned reference keeps its version", "Observation", "subject=Patient/p1/_history/2", "subject=Patient/p1|2"},
	{"a canonical keeps its version", "QuestionnaireResponse", "questionnaire=http://q|1.0", "questionnaire=http://q|1.0"},
	{":[type] says what an id is of", "Observation", "subject:Patient=p1", "subject=Patient/p1"},
	{":identifier is a token", "Observation", "subject:identifier=urn:oid:1|7", "subject:identifier=urn:oid:1|7"},

	{"a date covers its day", "Patient", "birthdate=1970-02-28", "birthdate=eq 1970-02-28T00:00:00 to 1970-03-01T00:00:00"},
	{"a prefix stands before", "Patient", "birthdate=ge1970", "birthdate=ge 1970-01-01T00:00:00 to 1971-01-01T00:00:00"},
	{"a minute", "Observation", "date=2020-02-29T10:00Z", "date=eq 2020-02-29T10:00:00 to 2020-02-29T10:01:00"},
	{"an offset, with its plus sign", "Observation", "date=2020-02-29T10:00:00%2B02:00", "date=eq 2020-02-29T08:00:00 to 2020-02-29T08:00:01"},
	{"an offset whose plus sign became a space", "Observation", "date=2020-02-29T10:00:00+02:00", "date=eq 2020-02-29T08:00:00 to 2020-02-29T08:00:01"},
	{"ap is a tenth of the gap to now", "Patient", "birthdate=ap2025-12-21", "birthdate=ap 2025-12-20T00:00:00 to 2025-12-23T00:00:00"},
	{"_lastUpdated is a date", "Patient", "_lastUpdated=gt2024", "_lastUpdated=gt 2024-01-01T00:00:00 to 2025-01-01T00:00:00"},

	{"a number implies a range", "RiskAssessment", "probability=100", "probability=eq 100 [99.5, 100.5)"},
	{"so do trailing zeros", "RiskAssessment", "probability=100.00", "probability=eq 100.00 [99.995, 100.005)"},
	{"an exponent says which digits count", "RiskAssessment", "probability=1.0e2", "probability=eq 100 [95, 105)"},
	{"ap widens by a tenth", "RiskAssessment", "probability=ap-10", "probability=ap -10 [-11.5, -8.5)"},
	{"a quantity of any unit", "Observation", "value-quantity=lt5.4", "value-quantity=lt 5.4 [5.35, 5.45) any unit"},
	{"a quantity with system and code", "Observation", "value-quantity=5.4|http://unitsofmeasure.org|mg", "value-quantity=eq 5.4 [5.35, 5.45) http://unitsofmeasure.org|mg"},
	{"a quantity with a code or unit", "Observation", "value-quantity=5.4||mg", "value-quantity=eq 5.4 [5.35, 5.45) ?|mg"},
	{"a uri, above and below", "ValueSet", "url:below=http://x/&url:above=http://x/a", "and(url:below=http://x/, url:above=http://x/a)"},
	{"a composite has its parts", "Observation", "code-value-quantity=a$gt5||mg,b$6", "code-value-quantity=a $ gt 5 [4.5, 5.5) ?|mg or b $ eq 6 [5.5, 6.5) any unit"},
	{"an escaped dollar belongs to the part", "Observation", `code-value-string=a$x\$y`, "code-value-string=a $ x$y ~ x$y"},

	{"a chain with a type", "Observation", "subject:Patient.name:exact=Ada", "subject->Patient(name:exact=Ada ~ ada)"},
	{"a chain without a type leads to all that have the parameter", "Observation", "subject.name=Ada", "subject->Patient(name=Ada ~ ada)|Location(name=Ada ~ ada)"},
	{"a chain of three", "Observation", "encounter.service-provider.partof.name=x", "encounter->Encounter(service-provider->Organization(partof->Organization(name=x ~ x)))"},
	{"a chain ends in any modifier", "Observation", "subject:Patient.gender:missing=true", "subject->Patient(missing(gender))"},
	{"a reverse chain", "Patient", "_has:Observation:patient:code=1234-5", "has Observation.patient(code=1234-5)"},
	{"a reverse chain in a reverse chain", "Patient", "_has:Observation:patient:_has:AuditEvent:entity:agent=Practitioner/x", "has Observation.patient(has AuditEvent.entity(agent=Practitioner/x))"},
	{"a chain in a reverse chain", "Patient", "_has:Observation:patient:performer:Practitioner.name=x", "has Observation.patient(performer->Practitioner(name=x ~ x))"},
	{"a reverse chain in a chain", "Encounter", "patient._has:Group:member:_id=g1", "patient->Patient(has Group.member(_id=g1))"},
}

func TestParse(t *testing.T) {
	p := newParameters(t)
	for _, c := range parseCases {
		t.Run(c.name, func(t *testing.T) {
			q, issues, err := parse(t, p, c.typ, c.query, search.ParseOptions{})
			if err != nil || len(issues) > 0 {
				t.Fatal(err, issues)
			}
			if len(q.Branches) != 1 || q.Branches[0].Type != c.typ {
				t.Fatalf("the branches are %v", q.Branches)
			}
			if got := showTree(q.Branches[0].Filter); got != c.want {
				t.Errorf("%s is read as\n%s\nwant\n%s", c.query, got, c.want)
			}
		})
	}
}

// refusals show that nothing is guessed. Each sentence must be in the error, in this order.
var refusals = []struct {
	name, typ, query string
	want             []string
}{
	{"an unknown parameter", "Patient", "nam=x", []string{`"nam" is not a search parameter of Patient. Valid are: _content, _filter, _id, _lastUpdated, _list, _profile`}},
	{"all problems at once", "Patient", "nam=x&birthdate=yesterday&gender:exact=male", []string{`"nam" is not`, `The date parameter "birthdate" is wrong: "yesterday" is not a date`, `The modifier :exact is not one of token parameters such as "gender"; valid are :above, :below, :in, :missing, :not, :not-in, :text.`}},
	{"an unknown parameter in a chain", "Observation", "subject:Patient.nam=x", []string{`"nam" is not a search parameter of Patient (in subject:Patient.nam)`}},
	{"an unknown parameter of all targets", "Observation", "subject.nam=x", []string{`"nam" is not a search parameter of`}},
	{"an unknown type in a chain", "Observation", "subject:Horse.name=x", []string{`"subject" cannot refer to "Horse"; expected one of`}},
	{"a type that the reference cannot have", "Observation", "subject:Practitioner=x", []string{`"subject" cannot refer to "Practitioner"; expected one of Group, Device, Patient, Location`}},
	{"a chain over what is no reference", "Patient", "name.family=x", []string{`"name" in "name.family" is a string parameter; only references can be chained`}},
	{"a _has cut short", "Patient", "_has:Observation:patient=x", []string{"incomplete; expected _has:Type:reference:parameter"}},
	{"a _has of an unknown type", "Patient", "_has:Horse:patient:code=x", []string{`"Horse" is not a resource type`}},
	{"a _has by what does not refer here", "Patient", "_has:Observation:encounter:code=x", []string{"does not refer to Patient"}},
	{"an empty value", "Patient", "name=", []string{"a value is empty"}},
	{"an empty value in a list", "Patient", "name=a,,b", []string{"a value is empty"}},
	{"a colon without modifier", "Patient", "name:=a", []string{`The parameter "name:" ends in a colon`}},
	{":missing neither true nor false", "Patient", "name:missing=yes", []string{`"yes" is neither true nor false`}},
	{"a token with two bars", "Observation", "code=a|b|c", []string{"has more than one |"}},
	{"a token of nothing", "Observation", "code=|", []string{`"|" is no token`}},
	{"an :of-type of two parts", "Patient", "identifier:of-type=MR|12345", []string{`"MR|12345" has 2 parts; :of-type expects system|code|value`}},
	{"an :of-type with a part left out", "Patient", "identifier:of-type=|MR|12345", []string{`"|MR|12345" leaves a part empty`}},
	{"an :of-type of what is no identifier", "Patient", "gender:of-type=a|b|c", []string{`:of-type is for identifiers, which "gender" does not look at; valid are :above, :below, :in, :missing, :not, :not-in, :text.`}},
	{"a modifier that an identifier does not have", "Patient", "identifier:exact=a", []string{`valid are :above, :below, :in, :missing, :not, :not-in, :of-type, :text.`}},
	{"a filter that ends too soon", "Patient", "_filter=name co", []string{`The parameter _filter is wrong at character 8: expected a value, not the end.`}},
	{"a filter that goes on", "Patient", "_filter=name co x birthdate", []string{`at character 11: expected and, or, or the end, not "birthdate".`}},
	{"a filter with an open parenthesis", "Patient", "_filter=(name co x", []string{`at character 11: expected and, or, or ')', not the end.`}},
	{"a filter with an open string", "Patient", `_filter=name co "x`, []string{`at character 9: the string that begins here does not end.`}},
	{"a filter with a string that is not JSON", "Patient", `_filter=name co "\q"`, []string{`is not a JSON string`}},
	{"an operator that is none", "Patient", "_filter=gender is male", []string{`at character 8: expected an operator (eq, ne, co, sw, ew, gt, lt, ge, le, ap, sa, eb, pr, po, ss, sb, in, ni, re), not "is".`}},
	{"an operator of another type", "Patient", "_filter=ä or gender sw male", []string{`at character 1: expected the name of a search parameter`}},
	{"an operator that does not go with the parameter", "Patient", "_filter=active eq true or gender sw male", []string{`at character 19: the operator sw does not go with token parameters such as "gender"; valid are eq, in, ne, ni, pr, sb, ss.`}},
	{"an unknown parameter in a filter", "Patient", "_filter=active eq true and nam eq x", []string{`"nam" is not a search parameter of Patient (in _filter). Valid are:`, `It stands at character 20 of _filter.`}},
	{"a value that cannot be read in a filter", "Patient", "_filter=birthdate gt yesterday", []string{`at character 14: "yesterday" is not a date`}},
	{"a value with a prefix in a filter", "Patient", "_filter=birthdate gt lt2020", []string{`at character 14: "lt2020" begins with the prefix lt; the operator alone says how to compare.`}},
	{"a filter that follows what is no reference", "Patient", "_filter=name.family eq x", []string{`at character 1: "name" is a string parameter; only references can be followed.`}},
	{"a filter that follows to a type that cannot be", "Observation", "_filter=_id eq a or subject:Horse.name eq x", []string{`at character 13: "subject" cannot refer to "Horse"; expected one of Group, Device, Patient, Location.`}},
	{"brackets that nothing follows", "Patient", "_filter=organization[name eq x] eq x", []string{`expected a point and a name after the brackets`}},
	{"pr neither true nor false", "Patient", "_filter=name pr yes", []string{`at character 9: "yes" is neither true nor false.`}},
	{"a modifier of _filter", "Patient", "_filter:not=name eq x", []string{`The parameter "_filter" takes neither a modifier nor a chain.`}},
	{"a filter at the end of a chain", "Observation", "subject:Patient._filter=name eq x", []string{`ends in _filter, which cannot be chained`}},
	{"a filter within itself", "Patient", "_filter=_filter eq x", []string{`"_filter" cannot stand inside of _filter.`}},
	{"a filter by what does not refer here", "Patient", "_filter=_has:Organization:partof:name eq x", []string{`at character 1: Organization:partof does not refer to Patient.`}},
	{"a list within a filter", "Patient", "_filter=_list eq x", []string{`at character 1: "_list" cannot stand inside of _filter.`}},
	{"a filter too deep", "Patient", "_filter=" + strings.Repeat("(", 40), []string{`parentheses and brackets nest more than 32 deep`}},
	{"a filter too long", "Patient", "_filter=" + strings.Repeat("_id+eq+a+and+", 200) + "_id+eq+b", []string{`there are more than 200 comparisons`}},
	{"a path too long", "Location", "_filter=" + strings.Repeat("partof.", 9) + "name+eq+b", []string{`the path has more than 9 names`}},
	{"sorting by _filter", "Patient", "_sort=_filter", []string{`"_filter" is a special parameter, which has no order`}},
	{"a functional list", "Condition", "_list=$current-allergies", []string{`The functional list "$current-allergies" is none of Condition; valid are $current-problems, and the id of a List, as in _list=42.`}},
	{"a functional list of another type", "Observation", "_list=$x", []string{`The functional list "$x" is none of Observation; valid are $current-allergies of AllergyIntolerance, $current-drug-allergies of AllergyIntolerance, $current-medications of MedicationStatement, $current-problems of Condition, and the id of a List, as in _list=42.`}},
	{"a functional list of no type", "", "_list=$current-problems", []string{`The functional list "$current-problems" is none of all resource types; valid are`}},
	{"a list that is none", "Condition", "_list=Group/1", []string{`"Group/1" does not name a List`}},
	{"a list elsewhere", "Condition", "_list=http://elsewhere.example/List/1", []string{`"http://elsewhere.example/List/1" does not name a List`}},
	{"a list of a version", "Condition", "_list=List/1|2", []string{`"List/1|2" is not the id of a List of this server; expected id or List/id`}},
	{"a modifier of _list", "Condition", "_list:not=1", []string{`_list takes neither a modifier nor a chain`}},
	{"a backslash that escapes nothing", "Patient", `family=a\b`, []string{"has a backslash that escapes nothing"}},
	{"a date that does not exist", "Patient", "birthdate=2021-02-29", []string{`"2021-02-29" is not a date or time`}},
	{"an hour without minutes", "Observation", "date=2021-02-28T10", []string{"is not a date or time"}},
	{"a number that is none", "RiskAssessment", "probability=NaN", []string{`"NaN" is not a number`}},
	{"a prefix that is none", "RiskAssessment", "probability=xx5", []string{`"xx5" is not a number`}},
	{"a quantity with half a unit", "Observation", "value-quantity=5|mg", []string{"expected number, number|system|code or number||code"}},
	{"a composite with a part too few", "Observation", "code-value-quantity=a", []string{"has 1 part; expected 2, code$value-quantity"}},
	{"a composite with a bad part", "Observation", "code-value-quantity=a$b", []string{`in the part value-quantity, "b" is not a number`}},
	{"a reference that is none", "Observation", "subject=a b", []string{`"a b" is not a reference`}},
	{"an id that is of another type than said", "Observation", "subject:Patient=Group/1", []string{`"Group/1" does not name a Patient`}},
	{"a hierarchy where there is none", "Observation", "patient:above=x", []string{`The modifier :above of a reference is for types whose resources are part of one another, and for canonical URLs; "patient" leads to neither; valid are :identifier, :missing, a resource type.`}},
	{"a set of codes without terminology", "Observation", "code:in=http://x", []string{"The modifier :in of \"code:in\" needs value sets and code systems, and there are none here."}},
	{"an unknown result parameter", "Patient", "_counts=1", []string{`"_counts" is not a search parameter of Patient`, "Of the answer: _contained, _containedType, _count, _elements"}},
	{"sorting by what is unknown", "Patient", "_sort=-nam", []string{`"nam" is not a search parameter of Patient (in _sort)`}},
	{"sorting by a chain without type", "Observation", "_sort=date,subject.family", []string{`The parameter _sort is wrong: "subject" in "subject.family" may lead to several types; name one, as in subject:Patient.family.`}},
	{"sorting by a chain through what is no reference", "Observation", "_sort=code.family", []string{`The parameter _sort is wrong: "code" in "code.family" is a token parameter; only references can be followed.`}},
	{"sorting by a chain to a type that is none there", "Observation", "_sort=subject:Medication.code", []string{`The parameter "subject" cannot refer to "Medication"; expected one of Group, Device, Patient, Location.`}},
	{"sorting by a chain to what is unknown", "Observation", "_sort=subject:Patient.famly", []string{`"famly" is not a search parameter of Patient (in _sort)`}},
	{"sorting by a chain from what is unknown", "Observation", "_sort=sbject:Patient.family", []string{`"sbject" is not a search parameter of Observation (in _sort)`}},
	{"sorting by a chain to a composite", "Encounter", "_sort=-part-of.patient.near", []string{`"near" is not a search parameter of Patient`}},
	{"sorting by a chain to a special parameter", "Encounter", "_sort=location.near", []string{`The parameter _sort is wrong: "near" is a special parameter, which has no order.`}},
	{"sorting by a chain with a modifier", "Observation", "_sort=patient.family:exact", []string{`The parameter _sort is wrong: "family:exact" has a modifier`}},
	{"sorting by _has", "Patient", "_sort=_has:Observation:patient:date", []string{`"_has:Observation:patient:date" has a modifier`}},
	{"sorting by chains of several types that part", "", "_type=Encounter,PractitionerRole&_sort=part-of.status", []string{`"part-of" is not a search parameter of PractitionerRole`}},
	{"sorting by chains that lead to several types", "", "_type=Encounter,Task&_sort=part-of.status", []string{`"part-of" in "part-of.status" leads to Encounter and to Task, which have no order together.`}},
	{"near without longitude", "Location", "near=1", []string{`The special parameter "near" is wrong: "1" has 1 part; expected latitude|longitude, latitude|longitude|distance or latitude|longitude|distance|units`}},
	{"near with too many parts", "Location", "near=1|2|3|km|x", []string{`has 5 parts`}},
	{"near at a latitude that is none", "Location", "near=90.1|2|3|km", []string{`"90.1" is not a latitude; expected degrees from -90 to 90`}},
	{"near at a longitude that is none", "Location", "near=1|x|3|km", []string{`"x" is not a longitude; expected degrees from -180 to 180`}},
	{"near within less than nothing", "Location", "near=1|2|-3|km", []string{`"-3" is not a distance; expected a number that is not negative`}},
	{"near within what is no length", "Location", "near=1|2|3|kg,1|2|3|miles", []string{`"kg" is not a unit of length; expected a code of UCUM such as km, m, [mi_i] or [ft_i]`, `"miles" is not`}},
	{"near within what floats do not reach", "Location", "near=1|2|1e999", []string{`"1e999" is a distance that cannot be computed with`}},
	{"near with an escape that is none", "Location", `near=1|2|\3`, []string{`has a backslash that escapes nothing`}},
	{"near with a modifier", "Location", "near:exact=1|2", []string{`The modifier :exact is not one of special parameters such as "near"; valid are :missing.`}},
	{"near chained", "Location", "near.name=x", []string{`"near" in "near.name" is a special parameter; only references can be chained`}},
	{"near in an expression", "Location", `_filter=near eq "1|2"`, []string{`"near" cannot stand inside of _filter`}},
	{"elements that are none", "Patient", "_elements=name.horse,-contact.name.x,birthDate.y,text.status,-name", []string{`"name.horse" is not an element of Patient`, `"-contact.name.x" is not an element`, `"birthDate.y" is not an element`}},
	{"elements too deep", "Patient", "_elements=" + strings.Repeat("extension.value.", 10) + "id", []string{`is not an element of Patient`}},
	{"sorting by _list", "Patient", "_sort=_list", []string{`"_list" is a special parameter, which has no order`}},
	{"a name that begins as _list does", "Patient", "_listed=1", []string{`"_listed" is not a search parameter of Patient`}},
	{"sorting by a composite", "Observation", "_sort=code-value-quantity", []string{"is a composite parameter, which has no order"}},
	{"a count that is none", "Patient", "_count=many", []string{`"many" is not a whole number from 0 to 1000`}},
	{"a negative count", "Patient", "_count=-1", []string{`"-1" is not a whole number`}},
	{"a count twice", "Patient", "_count=1&_count=2", []string{"_count is given twice"}},
	{"a total that is none", "Patient", "_total=some", []string{`"some" is none of accurate, estimate, none`}},
	{"a summary that is none", "Patient", "_summary=yes", []string{`"yes" is none of count, data, false, text, true`}},
	{"an element that is none", "Patient", "_elements=name,nam", []string{`"nam" is not an element of Patient`}},
	{"an include cut short", "Patient", "_include=Patient", []string{"is none of Type:parameter, Type:parameter:TargetType"}},
	{"an include of an unknown type", "Patient", "_include=Horse:owner", []string{`"Horse" is not a resource type`}},
	{"an include of what is no reference", "Patient", "_include=Patient:name", []string{`"name" is not a reference parameter of Patient. Valid are: general-practitioner, link, organization.`}},
	{"an include of a wrong target", "Observation", "_include=Observation:subject:Practitioner", []string{`cannot refer to "Practitioner"`}},
	{"a modifier of _include", "Observation", "_include:recurse=Observation:subject", []string{`_include has no modifier "recurse"; valid are :iterate.`}},
	{"a modifier of _count", "Patient", "_count:exact=1", []string{`_count has no modifier "exact"; it has none at all.`}},
	{"a modifier of _type", "Patient", "_type:not=Patient", []string{`_type has no modifier "not"; it has none at all.`}},
	{"words of contained resources", "Patient", "_contained=both&_content=x", []string{"The parameter _contained=both is wrong together with _text, _content and parameters that are not R4's own"}},
	{"contained resources sorted by a reference", "Observation", "_contained=true&_sort=subject:Patient.family", []string{"The parameter _sort follows references, which it cannot do together with _contained"}},
	{"another word for _contained", "Patient", "_contained=yes", []string{`"yes" is none of both, false, true`}},
	{"another word for _containedType", "Patient", "_containedType=all", []string{`"all" is none of contained, container`}},
	{"elements of what is not shown", "Patient", "_contained=true&_elements=name", []string{"shows the container around it; add _containedType=contained"}},
	{"_type on a search of one type", "Patient", "_type=Patient", []string{"_type is for searches of the whole system"}},
	{"_type of an unknown type", "", "_type=Horse", []string{`"Horse" is not a resource type`}},
	{"without types, a parameter that not all have", "", "name=x", []string{`"name" is not a search parameter of all resource types. Valid are: _content, _filter, _id, _lastUpdated, _list, _profile, _security, _source, _tag, _text.`}},
	{"with types, a parameter that one lacks", "Patient,Observation", "name=x", []string{`"name" is not a search parameter of Observation`}},
}

func TestParseRefuses(t *testing.T) {
	p := newParameters(t)
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := parse(t, p, c.typ, c.query, search.ParseOptions{})
			refusal := outcome.As(err)
			if refusal == nil || refusal.Stage != outcome.StageSyntax {
				t.Fatalf("%s gives %v; want an error of stage syntax", c.query, err)
			}
			rest := err.Error()
			for _, want := range c.want {
				i := strings.Index(rest, want)
				if i < 0 {
					t.Fatalf("%s gives\n%s\nwithout\n%s", c.query, err, want)
				}
				rest = rest[i+len(want):]
			}
			_, issues, err := parse(t, p, c.typ, c.query, search.ParseOptions{Lenient: true})
			if err != nil || len(issues) == 0 || issues[0].Severity != outcome.SeverityWarning || !strings.Contains(issues[0].Diagnostics, "was ignored") {
				t.Errorf("lenient, %s gives %v, %v; want warnings", c.query, issues, err)
			}
		})
	}
}

func TestParseLenient(t *testing.T) {
	p := newParameters(t)
	q, issues, err := parse(t, p, "Patient", "nam=x&family=Lind&gender:exact=y&_count=5", search.ParseOptions{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("drops what it does not know and keeps the rest", func(t *testing.T) {
		if got := showTree(q.Branches[0].Filter); got != "family=Lind ~ lind" || q.Count != 5 {
			t.Errorf("the filter is %s, the count %d", got, q.Count)
		}
	})
	t.Run("names what it dropped", func(t *testing.T) {
		if len(issues) != 2 || !strings.Contains(issues[0].Diagnostics, `"nam" was ignored`) || !strings.Contains(issues[1].Diagnostics, `"gender:exact" was ignored`) {
			t.Errorf("the issues are %v", issues)
		}
	})
	t.Run("shows only what was applied", func(t *testing.T) {
		if want := []search.NameValue{{Name: "family", Value: "Lind"}, {Name: "_count", Value: "5"}}; !slices.Equal(q.Applied, want) {
			t.Errorf("applied is %v; want %v", q.Applied, want)
		}
	})
	t.Run("does not lift limits", func(t *testing.T) {
		many := make([]search.NameValue, search.MaxParameters+1)
		if _, _, err := p.Parse([]string{"Patient"}, many, search.ParseOptions{Lenient: true}); err == nil {
			t.Error("201 parameters are read")
		}
	})
}

func TestParseLimits(t *testing.T) {
	p := newParameters(t)
	long := strings.Repeat("a", search.MaxValue+1)
	for name, query := range map[string]string{
		"the length of a value":          "name=" + long,
		"the length of a name":           long[:search.MaxName+1] + "=x",
		"the number of values":           "name=a" + strings.Repeat(",a", search.MaxOr),
		"the depth of chains":            strings.Repeat("link:Patient.", search.MaxChain+1) + "name=x",
		"the depth of reverse chains":    strings.Repeat("_has:Patient:link:", search.MaxChain+1) + "name=x",
		"the number of includes":         strings.Repeat("_include=*&", search.MaxIncludes+1),
		"the rules of _sort":             "_sort=name" + strings.Repeat(",name", search.MaxSort),
		"the combinations of all chains": "_has:List:item:item.focus.focus.focus.focus._tag=x",
	} {
		t.Run(name, func(t *testing.T) {
			pairs, err := search.ReadQueryString(query)
			if err == nil {
				_, _, err = p.Parse([]string{"Patient"}, pairs, search.ParseOptions{})
			}
			if !outcome.Is(err, outcome.TooCostly) || outcome.As(err).Stage != outcome.StageSyntax {
				t.Errorf("the error is %.200v", err)
			}
		})
	}
}

func TestParseResultParameters(t *testing.T) {
	p := newParameters(t)
	q, _, err := parse(t, p, "Observation", "_pretty=true&_elements=code,subject,code&_sort=-date,code&_count=5000&_total=accurate&_summary=data&_explain=true"+
		"&_revinclude:iterate=Provenance:target&_include=Observation:subject:Patient&_include=*&_contained=false&_format=json&code=x", search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("are read", func(t *testing.T) {
		if q.Count != search.MaxCount || q.CountOnly || q.Total != search.TotalAccurate || q.Summary != search.SummaryData || !q.Explain || !slices.Equal(q.Elements, []string{"code", "subject"}) {
			t.Errorf("the query is %+v", q)
		}
		if len(q.Sort) != 2 || q.Sort[0].Params[0].Code != "date" || !q.Sort[0].Descending || q.Sort[1].Descending {
			t.Errorf("the order is %+v", q.Sort)
		}
	})
	t.Run("includes are read", func(t *testing.T) {
		want := []search.Include{{Source: "Observation", Param: p.Lookup("Observation", "subject"), Target: "Patient"}, {Wildcard: true}}
		if !reflect.DeepEqual(q.Include, want) {
			t.Errorf("the includes are %+v", q.Include)
		}
		if want := []search.Include{{Source: "Provenance", Param: p.Lookup("Provenance", "target"), Iterate: true}}; !reflect.DeepEqual(q.RevInclude, want) {
			t.Errorf("the reverse includes are %+v", q.RevInclude)
		}
	})
	t.Run("are applied in one order, with the count that was used", func(t *testing.T) {
		var got []string
		for _, a := range q.Applied {
			got = append(got, a.Name+"="+a.Value)
		}
		want := "code=x _contained=false _include=Observation:subject:Patient _include=* _revinclude:iterate=Provenance:target _sort=-date,code _count=1000 _total=accurate _summary=data _elements=code,subject _explain=true _format=json _pretty=true"
		if strings.Join(got, " ") != want {
			t.Errorf("applied is\n%s\nwant\n%s", strings.Join(got, " "), want)
		}
	})
	t.Run("default to a page of 20", func(t *testing.T) {
		q, _, err := parse(t, p, "Patient", "", search.ParseOptions{})
		if err != nil || q.Count != 20 || q.CountOnly || len(q.Applied) != 0 || q.Branches[0].Filter != nil {
			t.Errorf("the query is %+v, %v", q, err)
		}
	})
	t.Run("_count=0 and _summary=count ask for the total alone", func(t *testing.T) {
		for _, query := range []string{"_count=0", "_summary=count"} {
			if q, _, err := parse(t, p, "Patient", query, search.ParseOptions{}); err != nil || !q.CountOnly || q.Count != 20 {
				t.Errorf("%s gives %+v, %v", query, q, err)
			}
		}
	})
}

func TestParseTheWholeSystem(t *testing.T) {
	p := newParameters(t)
	t.Run("one branch for all types", func(t *testing.T) {
		q, _, err := parse(t, p, "", "_tag=x&_sort=-_lastUpdated", search.ParseOptions{})
		if err != nil || len(q.Branches) != 1 || q.Branches[0].Type != "" || showTree(q.Branches[0].Filter) != "_tag=x" {
			t.Errorf("the query is %+v, %v", q, err)
		}
	})
	t.Run("_type gives one branch for each", func(t *testing.T) {
		q, _, err := parse(t, p, "", "patient=p1&_type=Observation,Condition,Observation&_sort=-code", search.ParseOptions{})
		if err != nil || len(q.Branches) != 2 || q.Branches[0].Type != "Observation" || q.Branches[1].Type != "Condition" {
			t.Fatalf("the query is %+v, %v", q, err)
		}
		if got := q.Branches[1].Filter.(search.Test).Param; got != p.Lookup("Condition", "patient") {
			t.Errorf("the second branch tests %s of %s", got.Code, got.Base)
		}
		if len(q.Sort[0].Params) != 2 || q.Applied[1] != (search.NameValue{Name: "_type", Value: "Observation,Condition"}) {
			t.Errorf("the query is %+v", q)
		}
	})
	t.Run("parameters of different kinds have no order together", func(t *testing.T) {
		if _, _, err := parse(t, p, "", "_type=Account,Composition&_sort=period", search.ParseOptions{}); err != nil {
			t.Errorf("two dates are refused: %v", err)
		}
		_, _, err := parse(t, p, "", "_type=Patient,Medication&_sort=identifier", search.ParseOptions{})
		if err != nil {
			t.Errorf("two tokens are refused: %v", err)
		}
	})
}

func TestReadQueryString(t *testing.T) {
	got, err := search.ReadQueryString("b=1&a=x%20y+z&&c&b=%2C")
	if want := []search.NameValue{{Name: "b", Value: "1"}, {Name: "a", Value: "x y z"}, {Name: "c"}, {Name: "b", Value: ","}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read as %v, %v", got, err)
	}
	for _, broken := range []string{"a=%zz", "a=%FF", "%C3=a"} {
		if _, err := search.ReadQueryString(broken); err == nil || outcome.As(err).Stage != outcome.StageSyntax {
			t.Errorf("%s gives %v", broken, err)
		}
	}
}
