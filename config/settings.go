package config

import "time"

// Settings is prism.yaml: how the gateway itself runs. The comments become docs/config.md.
type Settings struct {
	// Address of the data port. Loopback only.
	Listen string `mapstructure:"listen" kind:"listen"`
	// Address of the dashboard port: the pages for who is signed in, and /healthz, /readyz and /metrics. Loopback only; off: none.
	Dashboard string `mapstructure:"dashboard" kind:"dashboard"`
	// Language of commands, of notices on the desktop and of the tray; auto is that of the locale. --lang and PRISM_LANG win over it, and know locales such as zh_CN too.
	Lang string `mapstructure:"lang" enum:"auto,en,zh" kind:"language"`
	// Path of the control socket. Empty: as prism paths says.
	Socket string `mapstructure:"socket"`
	// Least severity that is logged.
	LogLevel string `mapstructure:"log_level" enum:"debug,info,warn,error"`
	// Form of the log; auto is console on a terminal, else json.
	LogFormat string `mapstructure:"log_format" enum:"auto,console,json"`
	// Accept a profiles.yaml that is not sealed: its keys lie in clear text on the disk.
	AllowPlaintext bool `mapstructure:"allow_plaintext"`
	// What happens with a host that was never seen: first_use pins and announces it, strict waits for prism trust.
	Trust string `mapstructure:"trust" enum:"first_use,strict"`
	// What happens when the journal cannot be written: best_effort serves on, strict refuses new requests.
	Audit string `mapstructure:"audit" enum:"best_effort,strict"`
	// When a record counts as written: commit hands it to the kernel, fsync waits for the disk.
	Durability string `mapstructure:"durability" enum:"commit,fsync"`
	// Largest request body.
	MaxBody int64 `mapstructure:"max_body" min:"1024" max:"1073741824"`
	// Memory for all request bodies at a time.
	BodyBudget int64 `mapstructure:"body_budget" min:"1024" max:"1099511627776"`
	// How long a request waits in the journal before it is folded into DuckDB. Under steady light use up to 10 seconds, so that folding takes about a hundredth of the time; prism sql, spend and logs fold first.
	FoldInterval time.Duration `mapstructure:"fold_interval" min:"100ms" max:"1h"`
	// How long requests in flight may go on after the first signal to stop.
	Drain time.Duration `mapstructure:"drain" min:"0s" max:"1h"`
	// Record project, directory and git branch with each request.
	Attribution bool `mapstructure:"attribution"`
	// Limits on waiting.
	Timeouts SettingsTimeouts `mapstructure:"timeouts"`
	// What happens after a request went to another profile than the one it was meant for.
	Failover SettingsFailover `mapstructure:"failover"`
	// How long the ledger keeps what.
	Retention SettingsRetention `mapstructure:"retention"`
	// Where notices go, beside the log.
	Notify SettingsNotify `mapstructure:"notify"`
	// What is sent to an OpenTelemetry collector.
	Telemetry SettingsTelemetry `mapstructure:"telemetry"`
	// Limits on what is paid.
	Budgets []BudgetRule `mapstructure:"budgets"`
	// Queries that are looked at again and again.
	Alerts []AlertRule `mapstructure:"alerts"`
}

// SettingsFailover bounds how requests go to another profile than the one they were meant for.
type SettingsFailover struct {
	// How long a session stays with the fallback that took over, so that its prompt cache is used again; 0s: the next request tries the profile it is meant for.
	Affinity time.Duration `mapstructure:"affinity" min:"0s" max:"1h"`
	// How many attempts at other profiles and keys may be made, as a share of the requests of ten seconds. Three may always be.
	Budget string `mapstructure:"budget" kind:"percent"`
}

// Percent is the budget in percent.
func (f SettingsFailover) Percent() int {
	n, _ := parsePercent(f.Budget)
	return n
}

// SettingsRetention is how long the ledger keeps what.
type SettingsRetention struct {
	// How long rows stay in the ledger, in days, such as 400d; 0 = for ever. The gateway looks once a day.
	Requests string `mapstructure:"requests" kind:"days"`
}

// Days is how many days rows stay; 0 = for ever.
func (r SettingsRetention) Days() int {
	days, _ := parseDays(r.Requests)
	return days
}

