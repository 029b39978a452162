package smart_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"kiln/auth/smart"
)

// TestCapabilitiesAreThoseThatHospitalsMustHave: the lists of https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html that the
// test method of the US regulation asks for by letter, for apps started by themselves and from an EHR.
func TestCapabilitiesAreThoseThatHospitalsMustHave(t *testing.T) {
	for launch, list := range map[string]string{
		"standalone": "launch-standalone client-public client-confidential-symmetric client-confidential-asymmetric sso-openid-connect context-standalone-patient permission-offline permission-patient authorize-post permission-v2 permission-v1",
		"EHR":        "launch-ehr client-confidential-symmetric client-confidential-asymmetric sso-openid-connect context-banner context-style context-ehr-patient context-ehr-encounter permission-offline permission-user authorize-post permission-v2 permission-v1",
	} {
		for _, one := range strings.Fields(list) {
			if !slices.Contains(smart.Capabilities, one) {
				t.Errorf("%s: %s is not there", launch, one)
			}
		}
	}
}

func TestDiscoveryHasWhatIsRequired(t *testing.T) {
	text, err := json.Marshal(addresses.Discovery([]string{"pwd", "mfa"}))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"issuer", "jwks_uri", "authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint", "registration_endpoint", "management_endpoint", "end_session_endpoint", "user_access_brand_bundle",
	} {
		if address, _ := m[name].(string); address != issuer && !strings.HasPrefix(address, issuer+"/") {
			t.Errorf("%s is %v", name, m[name])
		}
	}
	for name, want := range map[string][]string{
		"grant_types_supported":                            {"authorization_code", "refresh_token", "client_credentials"},
		"code_challenge_methods_supported":                 {"S256"},
		"response_types_supported":                         {"code"},
		"subject_types_supported":                          {"public"},
		"id_token_signing_alg_values_supported":            {"RS256"},
		"token_endpoint_auth_signing_alg_values_supported": {"RS384", "ES384"},
		"token_endpoint_auth_methods_supported":            {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"acr_values_supported":                             {"pwd", "mfa"},
	} {
		got := []string{}
		for _, one := range m[name].([]any) {
			got = append(got, one.(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if m["authorization_response_iss_parameter_supported"] != true || m["request_parameter_supported"] != false || m["request_uri_parameter_supported"] != false {
		t.Errorf("what answers and requests may have is %s", text)
	}
}
