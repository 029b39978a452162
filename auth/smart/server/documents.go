package server

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/account"
)

// open lets every page of the world read a document: what is in it is no secret, and apps look for it.
func open(c *gin.Context) {
	c.Header("Access-Control-Allow-Origin", "*")
	c.Header("X-Content-Type-Options", "nosniff")
}

// smartConfiguration and openIDConfiguration are one document, which is whole by both specifications.
func (s *Server) configuration(c *gin.Context) {
	levels := account.Levels()
	texts := make([]string, len(levels))
	for i, level := range levels {
		texts[i] = string(level)
	}
	open(c)
	c.JSON(http.StatusOK, s.addresses.Discovery(texts))
}

// jwks is the public keys: https://www.rfc-editor.org/rfc/rfc7517#section-5
func (s *Server) jwks(c *gin.Context) {
	keys, err := s.signingKeys(c)
	if err != nil {
		s.failApp(c, err)
		return
	}
	set, err := keys.Public()
	if err != nil {
		s.failApp(c, err)
		return
	}
	open(c)
	c.Header("Cache-Control", "max-age=3600")
	c.Data(http.StatusOK, "application/json", set)
}

// style is how apps may look: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#styling
var style = gin.H{
	"color_background": "#eef2f5", "color_error": "#a11226", "color_highlight": "#0b5cad", "color_modal_backdrop": "",
	"color_success": "#1c6b3a", "color_text": "#14202b", "dim_border_radius": "4px", "dim_font_size": "16px", "dim_spacing_size": "16px",
	"font_family_body": "system-ui, sans-serif", "font_family_heading": "system-ui, sans-serif",
}

func (s *Server) styleDocument(c *gin.Context) {
	open(c)
	c.JSON(http.StatusOK, style)
}

// brands is the Bundle by which apps for patients find this hospital:
// https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html
func (s *Server) brands(c *gin.Context) {
	endpoint := gin.H{
		"resourceType": "Endpoint", "id": "fhir", "status": "active", "name": s.options.Site,
		"extension": []gin.H{{
			"url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", "valueCode": "4.0.1",
		}},
		"connectionType": gin.H{"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
		"payloadType":    []gin.H{{"coding": []gin.H{{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "none"}}}},
		"contact":        []gin.H{{"system": "url", "value": s.options.Issuer}},
		"address":        s.addresses.Base,
	}
	brand := gin.H{
		"resourceType": "Organization", "id": "brand", "active": true, "name": s.options.Site,
		"identifier": []gin.H{{"system": "urn:ietf:rfc:3986", "value": s.options.Issuer}},
		"telecom":    []gin.H{{"system": "url", "value": s.options.Issuer}},
		"endpoint":   []gin.H{{"reference": "Endpoint/fhir", "display": s.options.Site}},
		"extension": []gin.H{{
			"url": "http://hl7.org/fhir/StructureDefinition/organization-portal",
			"extension": []gin.H{
				{"url": "portalName", "valueString": s.options.Site},
				{"url": "portalUrl", "valueUrl": s.options.Issuer + "/auth/manage"},
				{"url": "portalEndpoint", "valueReference": gin.H{"reference": "Endpoint/fhir"}},
			},
		}},
	}
	open(c)
	c.Header("Cache-Control", "max-age=3600")
	c.JSON(http.StatusOK, gin.H{
		"resourceType": "Bundle", "type": "collection", "timestamp": s.began.UTC().Format(time.RFC3339),
		"entry": []gin.H{
			{"fullUrl": s.addresses.Base + "/Organization/brand", "resource": brand},
			{"fullUrl": s.addresses.Base + "/Endpoint/fhir", "resource": endpoint},
		},
	})
}
