package smart_test

import (
	"strings"
	"testing"

	"kiln/auth/smart"
)

const (
	laboratory = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
	problems   = "patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item"
)

// TestGranularScopesThatCanBeGranted: each category of https://hl7.org/fhir/us/core/STU7/scopes.html#the-following-granular-scopes
// can be granted in the place of its type.
func TestGranularScopesThatCanBeGranted(t *testing.T) {
	categories := map[string][]string{
		"Condition":   {"condition-category|encounter-diagnosis", "condition-category|problem-list-item", "condition-category|health-concern"},
		"Observation": {"category|laboratory", "category|social-history", "category|vital-signs", "category|survey", "us-core-category|sdoh"},
	}
	offered := func(scopes string) map[string][]string {
		by := map[string][]string{}
		for _, offer := range smart.Offers(set(t, scopes)) {
			for _, n := range offer.Narrower {
				if n.Ticked || n.Text == "" || n.Narrower != nil {
					t.Errorf("%s is offered as %+v", n.Value, n)
				}
				typ, _, _ := strings.Cut(strings.TrimPrefix(n.Value, "patient/"), ".")
				by[typ] = append(by[typ], n.Value)
			}
		}
		return by
	}
	for scopes, types := range map[string][]string{
		"patient/Condition.rs": {"Condition"}, "patient/Observation.read": {"Observation"}, "patient/*.cruds": {"Condition", "Observation"},
		"patient/Patient.rs": nil, "patient/Observation.cud": nil, "openid launch/patient": nil, laboratory: nil,
	} {
		got := offered(scopes)
		if len(got) != len(types) {
			t.Errorf("for %s there is offered %v", scopes, got)
		}
		for _, typ := range types {
			if len(got[typ]) != len(categories[typ]) {
				t.Errorf("for %s there is offered %v", scopes, got[typ])
				continue
			}
			for i, ends := range categories[typ] {
				if !strings.HasPrefix(got[typ][i], "patient/"+typ+".rs?category=http://") || !strings.HasSuffix(got[typ][i], ends) {
					t.Errorf("for %s there is offered %s, want one that ends in %s", scopes, got[typ][i], ends)
				}
			}
		}
	}
}

func TestOffersSayWhatTheyAllow(t *testing.T) {
	for scopes, want := range map[string]string{
		"openid":                           "know that it is you",
		"fhirUser":                         "know who you are in the hospital's records",
		"launch/patient":                   "know which patient you chose",
		"offline_access":                   "keep its access while you are away, until you take it back",
		"patient/Observation.rs":           "see each Observation of the patient",
		"patient/*.cruds":                  "see, add, change, delete everything of the patient",
		"user/Patient.r":                   "see each Patient that you may see yourself",
		"user/Patient.cu":                  "add, change each Patient that you may see yourself",
		laboratory:                         "see laboratory results of the patient",
		problems:                           "see the problem list of the patient",
		"patient/Observation.rs?code=10-1": "see each Observation with code=10-1 of the patient",
	} {
		offers := smart.Offers(set(t, scopes))
		if len(offers) != 1 || offers[0].Text != want || offers[0].Value != scopes || !offers[0].Ticked {
			t.Errorf("%s is offered as %+v, want %q", scopes, offers, want)
		}
	}
	for _, one := range []string{"profile", "launch", "launch/encounter", "online_access"} {
		if offers := smart.Offers(set(t, one)); offers[0].Text == "" {
			t.Errorf("nobody says what %s allows", one)
		}
	}
}

func TestConsentsAreDecided(t *testing.T) {
	const wide = "openid offline_access patient/Observation.rs patient/Condition.rs"
	for _, c := range []struct {
		name, asked string
		chosen      []string
		want        string
	}{
		{"everything", wide, strings.Fields(wide), wide},
		{"nothing", wide, nil, ""},
		{"some, in the order asked", wide, []string{"patient/Condition.rs", "openid"}, "openid patient/Condition.rs"},
		{"narrower in the place of wide", wide, []string{"openid", laboratory, problems}, "openid " + laboratory + " " + problems},
		{"wide and narrower are wide", wide, []string{"patient/Observation.rs", laboratory}, "patient/Observation.rs"},
		{"what was not asked", wide, []string{"openid", "user/*.cruds", "patient/Patient.rs", "patient/Observation.cruds"}, "openid"},
		{"a category that was not offered", wide, []string{"patient/Observation.rs?category=activity"}, ""},
		{"wider letters on a category", wide, []string{strings.Replace(laboratory, ".rs?", ".cruds?", 1)}, ""},
		{"a category of another level", wide, []string{strings.Replace(laboratory, "patient/", "user/", 1)}, ""},
		{"what two scopes offer, once", "patient/*.rs patient/Observation.rs", []string{laboratory}, laboratory},
	} {
		if got := smart.Decide(set(t, c.asked), c.chosen).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
