package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/attribution"
)

// lineLimits are what a status line may take. Claude Code runs it several times a second and
// blanks the line of one that is late or fails.
type lineLimits struct {
	whole time.Duration // from the start of the command to its answer
	ask   time.Duration // for the gateway
}

func newStatusline(a *app) *cobra.Command {
	return newLimitedLine(a, lineLimits{whole: 26 * time.Millisecond, ask: 20 * time.Millisecond})
}

func newLimitedLine(a *app, limits lineLimits) *cobra.Command {
	var text string
	cmd := &cobra.Command{
		Use:   "statusline [--template T]",
		Short: "One line for Claude Code's statusLine, with the real prices",
		Long: `Statusline reads what Claude Code writes to a status line's standard input, asks the
gateway about the session and prints one line:

  work · sonnet-5 · ctx 42% · $0.84 session · $7.00 today · 5h 58% ↻2h04m

The amounts are what the session and the day really cost; one with ~ in front is Claude Code's
own figure, at Anthropic's list prices, because the gateway did not answer. In settings.json:

  {"statusLine": {"type": "command", "command": "prism statusline"}}

It never fails and answers at once, whatever happens. A template is a Go template over
.Profile .Model .Context .Session .Today .FiveHour .SevenDay .Reset .Cached .Project .Branch
.Budget and .State; what is not known is empty.`,
		Example: `  prism statusline --template '{{.Profile}} {{.Session}}{{with .Branch}} ({{.}}){{end}}'`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.statusline(cmd.Context(), text, limits)
			return nil
		},
	}
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().StringVar(&text, "template", "", "Go `template` of the line")
	// A line that says something is better than a blank one, whatever was mistyped.
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, _ error) error {
		a.statusline(cmd.Context(), "", limits)
		return nil
	})
	return cmd
}

// lineFacts is what a template sees: texts, ready to be shown.
type lineFacts struct {
	State   string // "" = the gateway has answered; down, direct
	Profile string
	Model   string
	Project string
	Branch  string

	Context string // 42%
	Session string // $0.84
	Today   string // $7.00
	Cached  string // 94%, of the session's prompts

	FiveHour string // 58%
	SevenDay string
	Reset    string // 2h04m, until the five hours are over
	Budget   string // the first one that is nearly used up, or over
}

func (a *app) statusline(ctx context.Context, text string, limits lineLimits) {
	ctx, cancel := context.WithTimeout(ctx, limits.whole)
	defer cancel()
	var in clientInput
	if !a.inTTY {
		in = readInput(ctx, a.in)
	}
	in.SessionID = firstOf(in.SessionID, a.getenv("CLAUDE_CODE_SESSION_ID"))
	place := attribution.Locate(ctx, in.directory())
	f := a.inputFacts(in)
	f.Project, f.Branch = place.Project, place.GitBranch
	asking, cancel := context.WithTimeout(ctx, limits.ask)
	defer cancel()
	a.consult(asking, in, place, &f)
	f.escape()
	line := f.line(a)
	if text != "" {
		if s, err := f.fill(ctx, text); err == nil {
			line = s
		}
	}
	line, _, _ = strings.Cut(strings.TrimSpace(line), "\n")
	fmt.Fprintln(a.out, firstOf(strings.TrimSpace(escape(line, false)), "prism"))
}

// escape makes harmless what others have named.
func (f *lineFacts) escape() {
	for _, s := range []*string{&f.Profile, &f.Model, &f.Project, &f.Branch, &f.Budget} {
		*s = escape(*s, false)
	}
}

// inputFacts is what the client itself knows.
func (a *app) inputFacts(in clientInput) lineFacts {
	f := lineFacts{Model: shortModel(in.Model.ID), Context: in.contextUsed(), FiveHour: percent(in.Limits.FiveHour.Used), SevenDay: percent(in.Limits.SevenDay.Used)}
	if at := in.Limits.FiveHour.resetsAt(); !at.IsZero() {
		if f.Reset = until(a.now(), at); f.Reset == "" {
			f.FiveHour = "" // it is over: what was used up then says nothing
		}
	}
	if cost, ok := fraction(in.Cost.Total); ok {
		f.Session = dollars(cost.FloatString(10), 2)
		if cost.Sign() != 0 { // nothing costs nothing at any price
			f.Session = "~" + f.Session
		}
	}
	return f
}

