package telemetry

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Values of [Export.OTLP] that are no URL.
const (
	otlpOff = "off"
	otlpEnv = "env" // as the OTEL_EXPORTER_OTLP_* variables say
)

// Export says what is sent to which collector.
type Export struct {
	OTLP     string // off, env, or the URL of a collector that takes OTLP over HTTP; "" = off
	Traces   bool
	Metrics  bool
	Interval time.Duration // between two sendings of metrics; default 1 min
}

// target is where the two signals go; nil = nowhere.
type target struct {
	traces, metrics *place
	interval        time.Duration
}

// place is one address of a collector.
type place struct {
	url     *url.URL
	headers map[string]string // such as one that authorizes; never shown
}

func (t *target) on() bool { return t.traces != nil || t.metrics != nil }

// target reads what the user has set, and the standard's variables. Headers come from
// OTEL_EXPORTER_OTLP_HEADERS alone; they are left out where the settings name one host and
// OTEL_EXPORTER_OTLP_ENDPOINT another, whose secret they may be.
func (e Export) target(getenv func(string) string) (target, error) {
	t := target{interval: e.Interval}
	if t.interval <= 0 {
		t.interval = time.Minute
	}
	if e.OTLP == "" || e.OTLP == otlpOff || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return t, nil
	}
	var errs []error
	for _, s := range []struct {
		name, path string
		wanted     bool
		into       **place
	}{
		{"TRACES", "v1/traces", e.Traces, &t.traces},
		{"METRICS", "v1/metrics", e.Metrics, &t.metrics},
	} {
		if !s.wanted || getenv("OTEL_"+s.name+"_EXPORTER") == "none" {
			continue
		}
		p, err := e.place(getenv, s.name, s.path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		*s.into = p
	}
	return t, errors.Join(errs...)
}

// place finds the address and the headers of one signal.
func (e Export) place(getenv func(string) string, signal, path string) (*place, error) {
	variable := func(name string) (value, from string) {
		from = "OTEL_EXPORTER_OTLP_" + signal + "_" + name
		if value = getenv(from); value == "" {
			from = "OTEL_EXPORTER_OTLP_" + name
			value = getenv(from)
		}
		return value, from
	}
	named, from := variable("ENDPOINT")
	whole := from == "OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT" // as it is; the general one is a base
	text, foreign := named, false
	if e.OTLP != otlpEnv {
		text, from, whole = e.OTLP, "telemetry.otlp", false
		other, err := url.Parse(named)
		foreign = named != "" && (err != nil || !strings.EqualFold(other.Host, hostOf(text)))
	} else if protocol, from := variable("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, fmt.Errorf("telemetry: %s is %s, and prism speaks http/protobuf", from, protocol)
	}
	if text == "" {
		return nil, fmt.Errorf("telemetry: telemetry.otlp is env, and OTEL_EXPORTER_OTLP_ENDPOINT is not set")
	}
	u, err := url.Parse(text)
	if err != nil || !usable(u) {
		return nil, fmt.Errorf("telemetry: the address in %s is not an https URL, or http to this machine", from)
	}
	if !whole {
		u = u.JoinPath(path)
	}
	p := &place{url: u}
	if list, from := variable("HEADERS"); list != "" && !foreign {
		if p.headers, err = parseHeaders(list); err != nil {
			return nil, fmt.Errorf("telemetry: %s: %w", from, err)
		}
	}
	return p, nil
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

// usable tells whether what is sent to u can be read on the way by nobody.
func usable(u *url.URL) bool {
	if u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		return false
	}
	switch u.Scheme {
	case "https":
		return true
	case "http":
		ip := net.ParseIP(u.Hostname())
		return strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
	}
	return false
}

var errHeaders = errors.New("expected NAME=VALUE, several with commas between, values percent-encoded")

// parseHeaders reads the form that the standard gives to OTEL_EXPORTER_OTLP_HEADERS.
func parseHeaders(list string) (map[string]string, error) {
	headers := make(map[string]string)
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		name, value, found := strings.Cut(item, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || err != nil || !token(name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, errHeaders // never with the text: it is a secret
		}
		headers[name] = value
	}
	return headers, nil
}

// token tells whether s can be the name of a header.
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}