// SettingsNotify is where notices go, beside the log.
type SettingsNotify struct {
	// What they are about: money is budgets and alerts; all is also a profiles.yaml that was refused, a fallback that answers, and a key that may go to a new host or waits for prism trust.
	About string `mapstructure:"about" enum:"all,money"`
	// Show them on the desktop.
	Desktop bool `mapstructure:"desktop"`
	// Send them as JSON to this address: https, or http to this machine. Empty: nowhere.
	Webhook string `mapstructure:"webhook" kind:"webhook"`
}

// SettingsTelemetry is what is sent to an OpenTelemetry collector: names, numbers and times of requests, never their content.
type SettingsTelemetry struct {
	// The collector: a URL, https or http to this machine, that takes OTLP over HTTP; env: as the OTEL_EXPORTER_OTLP_* variables say; off: nothing is sent.
	OTLP string `mapstructure:"otlp" kind:"otlp"`
	// Send a trace of each request.
	Traces bool `mapstructure:"traces"`
	// Send the metrics that /metrics shows.
	Metrics bool `mapstructure:"metrics"`
	// How often metrics are sent.
	Interval time.Duration `mapstructure:"interval" min:"1s" max:"1h"`
	// Answer /metrics on the dashboard port, where every user of this machine can read models, tokens and costs. The control socket always answers it.
	Scrape bool `mapstructure:"scrape"`
}

// SettingsTimeouts are the limits on waiting that hold for all profiles.
type SettingsTimeouts struct {
	// Connecting to a provider.
	Dial time.Duration `mapstructure:"dial" min:"1ms" max:"1h"`
	// TLS handshake with a provider.
	TLS time.Duration `mapstructure:"tls" min:"1ms" max:"1h"`
	// Request header of a client.
	ReadHeader time.Duration `mapstructure:"read_header" min:"1ms" max:"1h"`
	// Silence within the request body of a client.
	BodyStall time.Duration `mapstructure:"body_stall" min:"1ms" max:"1h"`
	// A write that the client does not take.
	WriteStall time.Duration `mapstructure:"write_stall" min:"1ms" max:"1h"`
	// First response header of a provider.
	FirstByte time.Duration `mapstructure:"first_byte" min:"1ms" max:"1h"`
	// The same where another profile could be tried.
	FirstByteFallback time.Duration `mapstructure:"first_byte_fallback" min:"1ms" max:"1h"`
	// Silence within a stream.
	Idle time.Duration `mapstructure:"idle" min:"1ms" max:"1h"`
	// Idle connections of clients.
	ServerIdle time.Duration `mapstructure:"server_idle" min:"1ms" max:"1h"`
	// Idle connections to providers.
	UpstreamIdle time.Duration `mapstructure:"upstream_idle" min:"1ms" max:"1h"`
}

// DefaultSettings returns what holds when nothing is said.
func DefaultSettings() Settings {
	return Settings{
		Listen:       "127.0.0.1:3000",
		Dashboard:    "127.0.0.1:3001",
		Lang:         "auto",
		LogLevel:     "info",
		LogFormat:    "auto",
		Trust:        "first_use",
		Audit:        "best_effort",
		Durability:   "commit",
		MaxBody:      32 << 20,
		BodyBudget:   256 << 20,
		FoldInterval: 3 * time.Second,
		Drain:        60 * time.Second,
		Attribution:  true,
		Failover:     SettingsFailover{Affinity: 5 * time.Minute, Budget: "20%"},
		Retention:    SettingsRetention{Requests: "0"},
		Notify:       SettingsNotify{About: "all"},
		Telemetry:    SettingsTelemetry{OTLP: "off", Traces: true, Metrics: true, Interval: time.Minute, Scrape: true},
		Timeouts: SettingsTimeouts{
			Dial:              10 * time.Second,
			TLS:               10 * time.Second,
			ReadHeader:        10 * time.Second,
			BodyStall:         60 * time.Second,
			WriteStall:        60 * time.Second,
			FirstByte:         330 * time.Second,
			FirstByteFallback: 120 * time.Second,
			Idle:              240 * time.Second,
			ServerIdle:        180 * time.Second,
			UpstreamIdle:      55 * time.Second,
		},
	}
}
