package telemetry

import (
	"cmp"
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
	withheld        []string // variables with headers that belong to another collector
}

// place is one address of a collector.
type place struct {
	url     *url.URL
	headers map[string]string // such as one that authorizes; never shown
}

func (t *target) on() bool { return t.traces != nil || t.metrics != nil }

// Paths of the signals, below the base that the general settings name.
const (
	pathTraces  = "v1/traces"
	pathMetrics = "v1/metrics"
)

// target reads what the user has set, and the standard's variables. Beside an error it holds what
// can be sent all the same. Headers come from the variables alone; see [variables.headers].
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
		{"TRACES", pathTraces, e.Traces, &t.traces},
		{"METRICS", pathMetrics, e.Metrics, &t.metrics},
	} {
		if !s.wanted || getenv("OTEL_"+s.name+"_EXPORTER") == "none" {
			continue
		}
		v := variables{getenv, s.name}
		p, err := e.place(v, s.path)
		if err == nil {
			var withheld []string
			p.headers, withheld, err = v.headers(p.url, e.OTLP != otlpEnv)
			t.withheld = append(t.withheld, withheld...)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		*s.into = p
	}
	return t, errors.Join(errs...)
}

// variables are those of the standard, as far as they are about one signal.
type variables struct {
	getenv func(string) string
	signal string
}

// own and general are the names of a variable for the signal, and for all signals.
func (v variables) own(name string) string     { return "OTEL_EXPORTER_OTLP_" + v.signal + "_" + name }
func (v variables) general(name string) string { return "OTEL_EXPORTER_OTLP_" + name }

// find returns the value that holds for the signal, and the variable that it stands in.
func (v variables) find(name string) (value, from string) {
	if value = v.getenv(v.own(name)); value != "" {
		return value, v.own(name)
	}
	return v.getenv(v.general(name)), v.general(name)
}

// headers returns those that go to u. Where the settings name the collector, and not the variables
// themselves, a variable counts only if the address beside it is that of u as well: what it
// holds may be the secret of somebody else. withheld names those that do not count.
func (v variables) headers(u *url.URL, elsewhere bool) (headers map[string]string, withheld []string, err error) {
	named, _ := v.find("ENDPOINT")
	for _, h := range []struct{ from, owner string }{
		{v.own("HEADERS"), named},
		{v.general("HEADERS"), cmp.Or(v.getenv(v.general("ENDPOINT")), named)},
	} {
		list := v.getenv(h.from)
		if list == "" {
			continue
		}
		if elsewhere && h.owner != "" && !sameHost(h.owner, u) {
			withheld = append(withheld, h.from)
			continue
		}
		if headers, err = parseHeaders(list); err != nil {
			err = fmt.Errorf("telemetry: %s: %w", h.from, err)
		}
		return headers, withheld, err
	}
	return nil, withheld, nil
}

// place finds the address of one signal.
func (e Export) place(v variables, path string) (*place, error) {
	text, from := v.find("ENDPOINT")
	whole := from == v.own("ENDPOINT") // as it is; the general one is a base
	if e.OTLP != otlpEnv {
		text, from, whole = e.OTLP, "telemetry.otlp", false
	} else if protocol, from := v.find("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, fmt.Errorf("telemetry: %s is %s, and prism speaks http/protobuf", from, protocol)
	}
	if text == "" {
		return nil, fmt.Errorf("telemetry: telemetry.otlp is env, and OTEL_EXPORTER_OTLP_ENDPOINT is not set")
	}
	u, err := url.Parse(text)
	if err != nil || !usable(u) {
		return nil, fmt.Errorf("telemetry: the address in %s is not an https URL, or http to this machine, without a password and a query", from)
	}
	if !whole {
		u = u.JoinPath(path)
	}
	return &place{url: u}, nil
}

// sameHost tells whether an address names the host and the port of u, however it writes them.
func sameHost(text string, u *url.URL) bool {
	other, err := url.Parse(text)
	return err == nil && hostPort(other) == hostPort(u)
}

// hostPort is in lower case, and always has the port.
func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// usable tells whether what is sent to u can be read on the way by nobody. The SDK sends neither a
// query nor an escaped slash: what it would not send as it stands is refused.
func usable(u *url.URL) bool {
	if u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.ForceQuery || u.RawPath != "" {
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
