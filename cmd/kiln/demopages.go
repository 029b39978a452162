package main

import (
	"embed"
	"net/http"

	"github.com/gin-gonic/gin"
)

// The app of kiln demo: a page and its script, which know nothing of the server but its standard addresses.
const (
	demoApp    = "demo-app"
	demoPath   = "/demo/"
	demoScopes = "launch launch/patient openid fhirUser patient/*.rs user/*.rs"
)

//go:embed demo
var demoFiles embed.FS

var demoTypes = map[string]string{"index.html": "text/html; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "app.css": "text/css; charset=utf-8"}

// demoPolicy lets the page load what this server holds, and nothing be written into it.
const demoPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func demoPages(engine *gin.Engine) {
	for name, contentType := range demoTypes {
		body, err := demoFiles.ReadFile("demo/" + name)
		if err != nil {
			panic(err)
		}
		path := demoPath + name
		if name == "index.html" {
			path = demoPath
		}
		engine.GET(path, func(c *gin.Context) {
			c.Header("Content-Security-Policy", demoPolicy)
			c.Header("X-Content-Type-Options", "nosniff")
			c.Header("Referrer-Policy", "no-referrer")
			c.Header("Cache-Control", "no-store")
			c.Data(http.StatusOK, contentType, body)
		})
	}
}
