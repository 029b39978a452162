package fhir

// Security is where a server authorizes, for the CapabilityStatement: https://hl7.org/fhir/R4/security.html
type Security struct {
	Authorize, Token, Introspect, Revoke, Register, Manage string // URLs
}

type capabilitySecurity struct {
	Extension   []securityExtension `json:"extension"`
	CORS        bool                `json:"cors"`
	Service     []securityService   `json:"service"`
	Description string              `json:"description"`
}

type securityExtension struct {
	URL       string              `json:"url"`
	ValueURI  string              `json:"valueUri,omitempty"`
	Extension []securityExtension `json:"extension,omitempty"`
}

type securityService struct {
	Coding []securityCoding `json:"coding"`
	Text   string           `json:"text"`
}

type securityCoding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display"`
}

// capability is the part of the CapabilityStatement that says how to be authorized. Its extension came before
// .well-known/smart-configuration, and apps still fall back to it:
// https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
func (s *Security) capability() *capabilitySecurity {
	if s == nil {
		return nil
	}
	addresses := securityExtension{URL: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"}
	for _, one := range []securityExtension{
		{URL: "authorize", ValueURI: s.Authorize},
		{URL: "token", ValueURI: s.Token},
		{URL: "introspect", ValueURI: s.Introspect},
		{URL: "revoke", ValueURI: s.Revoke},
		{URL: "register", ValueURI: s.Register},
		{URL: "manage", ValueURI: s.Manage},
	} {
		if one.ValueURI != "" {
			addresses.Extension = append(addresses.Extension, one)
		}
	}
	const system = "http://terminology.hl7.org/CodeSystem/restful-security-service"
	return &capabilitySecurity{
		Extension: []securityExtension{addresses}, CORS: true,
		Service:     []securityService{{Coding: []securityCoding{{system, "SMART-on-FHIR", "SMART-on-FHIR"}}, Text: "OAuth 2 as SMART App Launch 2.2 profiles it"}},
		Description: "Every request but this one needs an access token. .well-known/smart-configuration tells where to get one.",
	}
}
