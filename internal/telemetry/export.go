package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
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
	collectors []string     // scheme and host of each
	tracer     trace.Tracer // nil = no traces
	closers    []func(context.Context) error
	hide       *strings.Replacer
	end        func() // breaks off what is still being sent
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

// open begins to send. Where one of the signals cannot be sent, the other one is, and there is an
// error beside it. The SDK reports what goes wrong to a handler of the whole process; nobody else
// in it uses the SDK.
func (t *Telemetry) open(to target) (*export, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: sendTimeout, IdleConnTimeout: time.Minute}
	life, end := context.WithCancel(context.Background())
	client := &http.Client{
		Transport: mortal{transport, life}, Timeout: sendTimeout,
		// A header that authorizes is not for whoever the collector points to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	// The exporters read the variables of the standard once more by themselves, and what they cannot
	// read they would write to the standard error as it is, secrets in headers included.
	otel.SetLogger(logr.Discard())
	x := &export{hide: hide(to), end: func() {
		end()
		transport.CloseIdleConnections()
	}}
	otel.SetErrorHandler(&complaints{log: t.opt.Logger, now: t.opt.Now, hide: x.hide})
	err := errors.Join(
		x.begin(to.traces, func() error { return x.sendTraces(t, to.traces, client) }),
		x.begin(to.metrics, func() error { return x.sendMetrics(t, to, client) }),
	)
	if len(x.closers) == 0 {
		x.end()
		return nil, err
	}
	return x, err
}

// begin begins to send one signal, if it goes anywhere.
func (x *export) begin(to *place, send func() error) error {
	if to == nil {
		return nil
	}
	if err := send(); err != nil {
		return err
	}
	if at := origin(to.url); !slices.Contains(x.collectors, at) {
		x.collectors = append(x.collectors, at)
	}
	return nil
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
	// What is not said here the exporter takes from the environment: another encoding, or
	// certificates, which only its own client would use and which make it refuse http.
	exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(to.url.String()), otlptracehttp.WithHeaders(to.headers),
		otlptracehttp.WithHTTPClient(client), otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf), otlptracehttp.WithTLSClientConfig(nil))
	if err != nil {
		return fmt.Errorf("telemetry: send traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(t.resource()), sdktrace.WithIDGenerator(ids{}))
	x.tracer = provider.Tracer(scopeName, trace.WithInstrumentationVersion(t.opt.Version))
	x.closers = append(x.closers, provider.Shutdown)
	return nil
}

func (x *export) sendMetrics(t *Telemetry, to target, client *http.Client) error {
	exporter, err := otlpmetrichttp.New(context.Background(), otlpmetrichttp.WithEndpointURL(to.metrics.url.String()), otlpmetrichttp.WithHeaders(to.metrics.headers),
		otlpmetrichttp.WithHTTPClient(client), otlpmetrichttp.WithTLSClientConfig(nil)) // as above
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
		return fmt.Errorf("telemetry: send the rest: %s", shown(err, x.hide))
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
	c.log.Warn().Str("error", shown(err, c.hide)).Msg("telemetry not sent")
}

// shown is what may be told of an error: a collector answers in its own words, at length, and may
// repeat what it was sent.
func shown(err error, hide *strings.Replacer) string {
	text := hide.Replace(plain(err).Error())
	return text[:min(len(text), maxComplaint)]
}

// leastHidden is from how many bytes on a value of a header is hidden: shorter ones are parts of
// words.
const leastHidden = 4

// hide makes what replaces the addresses by what may be shown of them, and takes out the paths
// and headers where they stand alone.
func hide(to target) *strings.Replacer {
	var secrets, pairs []string
	for _, p := range []*place{to.traces, to.metrics} {
		if p == nil {
			continue
		}
		pairs = append(pairs, p.url.String(), origin(p.url))
		if p.url.Path != "/"+pathTraces && p.url.Path != "/"+pathMetrics {
			secrets = append(secrets, p.url.Path, p.url.EscapedPath())
		}
		for _, value := range p.headers {
			secrets = append(secrets, value, url.PathEscape(value))
			secrets = append(secrets, strings.Fields(value)...) // such as what stands behind Bearer
		}
	}
	// The longest first: one that begins another would leave the rest of it standing.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, s := range secrets {
		if len(s) >= leastHidden {
			pairs = append(pairs, s, "[redacted]")
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
