package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kiln/resources/definitions"
	"kiln/store"
)

var keys = []promise{
	{"what never was is not found, however alike the keys", neverWas},
	{"ids that look alike are apart, in reads, searches, sorts and references", idsApart},
	{"all resource types are apart", typesApart},
	{"many alike resources come back as they were, in every version", manyAlike},
}

func neverWas(t *trial) {
	present := []string{"Medication/Request1", "Patient/a", "Patient/a.b", "Patient/B", "Patient/a-1", "Observation/10"}
	for _, key := range present {
		t.put(Put(key))
	}
	for _, key := range []string{
		"MedicationRequest/1", "Patient/A", "Patient/a.", "Patient/a.b.", "Patient/b", "Patient/a-", "Patient/a-10",
		"Person/a", "Observation/a", "Observation/1", "Observation/100",
	} {
		t.absent(t, key)
		_, err := t.ReadVersion(t.ctx, Key(key), 1)
		t.is(key, err, store.ErrNotFound)
		t.equal("the history of "+key, tags(t.history(t, store.HistoryQuery{Type: Key(key).Type, ID: Key(key).ID})), []string{})
	}
	for _, key := range present {
		t.equal("the key", t.read(t, key).Key, Key(key))
		t.equal("the history", tags(t.history(t, store.HistoryQuery{Type: Key(key).Type, ID: Key(key).ID})), []string{key + " 1"})
	}
}

// lookalikes are ids that an engine might fold, pack or cut into one another.
var lookalikes = []string{
	"0", "00", "1", "01", "001", "10", "-1", "1-", "1.0", "1e1", "255", "256", "65536", "4294967296", "9223372036854775808",
	"18446744073709551615", "18446744073709551616", "018446744073709551615", "99999999999999999999999999999999",
	"c757873d-ec9a-4326-a141-556f43239520", "C757873D-EC9A-4326-A141-556F43239520", "c757873D-ec9a-4326-a141-556f43239520",
	"c757873dec9a4326a141556f43239520", "c757873d-ec9a-4326-a141-556f4323952", "c757873d-ec9a-4326-a141-556f432395200",
	"c757873d-ec9a4-326-a141-556f43239520", "c757873d-ec9a-1326-a141-556f43239520", "00000000-0000-0000-0000-000000000000",
	"ffffffff-ffff-ffff-ffff-ffffffffffff", "g757873d-ec9a-4326-a141-556f43239520",
	"a", "A", "aa", "a.", "a-", ".a", "a.a", "ab", "-", ".", "--", "..", "deadbeef", "DEADBEEF", "1f", "1F",
	strings.Repeat("a", 64), strings.Repeat("a", 63), strings.Repeat("a", 63) + "b", strings.Repeat("9", 64), strings.Repeat("-", 64),
}

func idsApart(t *trial) {
	for i, id := range lookalikes {
		t.put(Put("Patient/"+id, fmt.Sprintf(`"multipleBirthInteger":%d`, i)), Put(fmt.Sprintf("Observation/o%d", i), `"subject":{"reference":"Patient/`+id+`"}`))
	}
	sorted := slices.Clone(lookalikes)
	slices.Sort(sorted)
	t.finds("Patient?_sort=_id&_count=10", strings.Join(sorted, " "))
	slices.Reverse(sorted)
	t.finds("Patient?_sort=-_id&_count=100", strings.Join(sorted, " "))
	t.finds("Patient?_count=100", strings.Join(lookalikes, " "))
	for i, id := range lookalikes {
		v := t.read(t, "Patient/"+id)
		t.equal("the key", v.Key, store.Key{Type: "Patient", ID: id})
		if want := fmt.Sprintf(`{"resourceType":"Patient","id":%q,"meta"`, id); !strings.HasPrefix(string(v.Body), want) || !strings.Contains(string(v.Body), fmt.Sprintf(`:%d}`, i)) {
			t.Fatalf("Patient/%s has the body %s", id, v.Body)
		}
		t.finds("Patient?_id="+id, id)
		t.finds("Observation?subject=Patient/"+id, fmt.Sprintf("o%d", i))
		t.finds(fmt.Sprintf("Patient?_has:Observation:subject:_id=o%d", i), id)
		t.finds("Observation?subject:Patient._id="+id, fmt.Sprintf("o%d", i))
	}
	t.put(Delete("Patient/" + lookalikes[0]))
	t.equal("the length of the history", len(t.history(t, store.HistoryQuery{Type: "Patient"})), len(lookalikes)+1)
}

func typesApart(t *trial) {
	names := definitions.R4().ResourceNames()
	for i, name := range names {
		t.put(Put(name + "/same"))
		if i%3 == 0 {
			t.put(Put(name + "/same"))
		}
	}
	for i, name := range names {
		want := fmt.Sprintf("%s/same %d", name, 1+max(0, 1-i%3))
		t.equal("the resource", tags([]store.Version{t.read(t, name+"/same")}), []string{want})
		t.equal("the matches", t.find(t, name+"?_id=same"), []string{want})
		t.equal("the newest of the history", tags(t.history(t, store.HistoryQuery{Type: name, Count: 1})[:1]), []string{want})
	}
	t.equal("the matches of all", len(t.find(t, "?_id=same&_count=50")), len(names))
}

// manyAlike is for engines that learn how to press resources together.
func manyAlike(t *trial) {
	alike := func(i, edition int) store.Change {
		return Put(fmt.Sprintf("Observation/o%d", i), `"status":"final"`,
			`"code":{"coding":[{"system":"http://loinc.org","code":"29463-7","display":"Body weight"}],"text":"Body weight measured"}`,
			fmt.Sprintf(`"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"2025-0%d-01T10:00:00+02:00"`, i%17, 1+i%9),
			fmt.Sprintf(`"valueQuantity":{"value":%d.%d0,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}`, 50+i%40, edition))
	}
	count := 100 * t.rounds(7)
	want := map[store.Key][]string{}
	for edition := range 3 {
		t.clock.Advance(time.Second)
		for first := 0; first < count; first += 100 {
			var changes []store.Change
			for i := first; i < first+100; i++ {
				changes = append(changes, alike(i, edition))
			}
			for i, v := range t.put(changes...) {
				want[v.Key] = append(want[v.Key], string(changes[i].Content.Bytes(v.VersionID, v.LastUpdated)))
			}
		}
	}
	check := func() {
		seen := 0
		for _, v := range t.history(t, store.HistoryQuery{Count: 1000}) {
			if string(v.Body) != want[v.Key][v.VersionID-1] {
				t.Fatalf("%s is %s, not %s", v.Key, v.Body, want[v.Key][v.VersionID-1])
			}
			seen++
		}
		t.equal("the length of the history", seen, 3*count)
		for key, bodies := range want {
			t.equal("the body", string(t.read(t, key.String()).Body), bodies[2])
		}
	}
	check()
	if t.durable {
		t.reopen()
		check()
	}
}
