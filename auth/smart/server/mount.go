package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kiln/auth/policy"
	"kiln/auth/smart"
)

// Mount adds the addresses of the authorization server.
func (s *Server) Mount(engine *gin.Engine) {
	for _, path := range [...]string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		engine.GET(path, s.configuration)
		engine.OPTIONS(path, preflight)
	}
	for _, public := range [...]struct {
		method, path string
		handle       gin.HandlerFunc
	}{
		{http.MethodGet, smart.PathKeys, s.jwks},
		{http.MethodGet, smart.PathStyle, s.styleDocument},
		{http.MethodGet, smart.PathBrands, s.brands},
		{http.MethodPost, smart.PathToken, s.tokenEndpoint},
		{http.MethodPost, smart.PathIntrospect, s.introspect},
		{http.MethodPost, smart.PathRevoke, s.revokeEndpoint},
		{http.MethodPost, smart.PathRegister, s.register},
	} {
		engine.Handle(public.method, public.path, open, public.handle)
		engine.OPTIONS(public.path, preflight)
	}
	engine.GET(smart.PathAuthorize, s.authorize)
	engine.POST(smart.PathAuthorize, s.authorize)
	engine.POST("/auth/launch", s.launch)

	pages := engine.Group("/auth", limitForms)
	for path, handle := range map[string]gin.HandlerFunc{
		"/signin": s.getSignIn, "/continue": s.goOn, "/manage": s.getManage, "/people": s.getPeople, "/apps": s.getApps, "/glass": s.getGlass, "/person": s.getPerson, "/logout": s.getLogout, "/signedout": s.signedOut,
		"/invitation/:token": s.getInvitation, "/federation/:name/callback": s.getFederationCallback,
	} {
		pages.GET(path, handle)
	}
	for path, handle := range map[string]gin.HandlerFunc{
		"/signin": s.postSignIn, "/picker": s.postPicker, "/consent": s.postConsent, "/manage": s.postManage, "/people": s.postPeople, "/apps": s.postApps, "/glass": s.postGlass, "/person": s.postPerson,
		"/logout": s.postLogout, "/invitation/:token": s.postInvitation, "/federation/:name": s.postFederation,
	} {
		pages.POST(path, handle)
	}
	if s.passkeys == nil {
		s.options.Logger.Info("there are no passkeys, since the base URL has an address of the network instead of a name")
	}
	for path, handle := range map[string]gin.HandlerFunc{
		"/passkey/ask": s.askPasskey, "/passkey/use": s.usePasskey, "/passkey/offer": s.offerPasskey, "/passkey/add": s.addPasskey,
	} {
		if s.passkeys != nil {
			pages.POST(path, s.ownScript, handle)
		}
	}
	pages.GET("/style.css", asset("style.css", "text/css; charset=utf-8"))
	pages.GET("/passkey.js", asset("passkey.js", "text/javascript; charset=utf-8"))

	admin := engine.Group("/auth/admin", limitForms)
	people, apps := s.administrator(policy.Users), s.administrator(policy.Clients)
	admin.GET("/users", people, s.listPeople)
	admin.POST("/users", people, s.addPerson)
	admin.PATCH("/users/:name", people, s.changePerson)
	admin.GET("/clients", apps, s.listApps)
	admin.POST("/clients", apps, s.addApp)
	admin.PATCH("/clients/:id", apps, s.changeApp)
	keys := s.administrator(policy.Keys)
	admin.GET("/keys", keys, s.listKeys)
	admin.POST("/keys", keys, s.replaceKeys)
	if s.options.ExportAudit != nil {
		admin.POST("/audit", s.administrator(policy.AuditExport), s.exportAudit)
	}
}

// WellKnown answers the documents of discovery below the FHIR base.
func (s *Server) WellKnown() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	for _, name := range [...]string{"smart-configuration", "openid-configuration"} {
		engine.GET("/fhir/.well-known/"+name, s.configuration)
		engine.HEAD("/fhir/.well-known/"+name, s.configuration)
		engine.OPTIONS("/fhir/.well-known/"+name, preflight)
	}
	return engine
}

// limitForms bounds what is sent to a page.
func limitForms(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
}

// preflight lets pages of other origins call what holds no cookie: https://fetch.spec.whatwg.org/#cors-preflight-request
func preflight(c *gin.Context) {
	open(c)
	c.Header("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	c.Header("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
	c.Header("Access-Control-Max-Age", "7200")
	c.Status(http.StatusNoContent)
}
