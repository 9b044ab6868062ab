package telemetry

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
)

// The exporters read the environment as well, and write what they cannot read to the standard
// error unless they are told otherwise.
func TestWhatIsWrongInTheEnvironmentIsWrittenNowhere(t *testing.T) {
	var out lines
	otel.SetLogger(funcr.New(func(prefix, args string) { _, _ = out.Write([]byte(prefix + args)) }, funcr.Options{Verbosity: 9}))
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%topsecret, topsecret")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "://topsecret")
	c := newCollector(t)
	x, log := sending(t, Export{OTLP: c.URL, Traces: true, Metrics: true}, nil)
	x.Finished(entry(1))
	shut(t, x)
	if out.String() != "" || strings.Contains(log.String(), "topsecret") {
		t.Errorf("written: %s\nlog: %s", &out, log)
	}
	if len(c.traces) != 1 || len(c.metrics) != 1 {
		t.Errorf("%d times traces, %d times metrics", len(c.traces), len(c.metrics))
	}
}

func TestTheEnvironmentOfTheExportersDoesNotChangeWhatIsSpoken(t *testing.T) {
	c := newCollector(t)
	cert := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cert, []byte(anyCertificate), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", cert)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=of-somebody-else")
	x, _ := sending(t, Export{OTLP: c.URL, Traces: true, Metrics: true}, nil)
	x.Finished(entry(1))
	shut(t, x)
	if len(c.spans()) != 1 || len(c.metrics) != 1 {
		t.Errorf("%d spans, %d times metrics", len(c.spans()), len(c.metrics))
	}
	for i, h := range c.seen {
		if h.Get("Content-Type") != "application/x-protobuf" || h.Get("X-Api-Key") != "" {
			t.Errorf("%s with %v", c.paths[i], h)
		}
	}
}

func TestMetricsAreSentWhereTracesCannotBe(t *testing.T) {
	c := newCollector(t)
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere.example/v1/traces"}
	x, err := New(Options{Export: Export{OTLP: "env", Traces: true, Metrics: true}, Logger: zerolog.Nop(), Sample: gateway, Getenv: func(k string) string { return env[k] }})
	if err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") || x.Sending() != c.URL {
		t.Errorf("%v, sending to %q", err, x.Sending())
	}
	x.Finished(entry(1))
	shut(t, x)
	if len(c.metrics) != 1 {
		t.Errorf("%d times metrics were sent", len(c.metrics))
	}
}

func TestBothCollectorsAreNamed(t *testing.T) {
	a, b := newCollector(t), newCollector(t)
	x, _ := sending(t, Export{OTLP: "env", Traces: true, Metrics: true}, map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": a.URL + "/in", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": b.URL + "/in"})
	defer shut(t, x)
	if got := x.Sending(); got != a.URL+", "+b.URL {
		t.Errorf("sending to %q", got)
	}
}

func TestHeadersThatAreLeftOutAreNamedAndNotShown(t *testing.T) {
	c := newCollector(t)
	x, log := sending(t, Export{OTLP: c.URL, Metrics: true}, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "a=topsecret", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://elsewhere.example"})
	defer shut(t, x)
	if got := log.String(); !strings.Contains(got, "OTEL_EXPORTER_OTLP_HEADERS") || strings.Contains(got, "topsecret") {
		t.Errorf("log: %s", got)
	}
}

// What authorizes at the collector may come back in its answer.
func TestASecretThatTheCollectorRepeatsIsNotTold(t *testing.T) {
	c := newCollector(t)
	c.answer = func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(r.Header.Get("Authorization") + " or " + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + " may not use " + r.URL.Path))
		return true
	}
	x, log := sending(t, Export{OTLP: c.URL + "/hidden%20path", Traces: true, Metrics: true}, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20topsecret"})
	x.Finished(entry(1))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := x.Close(ctx)
	if err == nil {
		t.Fatal("nobody noticed")
	}
	if got := err.Error() + log.String(); strings.Contains(got, "topsecret") || strings.Contains(got, "hidden") || !strings.Contains(got, "403") || len(err.Error()) > 2*maxComplaint {
		t.Errorf("told: %s", got)
	}
}

// anyCertificate is of an authority that signed nothing.
const anyCertificate = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUd0COb9VoGH9+pzJNdgkgudfXfhkwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKY2EuZXhhbXBsZTAeFw0yNjExMjYxMzA0MDZaFw0zNjExMjMx
MzA0MDZaMBUxEzARBgNVBAMMCmNhLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARGn/Sw4DzdXmIOfYhsuuMkZnDzH7XMRgFLrb+qCXvzC6YK+moQVpMB
8EL4l42MEkybD8eMrCnLXKBbraNn3e4Ko1MwUTAdBgNVHQ4EFgQUJLh/cygawr36
s89+k3d4hqmoE9cwHwYDVR0jBBgwFoAUJLh/cygawr36s89+k3d4hqmoE9cwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA1flfmODeSG63+HtwnLxT
Uf2S9AjRtaI+2x5y15zHmtYCIQC2P+kR26eoUli6Ldqv2DJJaS1bkTCA31gfei5z
sKv7ew==
-----END CERTIFICATE-----
`
