package rest

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts requests by interaction and class of status. No label holds anything of a
// request but these two, so there is neither patient data nor unbounded growth.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
}

// statusClasses are the values of the label "status".
var statusClasses = [6]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"}

func newMetrics(registry *prometheus.Registry, more ...Counter) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	m := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kiln_http_requests_total", Help: "Requests answered, by interaction and class of status.",
		}, []string{"interaction", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kiln_http_request_duration_seconds", Help: "Time to answer a request, by interaction.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"interaction"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "kiln_http_requests_in_flight", Help: "Requests being answered."}),
		panics:   prometheus.NewCounter(prometheus.CounterOpts{Name: "kiln_http_panics_total", Help: "Requests that failed by a fault of the program."}),
	}
	registry.MustRegister(m.requests, m.duration, m.inFlight, m.panics)
	for _, c := range more {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.Name, Help: c.Help}, func() float64 { return float64(c.Value()) }))
	}
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// meter counts the requests of one interaction. Its counters are looked up once.
type meter struct {
	requests [len(statusClasses)]prometheus.Counter
	duration prometheus.Observer
}

func (m *metrics) meter(interaction string) *meter {
	out := &meter{duration: m.duration.WithLabelValues(interaction)}
	for class, label := range statusClasses {
		if label != "" {
			out.requests[class] = m.requests.WithLabelValues(interaction, label)
		}
	}
	return out
}

func (m *meter) count(status int, took time.Duration) {
	if class := status / 100; class > 0 && class < len(m.requests) {
		m.requests[class].Inc()
	}
	m.duration.Observe(took.Seconds())
}
