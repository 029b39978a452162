package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiln/auth/account"
)

const goodProvider = `
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
`

func TestReadFederations(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(" s3cret of the provider\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ranks := []string{"clinician", "nurse"}
	good := strings.Replace(goodProvider, "SECRET", secret, 1)
	list, err := ReadFederations([]byte(good), ranks)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if f := list[0]; f.ClientSecret != "s3cret of the provider" || f.Ranks["doctors of all kinds"] != "clinician" || f.UserClaim != "preferred_username" ||
		f.RankClaim != "groups" || f.Level != account.TwoFactors || f.Issuer != "https://id.hospital.example" || f.Scopes[0] != "email" {
		t.Errorf("%+v", f)
	}
	t.Setenv("KILN_TEST_PROVIDER", "another")
	if list, err := ReadFederations([]byte(strings.Replace(good, "client-secret-file: "+secret, "client-secret-env: KILN_TEST_PROVIDER", 1)), ranks); err != nil || list[0].ClientSecret != "another" {
		t.Errorf("%+v, %v", list, err)
	}
	for was, wrong := range map[string]struct{ becomes, says string }{
		"https://id.hospital.example": {"http://id.hospital.example", "line 5: providers.0.issuer: it must be an https address"},
		"the sample hospital":         {`""`, "line 4: providers.0.title"},
		"name: sample":                {"name: ../sample", "line 3: providers.0.name"},
		": nurse":                     {": queen", `line 11: providers.0.ranks.ward-nurses: the policy has no rank "queen"; there are clinician, nurse`},
		"rank-claim: groups":          {"# none", "rank-claim and ranks go together"},
		secret:                        {secret + "-missing", "line 7: providers.0.client-secret-file: open "},
		"level: mfa":                  {"level: high", "line 12: providers.0.level"},
		"title:":                      {"titel:", "line 4: providers.0.titel"},
		"    scopes: [email]":         {"    client-secret-env: NO_SUCH_VARIABLE", "either client-secret-file or client-secret-env, not both"},
		"scopes: [email]":             {`scopes: ["a b"]`, "line 8: providers.0.scopes.0"},
		"providers:":                  {"providers: &x\n  - *x", "aliases are not read"},
	} {
		if _, err := ReadFederations([]byte(strings.Replace(good, was, wrong.becomes, 1)), ranks); err == nil || !strings.Contains(err.Error(), wrong.says) {
			t.Errorf("%s instead of %s: %v; want %q", wrong.becomes, was, err, wrong.says)
		}
	}
	twice := good + strings.TrimPrefix(good, "\nproviders:\n")
	if _, err := ReadFederations([]byte(twice), ranks); err == nil || !strings.Contains(err.Error(), `another provider called "sample"`) {
		t.Errorf("two of one name: %v", err)
	}
}
