package main

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"prism/internal/admin"
)

func newTop(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Live: requests in flight, tokens per second, burn rate, 5-hour window",
		Long: `Top shows what goes through the gateway right now and what has just finished, and goes on
across a restart of the gateway. Tokens of a request in flight are estimated from what was
delivered; those of a finished one are the provider's. The burn rate is what the last ten
minutes cost, as dollars per hour.

In a pipe, and with --json, it prints what is in flight once.

Keys: q quits, p pauses, s sorts by age, rate or profile, arrows scroll what has finished.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.top(cmd.Context(), r)
		},
	}
	return cmd
}

func (a *app) top(ctx context.Context, r room) error {
	l, err := r.client.Live(ctx, 0)
	if err != nil {
		return err
	}
	if !a.outTTY || !a.inTTY || a.asJSON || a.format != "" || a.jq != "" {
		return a.show(a.flightsView(l))
	}
	m := newTopModel(topOptions{
		ask:    r.client.Live,
		past:   func(ctx context.Context) (past, error) { return a.past(ctx, r) },
		now:    a.now,
		colour: a.colour(),
		lang:   a.lang,
	})
	m.take(l)
	_, err = tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(a.in), tea.WithOutput(a.out), tea.WithoutSignalHandler()).Run()
	if ctx.Err() != nil || errors.Is(err, tea.ErrInterrupted) {
		return nil //nolint:nilerr // the user has seen enough
	}
	return err
}

// flightsView is what is in flight, once.
func (a *app) flightsView(l admin.Live) view {
	v := view{columns: flightColumns(), object: l, empty: "nothing is in flight"}
	for _, f := range l.InFlight {
		v.rows = append(v.rows, a.flightRow(f, l.At, nil))
	}
	return v
}

func flightColumns() []column {
	return []column{
		{name: "age", right: true},
		{name: "profile"},
		{name: "model", whole: true},
		{name: "project", spare: true},
		{name: "agent", spare: true},
		{name: "stage", whole: true},
		{name: "ttft", head: "TTFT", right: true, spare: true},
		{name: "bytes", right: true, spare: true},
		{name: "tokens", right: true},
		{name: "tokens_per_second", head: "TOK/S", right: true},
		{name: "request_id", spare: true},
	}
}

// flightRow is one request in flight; perSecond is nil where no rate is known yet.
func (a *app) flightRow(f admin.Flight, now time.Time, perSecond *int64) []cell {
	age := max(now.Sub(f.StartedAt).Milliseconds(), 0)
	tokens, rate := cell{unknown, nil}, cell{unknown, nil}
	if f.OutputTokens > 0 {
		tokens = cell{"~" + short(f.OutputTokens), f.OutputTokens}
	}
	if perSecond != nil && f.Stage == admin.StageStreaming {
		rate = countCell(perSecond)
	}
	return []cell{
		{seconds(age), age},
		textCell(f.Profile),
		modelCell(f.RequestModel, f.UpstreamModel),
		textCell(f.Project),
		textCell(f.AgentID),
		a.wordCell(f.Stage),
		msCell(countOf(f.TTFTMS)),
		{short(f.ResponseBytes), f.ResponseBytes},
		tokens,
		rate,
		textCell(f.RequestID),
	}
}

// modelCell names the model, and the one sent in its place.
func modelCell(asked, sent string) cell {
	const most = 24 // of each name
	text, value := shorten(shortModel(asked), most), asked
	if sent != "" && sent != asked {
		text, value = text+" → "+shorten(shortModel(sent), most), sent
	}
	return textAs(text, value)
}
