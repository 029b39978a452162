package rest

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
	"golang.org/x/sync/semaphore"

	"kiln/fhir"
	"kiln/resources/outcome"
)

// basePath is where the FHIR base lies below the base URL.
const basePath = "/fhir"

// Handler is the HTTP edge. It is safe for concurrent use.
type Handler struct {
	options  Options
	service  *fhir.Service
	engine   *gin.Engine
	packing  http.Handler // engine behind gzip
	router   *router
	unrouted *route // of requests that no route fits
	preflown *route // of OPTIONS
	origins  origins
	ids      *requestIDs
	metrics  *metrics
	memory   *semaphore.Weighted // for large bodies
}

// New builds the edge over a service. The error says what is wrong with the options.
func New(options Options) (*Handler, error) {
	options.EnsureDefaults()
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("rest options: %w", err)
	}
	h := &Handler{
		options: options,
		service: options.Service,
		origins: newOrigins(options.Origins, options.Service.BaseURL()),
		ids:     newRequestIDs(),
		metrics: newMetrics(options.Registry, options.Counters...),
		memory:  semaphore.NewWeighted(largeBodies * options.MaxBody),
	}
	h.unrouted = &route{label: "none", meter: h.metrics.meter("none")}
	h.preflown = &route{label: "options", meter: h.metrics.meter("options"), handle: preflight, open: true}
	h.router = newRouter(newRoutes(fhir.Routes(), h.metrics))
	h.mount()
	pack, err := gzhttp.NewWrapper(gzhttp.MinSize(minPacked), gzhttp.CompressionLevel(packLevel), gzhttp.EnableZstd(false))
	if err != nil {
		return nil, err
	}
	h.packing = pack(h.engine)
	return h, nil
}

// wellKnown is where documents of discovery lie below the base.
const wellKnown = basePath + "/.well-known/"

// The answers worth packing, and how hard: level 1 costs a third of the default's time.
const (
	minPacked = 1 << 10
	packLevel = 1
)

// mount puts the addresses on gin. FHIR has one entry: its own table decides below the base,
// since its paths ("$name", "[type]") are not those that gin tells apart.
func (h *Handler) mount() {
	gin.SetMode(gin.ReleaseMode)
	h.engine = gin.New()
	h.engine.RedirectTrailingSlash = false
	h.engine.HandleMethodNotAllowed = true
	h.engine.GET("/healthz", h.healthz)
	h.engine.GET("/readyz", h.readyz)
	h.engine.GET("/metrics", gin.WrapH(h.metrics.handler()))
	for _, method := range [...]string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		h.engine.Handle(method, basePath, h.serve)
		h.engine.Handle(method, basePath+"/*path", h.serve)
	}
	h.engine.NoRoute(h.serve) // refused as FHIR does
	h.engine.NoMethod(h.notAllowed)
}

// notAllowed refuses a method that an address does not take, below the base as FHIR does.
func (h *Handler) notAllowed(c *gin.Context) {
	if path := c.Request.URL.Path; path == basePath || strings.HasPrefix(path, basePath+"/") {
		h.serve(c)
		return
	}
	c.String(http.StatusMethodNotAllowed, "The method %s is not allowed here; this address takes %s.\n", clip(c.Request.Method), c.Writer.Header().Get("Allow"))
}

// Engine is the router that other parts of the program add their addresses to, before serving.
func (h *Handler) Engine() *gin.Engine { return h.engine }

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, packs := r.Header["Accept-Encoding"]; packs {
		h.packing.ServeHTTP(w, r)
		return
	}
	h.engine.ServeHTTP(w, r)
}

// serve answers one request below the base.
func (h *Handler) serve(c *gin.Context) {
	if h.options.WellKnown != nil && strings.HasPrefix(c.Request.URL.Path, wellKnown) {
		h.options.WellKnown.ServeHTTP(c.Writer, c.Request)
		return
	}
	x := &exchange{Handler: h, w: c.Writer, r: c.Request, start: time.Now(), route: h.unrouted, format: defaultFormat}
	h.metrics.inFlight.Inc()
	defer h.metrics.inFlight.Dec()
	defer x.finish()
	defer h.service.Enter()()
	x.begin()
	if x.r.ContentLength != 0 {
		x.setReadDeadline(x.start.Add(h.options.RequestTimeout))
	}
	if err := x.answer(); err != nil {
		x.fail(err)
	}
}

// answer finds the route and calls it.
func (x *exchange) answer() (err error) {
	if err := x.locate(); err != nil {
		return err
	}
	if err := x.origins.check(x.r); err != nil {
		return err
	}
	if x.query, err = parseQuery(x.r.URL.RawQuery); err != nil {
		return err
	}
	if err := x.negotiate(); err != nil {
		return err
	}
	if _, stated := x.r.Header["Prefer"]; stated {
		x.prefer = preferences(x.r.Header)
	}
	x.deadline = deadline{Context: x.r.Context(), at: x.start.Add(x.options.RequestTimeout), id: x.id}
	defer x.deadline.end()
	x.ctx = &x.deadline
	if err := x.authenticate(); err != nil {
		return err
	}
	return x.route.handle(x)
}

// negotiate sets the format of the answer. A Binary has a format of its own, so asking for
// another than FHIR's is no error there.
func (x *exchange) negotiate() (err error) {
	x.format, err = negotiate(x.r.Header, x.query, x.route.lists)
	if err != nil && x.route.reads && x.parts.part[0] == "Binary" {
		return nil
	}
	return err
}

// locate sets the route and the parts of the address.
func (x *exchange) locate() error {
	if len(x.r.URL.Path)+len(x.r.URL.RawQuery) > maxURL {
		return longAddress()
	}
	parts, ok := splitPath(x.r.URL.Path, x.r.URL.RawPath)
	if !ok {
		return noSuchAddress()
	}
	at, err := x.router.find(&parts)
	if err != nil {
		return err
	}
	x.parts, x.allow = parts, at.allow
	if x.r.Method == http.MethodOptions {
		x.route = x.preflown
		return nil
	}
	to := at.method(x.r.Method)
	if to == nil {
		return outcome.New(outcome.NotSupported, "The method %s is not allowed here; this address takes %s.", clip(x.r.Method), at.allow).In(outcome.StageMethod)
	}
	x.route = to
	return nil
}
