package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/router"
	"prism/internal/trial"
	"prism/internal/upstream/cloudauth"
)

func newTest(a *app) *cobra.Command {
	var all bool
	var model string
	cmd := &cobra.Command{
		Use:   "test [NAME]",
		Short: "Ask a provider for one word: name, connection, certificate, key, model",
		Long: `Test sends one small request with each key of a profile, the active one where none is named, the
way a client's request would go: the same connection, credential and translation. It says where
that ended: pin, dns, connect, tls, credential, auth, model, money, limit, request or answer; a
test that failed ends with 7. The answer costs a few tokens. It goes past the gateway: it leaves
no row, and there is no fallback.`,
		Example:           "  prism test\n  prism test kimi --model claude-opus-5-5\n  prism test --all --json",
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeProfiles,
		RunE: func(cmd *cobra.Command, given []string) error {
			if all && len(given) > 0 {
				return usagef("prism test --all, or prism test NAME", "a name and --all exclude each other")
			}
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			f, err := a.valid(cmd.Context(), r.asRunning(cmd.Context()))
			if err != nil {
				return err
			}
			chosen := f.Profiles.Profiles
			if !all {
				name, _ := f.active(r)
				if len(given) == 1 {
					name = given[0]
				}
				p := f.Profiles.Profile(name)
				if p == nil {
					return noProfile(name)
				}
				chosen = []config.Profile{*p}
			}
			refused, err := unpinned(r, f, chosen)
			if err != nil {
				return err
			}
			if !all && refused[0] != nil {
				return refused[0]
			}
			return a.testProfiles(cmd.Context(), chosen, refused, model)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "test every profile")
	cmd.Flags().StringVar(&model, "model", "", "`NAME` of the model as the client would give it; without it a small one")
	return cmd
}

// testProfiles asks all of them at once, but for those that are refused, shows what came of it and
// fails if one does not answer.
func (a *app) testProfiles(ctx context.Context, chosen []config.Profile, refused []config.Problems, model string) error {
	parts := make([][]trial.Result, len(chosen))
	var all sync.WaitGroup
	for i := range chosen {
		if no := refused[i]; no != nil {
			parts[i] = []trial.Result{trial.Refused(&chosen[i], model, no[0].Message, no[0].Fix)}
			continue
		}
		all.Go(func() { parts[i] = trial.Ask(ctx, &chosen[i], trialOptions(model)) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	secrets := router.NewRedactor()
	secrets.Learn(&config.Profiles{Profiles: chosen})
	trials := slices.Concat(parts...)
	failed := false
	for i := range trials {
		// Providers quote the key that they refuse.
		trials[i].Redact(secrets.Redact)
		failed = failed || !trials[i].OK
	}
	if err := a.show(a.trialView(trials)); err != nil {
		return err
	}
	if failed {
		return quietError{codeUnhealthy}
	}
	return nil
}

// trialOptions are those of this program.
func trialOptions(model string) trial.Options {
	return trial.Options{Model: model, Agent: "prism/" + thisBuild().Version, Clouds: cloudauth.New(cloudauth.Options{}).Of}
}

// unpinned returns for each profile why its key must not be sent there, nil where it may. As in the
// gateway a pair never seen before is pinned by its first use.
func unpinned(r room, f *profilesFile, chosen []config.Profile) ([]config.Problems, error) {
	pins, err := config.LoadPins(r.paths.Pins)
	if err != nil {
		return nil, err
	}
	out := make([]config.Problems, len(chosen))
	for i := range chosen {
		report, err := pins.Check(chosen[i:i+1], r.settings.Trust == trustStrict)
		if err != nil {
			return nil, err
		}
		if len(report.Refused) > 0 {
			out[i] = report.Refused.Locate(f.Path, f.Src)
			continue
		}
		if err := pins.Commit(report); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// trialView shows a line for each key that was tried.
func (a *app) trialView(trials []trial.Result) view {
	v := view{columns: []column{
		{name: "profile"},
		{name: "key_name"},
		{name: "key"},
		{name: "host", whole: true},
		{name: "dialect"},
		{name: "request_model"},
		{name: "upstream_model"},
		{name: "response_model"},
		{name: "ok"},
		{name: "step"},
		{name: "status"},
		{name: "connect_ms", right: true},
		{name: "total_ms", right: true},
		{name: "input_tokens", right: true},
		{name: "output_tokens", right: true},
		{name: "what"},
		{name: "fix"},
	}, empty: "no profiles; add one with prism profiles add"}
	for i := range trials {
		t := &trials[i]
		p := t.Profile
		v.rows = append(v.rows, []cell{
			textCell(p.Name), textCell(t.Key.Name), textCell(t.Key.Secret.Masked()), textCell(p.Host()), textCell(string(p.Dialect)),
			textCell(t.Asked), textCell(t.Sent), textCell(t.Served), a.boolCell(t.OK), textCell(t.Step), positive(int64(t.Status)),
			spanCell(t.Connect), spanCell(t.Total),
			positive(t.Usage.Input + t.Usage.CacheRead + t.Usage.CacheWrite), positive(t.Usage.Output), textAs(a.said(t.What), t.What), textAs(a.said(t.Fix), t.Fix),
		})
	}
	v.text = func(w io.Writer) { a.writeTrials(w, trials) }
	return v
}

// positive is a number of which 0 says that it is not known.
func positive(n int64) cell {
	if n <= 0 {
		return cell{unknown, nil}
	}
	return cell{fmt.Sprint(n), n}
}

// spanCell is a time in milliseconds; 0 says that there is none.
func spanCell(d time.Duration) cell {
	if d <= 0 {
		return cell{unknown, nil}
	}
	return cell{fmt.Sprint(d.Milliseconds()), d.Milliseconds()}
}

func (a *app) writeTrials(w io.Writer, trials []trial.Result) {
	names, hosts := 0, 0
	for i := range trials {
		names, hosts = max(names, len([]rune(label(&trials[i])))), max(hosts, len(trials[i].Profile.Host()))
	}
	for i := range trials {
		t := &trials[i]
		state := stateOK
		if !t.OK {
			state = stateFail
		}
		line := fmt.Sprintf("%s  %-*s  %-*s  %s  %s", pad(a.said(state), 4, false), names, label(t), hosts, t.Profile.Host(), modelText(t), a.outcome(t))
		fmt.Fprintln(w, escape(line, false))
		if t.Fix != "" {
			fmt.Fprintln(w, escape("      "+a.fixText(t.Fix), false))
		}
	}
}

// label names the profile, and the key where it has several.
func label(t *trial.Result) string {
	if t.Key.Name == "" {
		return t.Profile.Name
	}
	return t.Profile.Name + " (" + t.Key.Name + ")"
}

// modelText is what was asked for, and who says to have answered.
func modelText(t *trial.Result) string {
	text := t.Asked
	if t.Sent != t.Asked {
		text += " → " + t.Sent
	}
	if t.Served != "" && t.Served != t.Sent && t.Served != t.Asked {
		text += " (" + t.Served + ")"
	}
	return text
}

// outcome is what came of it, with the time it took; the step that failed comes first.
func (a *app) outcome(t *trial.Result) string {
	if !t.OK {
		return t.Step + ": " + strings.ReplaceAll(a.said(t.What), "\n", " ")
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1fms", float64(d.Microseconds())/1000) }
	if t.Connect == 0 {
		return a.said(t.What) + "   " + ms(t.Total)
	}
	return a.said(t.What) + "   " + a.text("%s, connected after %s", ms(t.Total), ms(t.Connect))
}