// consult adds what the gateway knows, if it answers in time.
func (a *app) consult(ctx context.Context, in clientInput, place attribution.Place, f *lineFacts) {
	named, through := gatewayOf(a.getenv("ANTHROPIC_BASE_URL"))
	if !through && in.SessionID != "" {
		f.State = "direct"
		return
	}
	f.Profile = named
	l, err := a.quickRoom().client.Place(ctx, admin.SessionPlace{
		SessionID: in.SessionID, Project: place.Project, Cwd: place.Cwd, GitBranch: place.GitBranch, Model: strings.TrimSuffix(in.Model.ID, "[1m]"),
	})
	switch {
	case errors.Is(err, admin.ErrNotRunning):
		f.State = "down"
	case err == nil:
		f.add(a, l)
	}
}

// gatewayOf tells from the client's base URL whether it speaks to a gateway on this machine, and
// which profile it names in its path.
func gatewayOf(base string) (profile string, through bool) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", false
	}
	ip := net.ParseIP(u.Hostname())
	if u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", false
	}
	profile, _, _ = strings.Cut(strings.TrimPrefix(u.Path, "/p/"), "/")
	if !strings.HasPrefix(u.Path, "/p/") {
		profile = ""
	}
	return profile, true
}

// quickRoom is room for what must not fail: settings that cannot be read are the defaults.
func (a *app) quickRoom() room {
	r := room{settings: config.DefaultSettings()}
	var err error
	if r.paths, err = a.paths(); err == nil {
		r.settings, _ = a.settings(r.paths, nil)
	}
	r.client = a.client(r.paths, r.settings)
	return r
}

// add takes over what the gateway says. What it knows of the session is what was paid; of a
// session that it does not know, the client's own figure stays.
func (f *lineFacts) add(a *app, l admin.SessionLine) {
	f.Today = money(l.Today.CostUSD).text
	f.Profile = firstOf(f.Profile, l.Profile)
	f.Model = firstOf(shortModel(l.Model), f.Model)
	if s := l.Session; s != nil {
		f.Profile = l.Profile
		f.Session = money(s.Totals.CostUSD).text
		if s.Totals.PromptTokens > 0 {
			f.Cached = percentCell(&s.Totals.CacheReadTokens, &s.Totals.PromptTokens).text
		}
	}
	for _, w := range l.Windows {
		used := fmt.Sprintf("%.0f%%", w.Used*100)
		switch {
		case w.Name == admin.Window5h && f.FiveHour == "":
			f.FiveHour = used
			if w.ResetsAt != nil {
				f.Reset = until(a.now(), *w.ResetsAt)
			}
		case w.Name == admin.Window7d && f.SevenDay == "":
			f.SevenDay = used
		}
	}
	f.Budget = a.budgetWord(l.Budgets)
}

// budgetWord names the budget that is over, else one that is nearly used up.
func (a *app) budgetWord(budgets []admin.BudgetStatus) string {
	word := ""
	for _, b := range budgets {
		switch b.State {
		case admin.BudgetOver:
			return a.text("%s over budget", b.Name)
		case admin.BudgetWarn:
			if word == "" {
				word = a.text("%s %s of budget", b.Name, shareOf(b.SpentUSD, b.LimitUSD))
			}
		}
	}
	return word
}

// shareOf is part of whole, two exact decimals, in percent. It is rounded down: what is over is
// said otherwise.
func shareOf(part, whole string) string {
	p, ok := new(big.Rat).SetString(part)
	w, sized := new(big.Rat).SetString(whole)
	if !ok || !sized || w.Sign() <= 0 {
		return unknown
	}
	p.Mul(p, big.NewRat(100, 1)).Quo(p, w)
	return new(big.Int).Quo(p.Num(), p.Denom()).String() + "%"
}
