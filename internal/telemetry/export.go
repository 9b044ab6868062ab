package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Limits on what is sent.
const (
	sendTimeout  = 10 * time.Second
	complainOnce = 10 * time.Minute // between two lines of the log about a collector that does not answer
	maxComplaint = 300              // bytes of one: a collector answers in its own words
)

// export sends to a collector. Its goroutines are those of the SDK: one for traces, one for
// metrics.
type export struct {
	collector string       // scheme and host
	tracer    trace.Tracer // nil = no traces
	closers   []func(context.Context) error
	end       func() // breaks off what is still being sent
}

// mortal sends requests that end with a life. The SDK gives up waiting for a collector, but not
// the request itself.
type mortal struct {
	http.RoundTripper

	life context.Context //nolint:containedctx // that of all requests
}

// RoundTrip implements http.RoundTripper.
func (m mortal) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context()) // ends with the client's own limit at the latest
	stop := context.AfterFunc(m.life, cancel)        //nolint:contextcheck // whichever ends first
	resp, err := m.RoundTripper.RoundTrip(req.WithContext(ctx))
	stop()
	if err != nil {
		cancel()
	}
	return resp, err
}

// open begins to send. The SDK reports what goes wrong to a handler of the whole process; nobody
// else in it uses the SDK.
func (t *Telemetry) open(to target) (*export, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: sendTimeout, IdleConnTimeout: time.Minute}
	life, end := context.WithCancel(context.Background())
	client := &http.Client{
		Transport: mortal{transport, life}, Timeout: sendTimeout,
		// A header that authorizes is not for whoever the collector points to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	otel.SetErrorHandler(&complaints{log: t.opt.Logger, now: t.opt.Now, hide: hide(to)})
	x := &export{end: func() {
		end()
		transport.CloseIdleConnections()
	}}
	var errs []error
	if to.traces != nil {
		x.collector = origin(to.traces.url)
		errs = append(errs, x.sendTraces(t, to.traces, client))
	}
	if to.metrics != nil {
		x.collector = origin(to.metrics.url)
		errs = append(errs, x.sendMetrics(t, to, client))
	}
	if err := errors.Join(errs...); err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
		defer cancel()
		return nil, errors.Join(err, x.close(ctx))
	}
	return x, nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// resource says who sends.
func (t *Telemetry) resource() *resource.Resource {
	own := resource.NewSchemaless(serviceName.String(scopeName), serviceVersion.String(t.opt.Version), hostName.String(t.opt.HostName))
	// What the user says of the service comes after and wins; what cannot be read of it is left out.
	said, _ := resource.New(context.Background(), resource.WithFromEnv())
	merged, err := resource.Merge(own, said)
	if err != nil {
		return own
	}
	return merged
}

func (x *export) sendTraces(t *Telemetry, to *place, client *http.Client) error {
	exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(to.url.String()), otlptracehttp.WithHeaders(to.headers), otlptracehttp.WithHTTPClient(client))
	if err != nil {
		return fmt.Errorf("telemetry: send traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(t.resource()), sdktrace.WithIDGenerator(ids{}))
	x.tracer = provider.Tracer(scopeName, trace.WithInstrumentationVersion(t.opt.Version))
	x.closers = append(x.closers, provider.Shutdown)
	return nil
}

func (x *export) sendMetrics(t *Telemetry, to target, client *http.Client) error {
	exporter, err := otlpmetrichttp.New(context.Background(), otlpmetrichttp.WithEndpointURL(to.metrics.url.String()), otlpmetrichttp.WithHeaders(to.metrics.headers), otlpmetrichttp.WithHTTPClient(client))
	if err != nil {
		return fmt.Errorf("telemetry: send metrics: %w", err)
	}
	reader := metric.NewPeriodicReader(exporter, metric.WithInterval(to.interval), metric.WithTimeout(sendTimeout), metric.WithProducer(t))
	provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(t.resource()))
	x.closers = append(x.closers, provider.Shutdown)
	return nil
}

// close sends what waits and ends the goroutines.
func (x *export) close(ctx context.Context) error {
	errs := make([]error, len(x.closers))
	var wg sync.WaitGroup
	for i, shut := range x.closers {
		wg.Go(func() { errs[i] = shut(ctx) })
	}
	wg.Wait()
	x.end()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("telemetry: send the rest: %w", plain(err))
	}
	return nil
}

// complaints takes what the SDK has to say, and passes on little of it: a collector that is away
// for a night is one line in ten minutes.
type complaints struct {
	log  zerolog.Logger
	now  func() time.Time
	hide *strings.Replacer

	mu   sync.Mutex // guards last
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.last.IsZero() && now.Sub(c.last).Abs() < complainOnce {
		return
	}
	c.last = now
	text := c.hide.Replace(plain(err).Error())
	c.log.Warn().Str("error", text[:min(len(text), maxComplaint)]).Msg("telemetry not sent")
}

// hide makes what replaces the addresses by what may be shown of them.
func hide(to target) *strings.Replacer {
	var pairs []string
	for _, p := range []*place{to.traces, to.metrics} {
		if p != nil {
			pairs = append(pairs, p.url.String(), origin(p.url))
		}
	}
	return strings.NewReplacer(pairs...)
}

// plain leaves out the address, which may hold a secret, where the client put it into its error.
func plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
