package telemetry

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/ledger"
)

// Options configure a [Telemetry].
type Options struct {
	Version  string // of prism
	HostName string
	Export   Export         // what is sent to a collector; zero = nothing
	Logger   zerolog.Logger // told when the collector cannot be reached

	// Sample looks at the gateway whenever metrics are collected; needed.
	Sample func() Sample

	Now    func() time.Time         // default time.Now
	Getenv func(name string) string // where the OTEL_* variables are; default os.Getenv
}

// Sample is what there is to see of a gateway at an instant.
type Sample struct {
	Generation uint64 // of the live table
	InFlight   int64  // exchanges under way
	Refused    int64  // requests that the guard turned away, since the start
	Waiting    int64  // records of the journal that are not folded
	Dropped    int64  // records that were lost, since the start
	Profiles   []ProfileState
}

// ProfileState is the health of one profile of the live table.
type ProfileState struct {
	Name  string
	State string // see ledger.HealthOK and its neighbours
}

// Telemetry counts, shows and sends. It is safe for concurrent use.
type Telemetry struct {
	opt    Options
	began  time.Time
	counts *counts
	export *export // nil = nothing is sent

	once   sync.Once // makes what serves /metrics
	scrape http.Handler
}

// New returns a Telemetry that counts from now on. Where the collector that the options name
// cannot be used, it returns an error beside a Telemetry that sends what can be sent, or nothing:
// a gateway serves without one.
func New(opt Options) (*Telemetry, error) {
	if opt.Sample == nil {
		return nil, errors.New("telemetry: no sample")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Getenv == nil {
		opt.Getenv = os.Getenv
	}
	t := &Telemetry{opt: opt, began: opt.Now(), counts: newCounts()}
	target, err := opt.Export.target(opt.Getenv)
	if len(target.withheld) > 0 {
		opt.Logger.Warn().Strs("variables", target.withheld).Msg("headers not sent: they belong to another collector")
	}
	if target.on() {
		var failed error
		t.export, failed = t.open(target)
		err = errors.Join(err, failed)
	}
	return t, err
}

// Finished takes a finished exchange, which it does not keep.
func (t *Telemetry) Finished(e *ledger.Entry) {
	t.counts.see(e)
	if t.export != nil {
		t.export.trace(e)
	}
}

// Health takes a change of the health of a profile.
func (t *Telemetry) Health(ev *ledger.HealthEvent) { t.counts.health(ev) }

// Swap takes the outcome of a reload that found something to do.
func (t *Telemetry) Swap(accepted bool) { t.counts.swap(accepted) }

// Sending names the collector, or both of them with a comma between; "" = nothing is sent.
func (t *Telemetry) Sending() string {
	if t.export == nil {
		return ""
	}
	return strings.Join(t.export.collectors, ", ")
}

// Close sends what waits, as far as ctx allows.
func (t *Telemetry) Close(ctx context.Context) error {
	if t.export == nil {
		return nil
	}
	return t.export.close(ctx)
}
