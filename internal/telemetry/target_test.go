package telemetry

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhatIsSentWhereIsForTheUserToSay(t *testing.T) {
	const base, signal, headers = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"
	both := Export{Traces: true, Metrics: true}
	for _, tt := range []struct {
		name   string
		export Export
		otlp   string
		env    map[string]string
		want   string // traces, metrics, headers; or a part of the error
	}{
		{"nothing said", both, "", map[string]string{base: "http://127.0.0.1:4318"}, "- - map[]"},
		{"off", both, "off", map[string]string{base: "http://127.0.0.1:4318"}, "- - map[]"},
		{"a URL", both, "http://127.0.0.1:4318", nil, "http://127.0.0.1:4318/v1/traces http://127.0.0.1:4318/v1/metrics map[]"},
		{"a URL with a path", both, "https://otlp.example/base/", nil, "https://otlp.example/base/v1/traces https://otlp.example/base/v1/metrics map[]"},
		{"a URL before the variables", both, "http://[::1]:4318", map[string]string{signal: "http://127.0.0.1:1/x"}, "http://[::1]:4318/v1/traces http://[::1]:4318/v1/metrics map[]"},
		{"traces alone", Export{Traces: true}, "http://localhost:4318", nil, "http://localhost:4318/v1/traces - map[]"},
		{"neither", Export{}, "http://localhost:4318", nil, "- - map[]"},
		{"env", both, "env", map[string]string{base: "http://127.0.0.1:4318"}, "http://127.0.0.1:4318/v1/traces http://127.0.0.1:4318/v1/metrics map[]"},
		{"env, a signal as it is", both, "env", map[string]string{base: "http://127.0.0.1:4318", signal: "https://t.example/in"}, "https://t.example/in http://127.0.0.1:4318/v1/metrics map[]"},
		{"env, not there", Export{Traces: true}, "env", nil, "OTEL_EXPORTER_OTLP_ENDPOINT is not set"},
		{"env, grpc", Export{Traces: true}, "env", map[string]string{base: "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL is grpc"},
		{"env, clear text to elsewhere", Export{Traces: true}, "env", map[string]string{base: "http://otlp.example"}, "the address in OTEL_EXPORTER_OTLP_ENDPOINT is not"},
		{"clear text to elsewhere", Export{Traces: true}, "http://otlp.example", nil, "the address in telemetry.otlp is not"},
		{"a password in the address", Export{Traces: true}, "https://me:pw@otlp.example", nil, "the address in telemetry.otlp is not"},
		{"a file", Export{Traces: true}, "file:///etc/passwd", nil, "the address in telemetry.otlp is not"},
		{"switched off by the standard", both, "env", map[string]string{base: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "TRUE"}, "- - map[]"},
		{"a signal switched off", both, "env", map[string]string{base: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, "- http://127.0.0.1:4318/v1/metrics map[]"},
		{"headers", both, "https://a.example", map[string]string{headers: "a=b"}, "https://a.example/v1/traces https://a.example/v1/metrics map[a:b]"},
		{"headers for this host", both, "https://a.example/x", map[string]string{headers: "a=b", base: "https://A.example"}, "https://a.example/x/v1/traces https://a.example/x/v1/metrics map[a:b]"},
		{"headers for another host", both, "https://a.example", map[string]string{headers: "a=b", base: "https://b.example"}, "https://a.example/v1/traces https://a.example/v1/metrics map[] without OTEL_EXPORTER_OTLP_HEADERS"},
		{"headers for this host with its port", both, "https://a.example", map[string]string{headers: "a=b", base: "https://a.example:443"}, "https://a.example/v1/traces https://a.example/v1/metrics map[a:b]"},
		{"headers for another port", both, "https://a.example", map[string]string{headers: "a=b", base: "https://a.example:8443"}, "https://a.example/v1/traces https://a.example/v1/metrics map[] without OTEL_EXPORTER_OTLP_HEADERS"},
		{"general headers belong to the general address", Export{Traces: true}, "https://a.example", map[string]string{headers: "a=b", base: "https://b.example", signal: "https://a.example/in"}, "https://a.example/v1/traces - map[] without OTEL_EXPORTER_OTLP_HEADERS"},
		{"those of a signal belong to its own", Export{Traces: true}, "https://a.example", map[string]string{headers: "a=b", base: "https://b.example", signal: "https://a.example/in", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "c=d"}, "https://a.example/v1/traces - map[c:d]"},
		{"the one that belongs to another leaves the other", Export{Traces: true}, "https://a.example", map[string]string{headers: "a=b", base: "https://a.example", signal: "https://b.example/in", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "c=d"}, "https://a.example/v1/traces - map[a:b] without OTEL_EXPORTER_OTLP_TRACES_HEADERS"},
		{"headers beside the address of a signal alone", Export{Traces: true}, "https://a.example", map[string]string{headers: "a=b", signal: "https://b.example"}, "https://a.example/v1/traces - map[] without OTEL_EXPORTER_OTLP_HEADERS"},
		{"env, headers as the standard has it", Export{Traces: true}, "env", map[string]string{headers: "a=b", base: "https://a.example", signal: "https://b.example/in"}, "https://b.example/in - map[a:b]"},
		{"a query, which is not sent", Export{Traces: true}, "https://a.example/?key=topsecret", nil, "the address in telemetry.otlp is not"},
		{"an escaped slash, which is not sent", Export{Traces: true}, "https://a.example/x%2Fy", nil, "the address in telemetry.otlp is not"},
		{"headers that are none", Export{Traces: true}, "https://a.example", map[string]string{headers: "topsecret"}, "OTEL_EXPORTER_OTLP_HEADERS: expected NAME=VALUE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.export.OTLP = tt.otlp
			got, err := tt.export.target(func(k string) string { return tt.env[k] })
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "topsecret") || strings.Contains(err.Error(), "pw@") {
					t.Errorf("error %v, want %s", err, tt.want)
				}
				return
			}
			text := show(got.traces) + " " + show(got.metrics) + " " + fmt.Sprint(headersOf(got))
			if len(got.withheld) > 0 {
				text += " without " + got.withheld[0]
			}
			if text != tt.want {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
		})
	}
}

func show(p *place) string {
	if p == nil {
		return "-"
	}
	return p.url.String()
}

func headersOf(t target) map[string]string {
	if t.traces != nil {
		return t.traces.headers
	}
	return nil
}

func TestAGatewayServesWithoutACollectorThatCannotBeUsed(t *testing.T) {
	x, err := New(Options{Export: Export{OTLP: "http://otlp.example", Traces: true}, Sample: gateway, Getenv: none})
	if err == nil || x == nil || x.Sending() != "" {
		t.Fatalf("%v, %+v", err, x)
	}
	x.Finished(entry(1))
	if err := x.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is read can be a header of a request, and says nothing of itself where it cannot.
func FuzzParseHeaders(f *testing.F) {
	for _, s := range []string{"a=b", "authorization=Bearer%20x,y=z", "=", "a=%", "a=%0d%0ab", ",,", "a b=c", "ä=b", " a = b "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		headers, err := parseHeaders(list)
		if err != nil {
			if err.Error() != errHeaders.Error() {
				t.Errorf("the error tells more than it should: %v", err)
			}
			return
		}
		for name, value := range headers {
			if !token(name) || strings.ContainsAny(value, "\r\n\x00") {
				t.Errorf("%q: %q", name, value)
			}
		}
	})
}
