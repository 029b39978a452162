package resources_test

import (
	"strings"
	"testing"
	"time"

	"kiln/resources"
)

var moment = time.Date(2026, 3, 1, 10, 30, 5, 7_000_000, time.FixedZone("", 3600))

func TestStamp(t *testing.T) {
	const version, updated = `"versionId":"3"`, `"lastUpdated":"2026-03-01T09:30:05.007Z"`
	for _, c := range []struct{ name, text, want string }{
		{"AResourceWithoutIdOrMeta", `{ "resourceType" : "Patient", "active" : true }`, `{"resourceType":"Patient","id":"p1","meta":{` + version + `,` + updated + `},"active":true}`},
		{"AnIdIsReplacedInPlace", `{"active":true,"id":"x","resourceType":"Patient"}`, `{"active":true,"id":"p1","meta":{` + version + `,` + updated + `},"resourceType":"Patient"}`},
		{"MetaKeepsWhatItHolds", `{"resourceType":"Patient","meta":{"tag":[{"code":"a"}]}}`, `{"resourceType":"Patient","id":"p1","meta":{` + version + `,` + updated + `,"tag":[{"code":"a"}]}}`},
		{"MetaValuesAreReplacedInPlace", `{"resourceType":"Patient","meta":{"lastUpdated":"1999","source":"s","versionId":"9"},"id":"y"}`, `{"resourceType":"Patient","meta":{` + updated + `,"source":"s",` + version + `},"id":"p1"}`},
		{"OnlyAVersion", `{"resourceType":"Patient","id":"y","meta":{"versionId":"9"}}`, `{"resourceType":"Patient","id":"p1","meta":{` + updated + `,` + version + `}}`},
		{"DigitsStay", `{"resourceType":"Basic","x":1.00}`, `{"resourceType":"Basic","id":"p1","meta":{` + version + `,` + updated + `},"x":1.00}`},
		{"OnlyTheRootIsStamped", `{"resourceType":"Basic","contained":[{"resourceType":"Basic","id":"c"}]}`, `{"resourceType":"Basic","id":"p1","meta":{` + version + `,` + updated + `},"contained":[{"resourceType":"Basic","id":"c"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(parse(t, c.text).Stamp("p1").Bytes(3, moment)); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestPartsMakeTheSameStampedAgain(t *testing.T) {
	stamped := parse(t, `{"resourceType":"Patient","meta":{"lastUpdated":"1999","versionId":"9"},"active":true}`).Stamp("p1")
	if got, want := string(resources.Restamp(stamped.Parts()).Bytes(12, moment)), string(stamped.Bytes(12, moment)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestSameContent(t *testing.T) {
	base := `{"resourceType":"Patient","id":"1","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z"},"multipleBirthInteger":2,"name":[{"family":"A","given":["B","C"]}]}`
	for _, c := range []struct {
		name, text string
		same       bool
	}{
		{"WithoutWhatTheServerSets", `{"resourceType":"Patient","multipleBirthInteger":2,"name":[{"family":"A","given":["B","C"]}]}`, true},
		{"WithOtherSpaceAndOrder", `{ "name" : [ { "given" : ["B", "C"], "family" : "A" } ], "multipleBirthInteger" : 2, "resourceType":"Patient", "meta":{} }`, true},
		{"WithAnEscapeForTheSameText", `{"resourceType":"Patient","multipleBirthInteger":2,"name":[{"family":"\u0041","given":["B","C"]}]}`, true},
		{"WithOtherItemOrder", `{"resourceType":"Patient","multipleBirthInteger":2,"name":[{"family":"A","given":["C","B"]}]}`, false},
		{"WithOtherDigits", `{"resourceType":"Patient","multipleBirthInteger":2.0,"name":[{"family":"A","given":["B","C"]}]}`, false},
		{"WithATag", `{"resourceType":"Patient","meta":{"tag":[{"code":"t"}]},"multipleBirthInteger":2,"name":[{"family":"A","given":["B","C"]}]}`, false},
		{"WithAMemberMore", `{"resourceType":"Patient","active":true,"multipleBirthInteger":2,"name":[{"family":"A","given":["B","C"]}]}`, false},
		{"WithAMemberLess", `{"resourceType":"Patient","multipleBirthInteger":2}`, false},
		{"WithTextForANumber", `{"resourceType":"Patient","multipleBirthInteger":"2","name":[{"family":"A","given":["B","C"]}]}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := resources.SameContent(parse(t, base), parse(t, c.text)); got != c.same {
				t.Errorf("same content: %t", got)
			}
		})
	}
}

func TestAppendCompactWithEdits(t *testing.T) {
	doc := parse(t, `{ "a": [1, 2, 3], "b": {"c": "x", "d": null}, "e": true }`)
	a := doc.Member(0, "a")
	got := string(doc.AppendCompact(nil, 0,
		resources.Edit{Node: doc.Member(0, "e")},
		resources.Edit{Node: doc.At(0, "b", "c"), Raw: []byte(`"y"`)},
		resources.Edit{Node: doc.Item(a, 0)},
		resources.Edit{Node: doc.Item(a, 2), Raw: []byte(`[4]`)},
	))
	if want := `{"a":[2,[4]],"b":{"c":"y","d":null}}`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func FuzzStamp(f *testing.F) {
	f.Add(`{"resourceType":"Patient","meta":{"versionId":"1","tag":[]},"id":"x"}`)
	f.Add(`{"meta":7,"resourceType":"Patient"}`)
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := resources.Parse([]byte(strings.Clone(text)))
		if err != nil {
			return
		}
		if _, err := doc.Resource(); err != nil {
			return
		}
		stamped, err := resources.Parse(doc.Stamp("p1").Bytes(3, moment))
		if err != nil {
			t.Fatalf("stamping broke the text: %v", err)
		}
		for _, c := range []struct{ got, want string }{
			{stamped.Text(stamped.Member(0, "id")), "p1"},
			{stamped.Text(stamped.At(0, "meta", "versionId")), "3"},
			{stamped.Text(stamped.At(0, "meta", "lastUpdated")), "2026-03-01T09:30:05.007Z"},
		} {
			if c.got != c.want {
				t.Errorf("stamped %q; want %q", c.got, c.want)
			}
		}
		if kind := doc.Kind(doc.Member(0, "meta")); (kind == resources.Object || doc.Member(0, "meta") == resources.None) && !resources.SameContent(doc, stamped) {
			t.Error("stamping changed the content")
		}
	})
}
