package smart

// Addresses are where the server answers. Each is made of its public address, never of what a request says.
type Addresses struct {
	Issuer string // public address, without a slash at its end
	Base   string // of FHIR
}

// The paths below the issuer.
const (
	PathAuthorize  = "/auth/authorize"
	PathToken      = "/auth/token" //nolint:gosec // an address
	PathIntrospect = "/auth/introspect"
	PathRevoke     = "/auth/revoke"
	PathRegister   = "/auth/register"
	PathKeys       = "/auth/jwks"
	PathManage     = "/auth/manage"
	PathLogout     = "/auth/logout"
	PathStyle      = "/auth/style.json"
	PathBrands     = "/auth/brands"
)

// Capabilities are what of SMART there is: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#capability-sets
var Capabilities = []string{
	"launch-ehr", "launch-standalone", "authorize-post",
	"client-public", "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect",
	"context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient",
	"permission-offline", "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
}

// Configuration is both documents of discovery: what SMART wants
// (https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known) and what OpenID wants
// (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata).
type Configuration struct {
	Issuer              string   `json:"issuer"`
	JWKS                string   `json:"jwks_uri"`
	Authorize           string   `json:"authorization_endpoint"`
	Token               string   `json:"token_endpoint"`
	Introspect          string   `json:"introspection_endpoint"`
	Revoke              string   `json:"revocation_endpoint"`
	Register            string   `json:"registration_endpoint"`
	Manage              string   `json:"management_endpoint"`
	EndSession          string   `json:"end_session_endpoint"`
	Capabilities        []string `json:"capabilities"`
	GrantTypes          []string `json:"grant_types_supported"`
	ResponseTypes       []string `json:"response_types_supported"`
	ResponseModes       []string `json:"response_modes_supported"`
	Scopes              []string `json:"scopes_supported"`
	ChallengeMethods    []string `json:"code_challenge_methods_supported"`
	TokenMeans          []string `json:"token_endpoint_auth_methods_supported"`
	TokenAlgorithms     []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionMeans  []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationMeans     []string `json:"revocation_endpoint_auth_methods_supported"`
	Subjects            []string `json:"subject_types_supported"`
	IDTokenAlgorithms   []string `json:"id_token_signing_alg_values_supported"`
	Claims              []string `json:"claims_supported"`
	ACR                 []string `json:"acr_values_supported"`
	IssuerInAnswer      bool     `json:"authorization_response_iss_parameter_supported"`
	BrandBundle         string   `json:"user_access_brand_bundle"`
	BrandIdentifier     any      `json:"user_access_brand_identifier,omitempty"`
	RequestParameter    bool     `json:"request_parameter_supported"`
	RequestURIParameter bool     `json:"request_uri_parameter_supported"`
	ClaimsParameter     bool     `json:"claims_parameter_supported"`
	PromptValues        []string `json:"prompt_values_supported"`
}

// Discovery is what there is to find. Levels are the ways of signing in, from the weakest.
func (a Addresses) Discovery(levels []string) Configuration {
	at := func(path string) string { return a.Issuer + path }
	return Configuration{
		Issuer: a.Issuer, JWKS: at(PathKeys), Authorize: at(PathAuthorize), Token: at(PathToken), Introspect: at(PathIntrospect),
		Revoke: at(PathRevoke), Register: at(PathRegister), Manage: at(PathManage), EndSession: at(PathLogout),
		Capabilities: Capabilities, GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"},
		ResponseTypes: []string{"code"}, ResponseModes: []string{"query"},
		Scopes: []string{
			"openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access",
			"patient/*.cruds", "user/*.cruds", "system/*.cruds", "patient/*.rs", "user/*.rs", "system/*.rs",
			"patient/*.read", "patient/*.write", "patient/*.*", "user/*.read", "user/*.write", "user/*.*",
		},
		ChallengeMethods: []string{"S256"},
		TokenMeans:       []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}, TokenAlgorithms: []string{"RS384", "ES384"},
		IntrospectionMeans: []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		RevocationMeans:    []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		Subjects:           []string{"public"}, IDTokenAlgorithms: []string{"RS256"},
		Claims: []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "fhirUser", "profile"},
		ACR:    levels, IssuerInAnswer: true, BrandBundle: at(PathBrands), PromptValues: []string{"none", "login", "consent"},
	}
}
