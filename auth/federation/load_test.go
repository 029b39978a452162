package federation

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kiln/auth/account"
	"kiln/auth/setting"
)

const goodFile = `
providers:
  - name: sample
    title: the sample hospital
    issuer: https://id.hospital.example
    client-id: kiln
    client-secret-file: SECRET
    scopes: [email]
    account-claim: preferred_username
    rank-claim: groups
    ranks: {ward-nurses: nurse, "doctors of all kinds": clinician}
    level: mfa
    fhir-user-claim: fhirUser
    fhir-user-base: https://id.hospital.example/fhir/
    new-accounts: true
    link-by-name: true
    email-domains: [hospital.example]
    require: {tid: [t-1]}
    acr: {"urn:gold": phr}
    amr: {otp: mfa}
    sign-out: true
`

var someTerms = Terms{Ranks: []string{"clinician", "nurse"}}

// withSecret is a file that names a secret which is there.
func withSecret(t *testing.T) (text, secret string) {
	t.Helper()
	secret = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(" s3cret of the provider\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(goodFile, "SECRET", secret, 1), secret
}

func TestLoad(t *testing.T) {
	good, secret := withSecret(t)
	list, err := Load([]byte(good), someTerms)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	p := list[0]
	if p.Name != "sample" || p.Title != "the sample hospital" || p.Issuer != "https://id.hospital.example" || p.ClientID != "kiln" ||
		p.ClientSecret != "s3cret of the provider" || p.Scopes[0] != "email" || p.AccountClaim != "preferred_username" || p.RankClaim != "groups" ||
		!slices.Equal(p.Ranks, []Ranking{{"ward-nurses", "nurse"}, {"doctors of all kinds", "clinician"}}) || p.Level != account.TwoFactors ||
		p.FHIRUserClaim != "fhirUser" || p.FHIRUserBase != "https://id.hospital.example/fhir/" || p.NoNewAccounts || !p.LinkByName ||
		p.EmailDomains[0] != "hospital.example" || p.Require["tid"][0] != "t-1" || p.ACR["urn:gold"] != account.PhishingResistant ||
		p.AMR["otp"] != account.TwoFactors || !p.SignsOut {
		t.Errorf("%+v", p)
	}
	t.Setenv("HOSPITAL_SECRET", "another")
	if list, err := Load([]byte(strings.Replace(good, "client-secret-file: "+secret, "client-secret-env: HOSPITAL_SECRET", 1)), someTerms); err != nil || list[0].ClientSecret != "another" {
		t.Errorf("%+v, %v", list, err)
	}
	local := strings.Replace(good, "issuer: https://id.hospital.example", "issuer: http://127.0.0.1:8080", 1)
	if _, err := Load([]byte(local), Terms{Ranks: someTerms.Ranks, Loopback: true}); err != nil {
		t.Errorf("an issuer of this machine with --insecure: %v", err)
	}
}

// TestLoadWrong: what is wrong is told in sentences, with its lines, and all at once.
func TestLoadWrong(t *testing.T) {
	good, secret := withSecret(t)
	issuer := "issuer: https://id.hospital.example"
	for was, wrong := range map[string][]struct{ becomes, says string }{
		issuer: {
			{"issuer: http://id.hospital.example", "line 5: providers.0.issuer: it must be an https address"},
			{"issuer: http://127.0.0.1:8080", "line 5: providers.0.issuer: an address of this machine without https is for trials, with --insecure"},
			{"issuer: https://id.hospital.example?tenant=1", "line 5: providers.0.issuer: it must be an address"},
			{"issuer: https://kiln@id.hospital.example", "line 5: providers.0.issuer: it must be an address"},
			{"issuer: file:///etc/passwd", "line 5: providers.0.issuer: it must be an address"},
			{"issuer: ftp://id.hospital.example", "line 5: providers.0.issuer: it must be an https address"},
		},
		"the sample hospital":               {{`""`, "line 4: providers.0.title"}},
		"name: sample":                      {{"name: ../sample", "line 3: providers.0.name"}},
		": nurse":                           {{": queen", `line 11: providers.0.ranks.ward-nurses: the policy has no rank "queen"; there are clinician, nurse`}},
		"rank-claim: groups":                {{"# none", "rank-claim and ranks go together"}},
		secret:                              {{secret + "-missing", "line 7: providers.0.client-secret-file: open "}},
		"client-secret-file: " + secret:     {{"client-secret: s3cret", "line 7: providers.0.client-secret"}, {"client-secret-env: KILN_SECRET", "settings of kiln serve"}, {"client-secret-env: NO_SUCH_VARIABLE", "the environment has no NO_SUCH_VARIABLE"}},
		"level: mfa":                        {{"level: high", "line 12: providers.0.level"}},
		"title:":                            {{"titel:", "line 4: providers.0.titel"}},
		"    scopes: [email]":               {{"    client-secret-env: NO_SUCH_VARIABLE", "either client-secret-file or client-secret-env, not both"}},
		"scopes: [email]":                   {{`scopes: ["a b"]`, "line 8: providers.0.scopes.0"}},
		"providers:":                        {{"providers: &x\n  - *x", "aliases are not read"}},
		"https://id.hospital.example/fhir/": {{"https://id.hospital.example/fhir", "line 14: providers.0.fhir-user-base: it goes with fhir-user-claim, and ends in a slash"}},
		"phr}":                              {{"gold}", "line 19: providers.0.acr"}},
		"[hospital.example]":                {{`["@hospital.example"]`, "line 17: providers.0.email-domains.0"}},
		"[t-1]":                             {{"[]", "line 18: providers.0.require.tid"}},
		"sign-out: true":                    {{"sign-out: 1", "line 21: providers.0.sign-out"}},
		good[strings.Index(good, "    rank-claim"):strings.Index(good, "    level")]: {{"", "a new account needs a rank, and there are no ranks"}},
	} {
		for _, w := range wrong {
			if _, err := Load([]byte(strings.Replace(good, was, w.becomes, 1)), someTerms); err == nil || !strings.Contains(err.Error(), w.says) {
				t.Errorf("%s instead of %s: %v; want %q", w.becomes, was, err, w.says)
			} else if strings.Contains(err.Error(), "s3cret of") {
				t.Errorf("the error tells the secret: %v", err)
			}
		}
	}
	twice := good + strings.TrimPrefix(good, "\nproviders:\n")
	if _, err := Load([]byte(twice), someTerms); err == nil || !strings.Contains(err.Error(), `another provider called "sample"`) {
		t.Errorf("two of one name: %v", err)
	}
	both := strings.NewReplacer(": nurse", ": queen", ": clinician", ": king", issuer, "issuer: http://id.hospital.example").Replace(good)
	var problems setting.Problems
	if _, err := Load([]byte(both), someTerms); !errors.As(err, &problems) || len(problems) != 3 {
		t.Errorf("not all at once: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(goodFile))
	f.Add([]byte("providers: [{name: a, title: A, issuer: 'http://[::1]', client-id: k}]"))
	f.Add([]byte("providers:\n- <<: {name: a}\n  ranks: {<<: {a: b}}\n"))
	f.Add([]byte("providers: [{ranks: {[a]: b}}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if strings.Contains(string(text), "client-secret") {
			t.Skip() // it would read files of this machine
		}
		list, err := Load(text, someTerms)
		var problems setting.Problems
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0 || list != nil) {
			t.Fatalf("%v, %T %v", list, err, err)
		}
		for _, p := range list {
			if !strings.HasPrefix(p.Issuer, "https://") && !strings.HasPrefix(strings.ToLower(p.Issuer), "https://") {
				t.Errorf("the issuer %q", p.Issuer)
			}
			for _, r := range p.Ranks {
				if !slices.Contains(someTerms.Ranks, r.Rank) {
					t.Errorf("the rank %q", r.Rank)
				}
			}
		}
	})
}
