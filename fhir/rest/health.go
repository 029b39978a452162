package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// healthz answers 200 as long as the process answers at all.
func (h *Handler) healthz(c *gin.Context) {
	c.Writer.Header()["Cache-Control"] = headerNoStore
	c.String(http.StatusOK, "ok\n")
}

// readyz answers 200 when requests will be served, else 503 with the reason.
func (h *Handler) readyz(c *gin.Context) {
	c.Writer.Header()["Cache-Control"] = headerNoStore
	if err := h.options.Ready(); err != nil {
		c.String(http.StatusServiceUnavailable, "%s\n", err)
		return
	}
	c.String(http.StatusOK, "ready\n")
}
