package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/router"
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
	o := trialOptions{model: model, clouds: cloudauth.New(cloudauth.Options{}).Of}
	parts := make([][]trial, len(chosen))
	var all sync.WaitGroup
	for i := range chosen {
		if refused[i] != nil {
			t := trial{profile: &chosen[i], asked: firstOf(model, trialModel)}
			t.sent = chosen[i].Target(t.asked)
			t.fail(stepPin, refused[i][0].Fix, refused[i][0].Message)
			parts[i] = []trial{t}
			continue
		}
		all.Go(func() { parts[i] = tryProfile(ctx, &chosen[i], o) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	secrets := router.NewRedactor()
	secrets.Learn(&config.Profiles{Profiles: chosen})
	var trials []trial
	failed := false
	for _, part := range parts {
		for _, t := range part {
			// Providers quote the key that they refuse.
			t.what = secrets.Redact(t.what)
			failed = failed || !t.ok
			trials = append(trials, t)
		}
	}
	if err := a.show(trialView(trials)); err != nil {
		return err
	}
	if failed {
		return quietError{codeUnhealthy}
	}
	return nil
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
func trialView(trials []trial) view {
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
		p := t.profile
		v.rows = append(v.rows, []cell{
			textCell(p.Name), textCell(t.key.Name), textCell(t.key.Secret.Masked()), textCell(p.Host()), textCell(string(p.Dialect)),
			textCell(t.asked), textCell(t.sent), textCell(t.served), boolCell(t.ok), textCell(t.step), positive(int64(t.status)),
			spanCell(t.connect), spanCell(t.total),
			positive(t.usage.Input + t.usage.CacheRead + t.usage.CacheWrite), positive(t.usage.Output), textCell(t.what), textAs(t.fix, t.fix),
		})
	}
	v.text = func(w io.Writer) { writeTrials(w, trials) }
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

func writeTrials(w io.Writer, trials []trial) {
	names, hosts := 0, 0
	for i := range trials {
		names, hosts = max(names, len([]rune(trials[i].label()))), max(hosts, len(trials[i].profile.Host()))
	}
	for i := range trials {
		t := &trials[i]
		state := stateOK
		if !t.ok {
			state = stateFail
		}
		line := fmt.Sprintf("%-4s  %-*s  %-*s  %s  %s", state, names, t.label(), hosts, t.profile.Host(), t.modelText(), t.outcome())
		fmt.Fprintln(w, escape(line, false))
		if t.fix != "" {
			fmt.Fprintln(w, escape("      fix: "+t.fix, false))
		}
	}
}

// label names the profile, and the key where it has several.
func (t *trial) label() string {
	if t.key.Name == "" {
		return t.profile.Name
	}
	return t.profile.Name + " (" + t.key.Name + ")"
}

// modelText is what was asked for, and who says to have answered.
func (t *trial) modelText() string {
	text := t.asked
	if t.sent != t.asked {
		text += " → " + t.sent
	}
	if t.served != "" && t.served != t.sent && t.served != t.asked {
		text += " (" + t.served + ")"
	}
	return text
}

// outcome is what came of it, with the time it took; the step that failed comes first.
func (t *trial) outcome() string {
	if !t.ok {
		return t.step + ": " + strings.ReplaceAll(t.what, "\n", " ")
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1fms", float64(d.Microseconds())/1000) }
	if t.connect == 0 {
		return t.what + "   " + ms(t.total)
	}
	return t.what + "   " + ms(t.total) + ", connected after " + ms(t.connect)
}
