package rest

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"kiln/fhir"
	"kiln/resources/outcome"
)

func testRouter() *router {
	return newRouter(newRoutes(fhir.Routes(), newMetrics(prometheus.NewRegistry())))
}

func TestEveryRouteHasAHandler(t *testing.T) {
	for _, row := range newRoutes(fhir.Routes(), newMetrics(prometheus.NewRegistry())) {
		if row.handle == nil {
			t.Errorf("%s [base]/%s has no handler", row.method, row.path)
		}
	}
}

func TestRoute(t *testing.T) {
	r := testRouter()
	for _, c := range []struct {
		method, address, want string // want is the pattern, or a status
	}{
		{"GET", "/fhir", ""},
		{"GET", "/fhir/", ""},
		{"POST", "/fhir", ""},
		{"GET", "/fhir/metadata", "metadata"},
		{"GET", "/fhir/Patient", "[type]"},
		{"GET", "/fhir/Patient/", "[type]"},
		{"GET", "/fhir/Patient/1", "[type]/[id]"},
		{"HEAD", "/fhir/Patient/1", "[type]/[id]"},
		{"GET", "/fhir/Patient/metadata", "[type]/[id]"},
		{"GET", "/fhir/Patient/Patient", "[type]/[id]"},
		{"GET", "/fhir/Patient/a%2Fb", "[type]/[id]"},
		{"GET", "/fhir/%50atient/1", "[type]/[id]"},
		{"GET", "/%66hir/Patient/1", "[type]/[id]"},
		{"GET", "/fhir/Patient/1/_history", "[type]/[id]/_history"},
		{"GET", "/fhir/Patient/1/_history/2", "[type]/[id]/_history/[vid]"},
		{"GET", "/fhir/Patient/_history", "[type]/_history"},
		{"GET", "/fhir/_history", "_history"},
		{"POST", "/fhir/_search", "_search"},
		{"POST", "/fhir/Patient/_search", "[type]/_search"},
		{"GET", "/fhir/Patient/1/Observation", "[type]/[id]/[member]"},
		{"GET", "/fhir/Patient/1/*", "[type]/[id]/*"},
		{"POST", "/fhir/Patient/1/Observation/_search", "[type]/[id]/[member]/_search"},
		{"POST", "/fhir/Patient/1/_search", "[type]/[id]/_search"},
		{"POST", "/fhir/$fhirpath", "$[name]"},
		{"POST", "/fhir/%24fhirpath", "$[name]"},
		{"POST", "/fhir/Patient/$validate", "[type]/$[name]"},
		{"GET", "/fhir/Patient/1/$everything", "[type]/[id]/$[name]"},
		{"PATCH", "/fhir/Patient", "[type]"},
		{"DELETE", "/fhir/Patient", "[type]"},

		{"GET", "/fhir/Foo", "404 not-supported"},
		{"GET", "/fhir/patient/1", "404 not-supported"},
		{"GET", "/fhir/Patient/1/Foo", "404 not-supported"},
		{"GET", "/fhir/DomainResource/1", "404 not-supported"},
		{"GET", "/fhir//Patient", "404 not-found"},
		{"GET", "/fhir//", "404 not-found"},
		{"GET", "/fhir/Patient//1", "404 not-found"},
		{"GET", "/fhir/Patient/1//", "404 not-found"},
		{"GET", "/fhir/../metadata", "404 not-found"},
		{"GET", "/fhir/Patient/1/_history/2/3", "404 not-found"},
		{"GET", "/fhir/_unknown", "404 not-found"},
		{"GET", "/fhir/$", "404 not-found"},
		{"GET", "/fhir%2FPatient", "404 not-found"},
		{"GET", "/fhirs/Patient", "404 not-found"},
		{"GET", "/other", "404 not-found"},
		{"PUT", "/fhir", "405"},
		{"POST", "/fhir/Patient/1", "405"},
		{"DELETE", "/fhir/Patient/1/_history/2", "405"},
		{"BREW", "/fhir/metadata", "405"},
	} {
		t.Run(c.method+" "+c.address, func(t *testing.T) {
			if got := route1(t, r, c.method, c.address); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func route1(t *testing.T, r *router, method, address string) string {
	t.Helper()
	u, err := url.ParseRequestURI(address)
	if err != nil {
		t.Fatal(err)
	}
	parts, ok := splitPath(u.Path, u.RawPath)
	if !ok {
		return "404 " + string(outcome.As(noSuchAddress()).Code())
	}
	at, err := r.find(&parts)
	if err != nil {
		return "404 " + string(outcome.As(err).Code())
	}
	if to := at.method(method); to != nil {
		return to.path
	}
	return "405"
}

func TestAllow(t *testing.T) {
	r := testRouter()
	for address, want := range map[string]string{
		"/fhir":                      "GET, HEAD, POST, OPTIONS",
		"/fhir/metadata":             "GET, HEAD, OPTIONS",
		"/fhir/Patient":              "PUT, PATCH, DELETE, POST, GET, HEAD, OPTIONS",
		"/fhir/Patient/1":            "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
		"/fhir/Patient/1/_history/1": "GET, HEAD, OPTIONS",
		"/fhir/Patient/_search":      "POST, OPTIONS",
	} {
		parts, _ := splitPath(address, "")
		at, err := r.find(&parts)
		if err != nil || at.allow != want {
			t.Errorf("%s: got %q and error %v, want %q", address, at.allow, err, want)
		}
	}
}

func TestEveryIssueCodeHasAStatus(t *testing.T) {
	for code, status := range statusByCode {
		if status < 400 || http.StatusText(status) == "" {
			t.Errorf("%s has the status %d", code, status)
		}
	}
	for stage := outcome.StageSyntax; stage <= outcome.StageMethod; stage++ {
		if statusByStage[stage] < 400 {
			t.Errorf("stage %d has no status", stage)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/fhir", "/fhir/Patient/1", "/fhir/Patient/a%2Fb", "//", "/fhir/%00", "/fhir/Patient/1/$x", "/fhir/a/b/c/d/e"} {
		f.Add(seed, "")
		f.Add(seed, seed)
	}
	r := testRouter()
	f.Fuzz(func(t *testing.T, path, rawPath string) {
		parts, ok := splitPath(path, rawPath)
		if !ok {
			return
		}
		for _, part := range parts.all() {
			if part == "" {
				t.Error("an empty part")
			}
		}
		if at, err := r.find(&parts); err == nil && at.allow == "" {
			t.Error("an address without methods")
		}
	})
}
