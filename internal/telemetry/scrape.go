package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// maxScrapes bounds how many scrapes are answered at a time.
const maxScrapes = 4

// ServeHTTP answers with the metrics, as Prometheus and OpenMetrics write them. What it takes is
// made when it is asked for the first time.
func (t *Telemetry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.once.Do(func() { t.scrape = t.scraper() }) //nolint:contextcheck // it outlives the request
	t.scrape.ServeHTTP(w, r)
}

// scraper makes a handler of a registry of its own: whatever else registers metrics in this
// process is not shown.
func (t *Telemetry) scraper() http.Handler {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(
		exporter.WithRegisterer(registry), exporter.WithProducer(t), exporter.WithoutScopeInfo(),
		exporter.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
	)
	if err != nil {
		t.opt.Logger.Error().Err(err).Msg("metrics cannot be shown")
		return http.NotFoundHandler()
	}
	metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(t.resource()))
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true, ErrorHandling: promhttp.HTTPErrorOnError})
}
