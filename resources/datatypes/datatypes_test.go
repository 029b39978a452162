package datatypes_test

import (
	"strings"
	"testing"
	"time"

	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/resources/definitions"
)

func TestDateTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, from, to string }{
		{"AYearCoversItsDays", "1970", "1970-01-01T00:00:00+01:00", "1971-01-01T00:00:00+01:00"},
		{"AMonthOfALeapYear", "2024-02", "2024-02-01T00:00:00+01:00", "2024-03-01T00:00:00+01:00"},
		{"ADayWith23Hours", "2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"},
		{"AnHour", "2026-03-01T10", "2026-03-01T10:00:00+01:00", "2026-03-01T11:00:00+01:00"},
		{"AMinuteWithOffset", "2026-03-01T10:30-05:00", "2026-03-01T10:30:00-05:00", "2026-03-01T10:31:00-05:00"},
		{"ASecondInUTC", "2026-03-01T10:30:05Z", "2026-03-01T10:30:05Z", "2026-03-01T10:30:06Z"},
		{"AHundredth", "2026-03-01T10:30:05.25Z", "2026-03-01T10:30:05.25Z", "2026-03-01T10:30:05.26Z"},
		{"AnOffsetOfMinutes", "2026-03-01T10:30:05+05:45", "2026-03-01T10:30:05+05:45", "2026-03-01T10:30:06+05:45"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := datatypes.ParseDateTime(c.text)
			if err != nil {
				t.Fatal(err)
			}
			from, to := got.Range(berlin)
			if !from.Equal(instant(t, c.from)) || !to.Equal(instant(t, c.to)) {
				t.Errorf("covers %s to %s; want %s to %s", from, to, c.from, c.to)
			}
			if got.String() != c.text {
				t.Errorf("writes %q", got)
			}
		})
	}
}

func TestDateTimeThatIsNone(t *testing.T) {
	for _, text := range []string{
		"", "0000", "197", "1970-", "1970-13", "1970-00", "1970-02-30", "1970-01-01T24", "1970-01-01T10:60",
		"1970-01-01T10:00:61Z", "1970-01-01T10:00:00.Z", "1970-01-01T10:00:00+15:00", "1970-01-01T10:00:00+01", "1970-01-01 10:00",
		"1970-01-01Z", "+1970", "1970-1-1", "１９７０",
	} {
		if got, err := datatypes.ParseDateTime(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	m, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTime(t *testing.T) {
	for _, text := range []string{"10", "10:30", "10:30:59", "10:30:59.1200", "23:59:60"} {
		got, err := datatypes.ParseTime(text)
		if err != nil || got.String() != text {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "24:00", "1:00", "10:60", "10:00:00Z", "10:00:00."} {
		if got, err := datatypes.ParseTime(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct{ text, low, high string }{
		{"100", "99.5", "100.5"},
		{"100.00", "99.995", "100.005"},
		{"-0.5", "-0.55", "-0.45"},
		{"0", "-0.5", "0.5"},
		{"1e2", "5E+1", "1.5E+2"},
		{"123456789012345678901234567890.5", "123456789012345678901234567890.45", "123456789012345678901234567890.55"},
	} {
		d, err := datatypes.ParseDecimal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		low, high := datatypes.Implied(d)
		if low.String() != c.low || high.String() != c.high {
			t.Errorf("%s implies [%s, %s); want [%s, %s)", c.text, low, high, c.low, c.high)
		}
	}
	for _, text := range []string{"", "NaN", "Infinity", "1e999999999", "1e-999999999", "0x10", "1_000", "--1", ".", "1.", "1.e5", "1.2.3"} {
		if d, err := datatypes.ParseDecimal(text); err == nil {
			t.Errorf("%q is read as %s", text, d)
		}
	}
}

func element(t *testing.T, typ, text string) resources.Element {
	t.Helper()
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc.As(0, definitions.R4().Type(typ))
}

func TestQuantityKeepsItsDigits(t *testing.T) {
	q := datatypes.QuantityOf(element(t, "Quantity", `{"value":1.50,"comparator":"<","unit":"Gramm","system":"http://unitsofmeasure.org","code":"g"}`))
	if q.Value.Text('f') != "1.50" || q.Comparator != "<" || q.Unit != "Gramm" || q.Code != "g" || q.System != "http://unitsofmeasure.org" {
		t.Errorf("read as %+v", q)
	}
}

func TestTimingBounds(t *testing.T) {
	events, bounds := datatypes.TimingBounds(element(t, "Timing", `{"event":["2026-01-01","2026-01-03T10:00:00Z"],"repeat":{"boundsPeriod":{"start":"2026-01"}}}`))
	if len(events) != 2 || events[0].String() != "2026-01-01" || bounds.Start == nil || bounds.Start.String() != "2026-01" || bounds.End != nil {
		t.Errorf("read as %v, %+v", events, bounds)
	}
}

func FuzzParseDateTime(f *testing.F) {
	for _, seed := range []string{"1970", "1970-02-28T23:59:60.123+14:00", "2026-03-01T10:30-05:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := datatypes.ParseDateTime(text)
		if err != nil {
			return
		}
		again, err := datatypes.ParseDateTime(got.String())
		if err != nil || again != got {
			t.Errorf("%q is read as %+v and written %q, which is read as %+v, %v", text, got, got, again, err)
		}
	})
}

// FHIR sets no bound on the digits of a fraction, so a time with many is found like any other.
func TestAFractionOfManyDigits(t *testing.T) {
	text := "2020-06-15T10:00:00.5" + strings.Repeat("0", 1000) + "Z"
	got, err := datatypes.ParseDateTime(text)
	if err != nil {
		t.Fatal(err)
	}
	if got.Nanosecond != 500_000_000 || got.Precision != datatypes.Fraction || !strings.HasPrefix(text, got.String()[:40]) {
		t.Errorf("read %v", got)
	}
}
