package fhirpath_test

// officialFailures are the cases of the official suite that fail, by name, each with its reason. A
// listed case that passes is a failure of the test.
var officialFailures = map[string]string{}

// scriptFailures are those of the cases of fhirpath.js, by file and expression.
var scriptFailures = failures{
	{"That engine reads a primitive without a value as equal to any other; here ids and extensions decide.", []string{
		`5.1_existence.yaml: "Functions.collWith2NullAndTrue.supersetOf(Functions.collWithNullAndTrue)"`,
	}},
	{"That engine lets System.String match a FHIR string in ofType; the official suite keeps the two apart (Patient.active.is(Boolean) is false).", []string{
		`5.2_filtering_and_projection.yaml: "Patient.name.given.ofType(FHIR.string) = Patient.name.given.ofType(System.String)"`,
	}},
	{"A Long is a number like any other, so it converts to a quantity.", []string{
		`5.5_conversion.yaml: "1L.toQuantity() = 1 '1'"`,
	}},
	{"That engine computes with binary fractions and rounds to 8 decimals before it compares; decimals here are exact.", []string{
		`6.1_equality.yaml: "(%factory.decimal(0.3, %factory.Extension('someExt', 'someString')) =\n %factory.decimal(0.30000000000000004, %factory.Extension('someExt', 'someString')))"`,
		`6.6_math.yaml: "(1 'a') / (1 year).toQuantity('seconds').toQuantity('s') = 1.0006849315068493"`,
		`6.6_math.yaml: "(1 year).toQuantity('seconds').toQuantity('s') / (1 'a') = 0.999315537303217"`,
		`6.6_math.yaml: "(1 'mo') / (1 year).toQuantity('seconds').toQuantity('s') = 0.08339041095890411"`,
		`6.6_math.yaml: "(1 year).toQuantity('seconds').toQuantity('s') / (1 'mo') = 11.991786447638603"`,
	}},
	{"integer64 is a type of R5.", []string{
		`6.1_equality.yaml: "(%factory.integer64(123, %factory.Extension('someExt', 'someString')) =\n %factory.integer64(123, %factory.Extension('someExt', 'someString')))"`,
		`6.1_equality.yaml: "(%factory.integer64(456, %factory.Extension('someExt', 'someString')) =\n %factory.integer(456, %factory.Extension('someExt', 'someString')))"`,
		`6.1_equality.yaml: "(%factory.integer64(456, %factory.Extension('someExt', 'someString')) =\n %factory.integer(456, %factory.Extension('someExt', 'someString2')))"`,
		`bigint.yaml: "Parameters.parameter.value + 1 = 12345678901234567891L"`,
		`factory.yaml: "%factory.integer64(134).where($this is integer64)"`,
		`factory.yaml: "%factory.integer64(134, %factory.Extension('someExt', 'someString')) .extension('someExt').value = 'someString'"`,
	}},
	{"Primitives with values are equal when the values are: FHIR primitives are read as System values, which have no extensions.", []string{
		`6.1_equality.yaml: "(%factory.date('2024-01-01', %factory.Extension('someExt', 'someString')) =\n %factory.date('2024-01-01', %factory.Extension('someExt', 'someString'))) |\n(%factory.date('2024-01-01', %factory.Extension('someExt', 'someString1')) =\n %factory.date('2024-01-01', %factory.Extension('someExt', 'someString2')))"`,
		`6.1_equality.yaml: "Bundle.entry[1].resource.name.given[0] = Bundle.entry[2].resource.name.given[0]"`,
	}},
	{"The official suite has 4 'g' ~ 4040 'mg', so quantities are rounded in the larger unit; that engine converts to the smaller one.", []string{
		`6.1_equality.yaml: "23 'Cel' !~ 74 '[degF]'"`,
		`6.1_equality.yaml: "4 'g' !~ 4040 'mg'"`,
		`6.1_equality.yaml: "4040 'mg' !~ 4 'g'"`,
		`6.1_equality.yaml: "4040 'mg' !~ 4.041 'g'"`,
	}},
	{"Without types there is no Observation.value, and comparable() of nothing is empty.", []string{
		`6.2_comparision.yaml: "Observation.value.comparable(1 year)"`,
	}},
	{"Type names of DSTU2.", []string{
		`extensions.yaml: "Patient.communication.preferred.extension('test').value.id is FHIR.id"`,
	}},
	{"FHIR's time has seconds, so 10:00 is none.", []string{
		`factory.yaml: "%factory.time('10:00').where($this is time) =  @T10:00"`,
	}},
	{"valueCode is a name of JSON; the element is value.", []string{
		`factory.yaml: "%factory.Extension('someExt', %factory.code('some code')).where($this is Extension and $this.valueCode is code).value = 'some code'"`,
	}},
	{"A Quantity with a comparator does not convert; that is empty, as for every other conversion.", []string{
		`fhir-quantity.yaml: "QuestionnaireResponse.item[3].answer.value.toQuantity()"`,
	}},
	{"xhtml is a primitive type of R4 and has a value.", []string{
		"hasValue.yaml: \"Patient.text.`div`.hasValue()\"",
	}},
	{"A criterion of two items is no single boolean.", []string{
		`simple.yaml: "Patient.name.exists(given)"`,
	}},
	{"length is a property of JavaScript strings, not of FHIR's.", []string{
		`simple.yaml: "Patient.name.given.select($this.length) = Patient.name.given.select(length)"`,
	}},
}.byCase()

// failures are cases that fail for the same reason.
type failures []struct {
	reason string
	cases  []string
}

func (f failures) byCase() map[string]string {
	reasons := map[string]string{}
	for _, group := range f {
		for _, c := range group.cases {
			reasons[c] = group.reason
		}
	}
	return reasons
}
