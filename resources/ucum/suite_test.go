package ucum_test

import (
	"encoding/xml"
	"flag"
	"os"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/ucum"
)

// suite is the file of the UCUM Functional Tests (FHIR/Ucum-java, EPL 1.0), read in place.
var suite = flag.String("suite", "../../../shared/data/ucum/UcumFunctionalTests.xml", "the UCUM Functional Tests")

type functionalTests struct {
	Validation []struct {
		ID    string `xml:"id,attr"`
		Unit  string `xml:"unit,attr"`
		Valid bool   `xml:"valid,attr"`
	} `xml:"validation>case"`
	Conversion []struct {
		ID      string `xml:"id,attr"`
		Value   string `xml:"value,attr"`
		From    string `xml:"srcUnit,attr"`
		To      string `xml:"dstUnit,attr"`
		Outcome string `xml:"outcome,attr"`
	} `xml:"conversion>case"`
	Multiplication []struct {
		ID    string `xml:"id,attr"`
		V1    string `xml:"v1,attr"`
		U1    string `xml:"u1,attr"`
		V2    string `xml:"v2,attr"`
		U2    string `xml:"u2,attr"`
		Value string `xml:"vRes,attr"`
		Unit  string `xml:"uRes,attr"`
	} `xml:"multiplication>case"`
}

// TestFunctionalTests runs the official cases. Their outcomes are rounded to the digits of
// the question, so results are rounded to the digits of the outcome.
func TestFunctionalTests(t *testing.T) {
	text, err := os.ReadFile(*suite)
	if err != nil {
		t.Skip("the UCUM Functional Tests are not here; -suite names their file")
	}
	var tests functionalTests
	if err := xml.Unmarshal(text, &tests); err != nil {
		t.Fatal(err)
	}
	if len(tests.Validation) == 0 || len(tests.Conversion) == 0 || len(tests.Multiplication) == 0 {
		t.Fatal("the file lacks cases")
	}
	for _, c := range tests.Validation {
		if _, err := ucum.Parse(c.Unit); (err == nil) != c.Valid {
			t.Errorf("%s: Parse(%q) = %v, want valid %t", c.ID, c.Unit, err, c.Valid)
		}
	}
	for _, c := range tests.Conversion {
		got, err := ucum.Convert(decimal(t, c.Value), c.From, c.To)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
		} else {
			same(t, c.ID, got, decimal(t, c.Outcome))
		}
	}
	for _, c := range tests.Multiplication {
		v := new(apd.Decimal)
		if _, err := apd.BaseContext.Mul(v, decimal(t, c.V1), decimal(t, c.V2)); err != nil {
			t.Fatal(err)
		}
		if !ucum.Equal(v, "("+c.U1+").("+c.U2+")", decimal(t, c.Value), c.Unit) {
			t.Errorf("%s: %s %s × %s %s is not %s %s", c.ID, c.V1, c.U1, c.V2, c.U2, c.Value, c.Unit)
		}
	}
	t.Logf("%d validation, %d conversion, %d multiplication cases", len(tests.Validation), len(tests.Conversion), len(tests.Multiplication))
}

// same compares at the digits of want.
func same(t *testing.T, id string, got, want *apd.Decimal) {
	t.Helper()
	rounded := new(apd.Decimal)
	context := apd.BaseContext.WithPrecision(uint32(want.NumDigits()))
	if _, err := context.Round(rounded, got); err != nil || rounded.Cmp(want) != 0 {
		t.Errorf("%s: %s, want %s", id, got, want)
	}
}

func decimal(t *testing.T, text string) *apd.Decimal {
	t.Helper()
	d, _, err := apd.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
