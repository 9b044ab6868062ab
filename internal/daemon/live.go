package daemon

import (
	"context"
	"time"

	"prism/internal/admin"
	"prism/internal/attribution"
	"prism/internal/ledger"
	"prism/internal/proxy"
)

var _ admin.Observer = control{}

// Live says what is under way and what has just finished.
func (c control) Live(ctx context.Context, after int64) (admin.Live, error) {
	d := c.d
	st, err := c.Status(ctx)
	if err != nil {
		return admin.Live{}, err
	}
	now := d.opt.Now()
	l := admin.Live{
		At: now, StartedAt: st.StartedAt, Version: st.Version, Active: st.Active, Generation: st.Generation, InFlight: []admin.Flight{},
		Windows: d.pulse.running("", now), Today: st.Today, Budgets: st.Budgets, Unpriced: st.Unpriced, Attention: attention(st),
	}
	for _, f := range d.proxy.Flights() {
		l.InFlight = append(l.InFlight, flightOf(f))
	}
	l.Recent, l.Seq = d.pulse.since(after)
	return l, nil
}

// attention names the one thing that cannot wait until somebody asks for the status.
func attention(st admin.Status) string {
	switch {
	case st.Ledger.Degraded != "":
		return "the journal cannot be written"
	case !st.File.OK:
		return "profiles.yaml was refused"
	}
	for _, p := range st.Profiles {
		if p.State == ledger.HealthDenied {
			return "the key of profile " + p.Name + " is refused"
		}
		for _, k := range p.Keys {
			if k.State == ledger.HealthDenied {
				return "the key " + k.Name + " of profile " + p.Name + " is refused"
			}
		}
	}
	return ""
}

func flightOf(f proxy.Flight) admin.Flight {
	stage := admin.StageWaiting
	if f.ResponseBytes > 0 {
		stage = admin.StageStreaming
	}
	return admin.Flight{
		RequestID: f.RequestID, StartedAt: f.StartedAt, Stage: stage, Profile: f.Profile, Operation: f.Operation,
		RequestModel: f.RequestModel, UpstreamModel: f.UpstreamModel, SessionID: f.SessionID, AgentID: f.AgentID, Project: f.Project,
		TTFTMS: f.TTFTMS, ResponseBytes: f.ResponseBytes, OutputTokens: f.OutputTokens, Attempts: f.Attempts,
	}
}

// Place remembers where a session works, unless the settings say that this is nobody's
// business, and returns what its status line shows.
func (c control) Place(ctx context.Context, p admin.SessionPlace) (admin.SessionLine, error) {
	d := c.d
	at := attribution.Place{Project: p.Project, Cwd: p.Cwd, GitBranch: p.GitBranch}
	if d.opt.Settings.Attribution && at.Known() && p.SessionID != "" {
		if err := d.places.Note(attribution.Session{ID: p.SessionID, Place: at}); err != nil {
			return admin.SessionLine{}, &admin.Error{Code: admin.CodeUsage, Message: err.Error()}
		}
	}
	st, err := c.Status(ctx)
	if err != nil {
		return admin.SessionLine{}, err
	}
	line := admin.SessionLine{Active: st.Active, Profile: st.Active, Today: st.Today, Budgets: []admin.BudgetStatus{}}
	if v, err := c.Session(ctx, p.SessionID); err == nil {
		line.Session, line.Profile, line.Model = &v, v.Profile, v.Model
	}
	d.serves(&line, p)
	line.Windows = d.pulse.running(line.Profile, d.opt.Now())
	for _, b := range st.Budgets {
		switch b.Scope {
		case "all", "profile:" + line.Profile, "project:" + p.Project:
			line.Budgets = append(line.Budgets, b)
		}
	}
	return line, nil
}

// serves finds who answers the session's main conversation: whoever did last, side calls and
// sub-agents aside; before the first answer, whoever is to.
func (d *Daemon) serves(line *admin.SessionLine, p admin.SessionPlace) {
	if p.Model == "" {
		return
	}
	if x, ok := d.pulse.last(p.SessionID, p.Model); ok {
		line.Profile, line.Model = x.Profile, x.UpstreamModel
		return
	}
	if r := d.router.Table().Route(line.Profile); line.Session == nil && r != nil {
		line.Model = r.Profile.Target(p.Model)
	}
}

// look shows the finished exchange to who looks on.
func (d *Daemon) look(e *ledger.Entry) {
	now := d.opt.Now()
	d.pulse.see(e, now)
	if e.TTFTMS.Known() && e.Operation == ledger.OpMessages && e.Outcome == ledger.OutcomeOK {
		d.router.Health(e.Profile).First(now, time.Duration(e.TTFTMS)*time.Millisecond)
	}
}

// openPlaces reads what is remembered of sessions. What cannot be read is told again by the
// next status line.
func (d *Daemon) openPlaces() {
	var err error
	if d.places, err = attribution.Open(d.opt.Paths.Sessions, d.opt.Now); err != nil {
		d.log.Warn().Err(err).Msg("sessions not read")
	}
}

// keepPlaces writes them until ctx ends.
func (d *Daemon) keepPlaces(ctx context.Context) {
	d.places.Run(ctx, func(err error) { d.log.Warn().Err(err).Msg("sessions not kept") })
}
