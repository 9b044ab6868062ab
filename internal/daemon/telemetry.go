package daemon

import (
	"context"
	"time"

	"prism/internal/telemetry"
)

// sendRest bounds what the end of the gateway waits for a collector.
const sendRest = 2 * time.Second

// openTelemetry makes what counts. A collector that cannot be used is told of; the gateway runs
// without it.
func (d *Daemon) openTelemetry(done *cleanups) {
	s := d.opt.Settings.Telemetry
	t, err := telemetry.New(telemetry.Options{
		Version: d.opt.Version, HostName: hostName(), Logger: d.log, Sample: d.sample, Now: d.opt.Now,
		Export: telemetry.Export{OTLP: s.OTLP, Traces: s.Traces, Metrics: s.Metrics, Interval: s.Interval},
	})
	to := t.Sending()
	switch {
	case err != nil && to == "":
		d.log.Warn().Err(err).Msg("nothing is sent to the collector")
	case err != nil:
		d.log.Warn().Err(err).Msg("not everything is sent to the collector")
	}
	if to != "" {
		d.log.Info().Str(keyCollector, to).Msg("telemetry is sent")
	}
	d.telemetry = t
	done.add(func() {
		ctx, cancel := context.WithTimeout(context.Background(), sendRest)
		defer cancel()
		if err := t.Close(ctx); err != nil {
			d.log.Warn().Err(err).Msg("the last telemetry was not sent")
		}
	})
}

// sample looks at the gateway for its metrics.
func (d *Daemon) sample() telemetry.Sample {
	h := d.journal.State()
	s := telemetry.Sample{Waiting: h.Waiting, Dropped: h.Dropped}
	if d.answering.Load() { // before that there is no proxy yet
		n := d.proxy.Counts()
		s.InFlight, s.Refused = int64(n.InFlight), n.Refused
	}
	t, now := d.router.Table(), d.opt.Now()
	if t == nil {
		return s
	}
	s.Generation = t.Generation
	for i := range t.Config.Profiles {
		name := t.Config.Profiles[i].Name
		s.Profiles = append(s.Profiles, telemetry.ProfileState{Name: name, State: d.router.Health(name).View(now).State})
	}
	return s
}
