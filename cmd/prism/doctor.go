package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"prism/internal/admin"
)

// finding is the outcome of one check of the doctor.
type finding struct {
	check  string
	state  string
	what   string // in English, for machines and helpers
	shown  string // the same for the reader; "" = what
	fix    string
	repair func() error // does what fix says, where that cannot do harm
}

// States of a finding.
const (
	stateOK    = "ok"
	stateWarn  = "warn"
	stateFail  = "fail"
	stateSkip  = "skip"
	stateFixed = "fixed"
)

// mendRounds bounds --fix: a file that can be read again may show what else is wrong.
const mendRounds = 3

type doctorOptions struct {
	fix    bool
	bundle string
}

func newDoctor(a *app) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Ordered checks, each with a fix",
		Long: `Doctor looks at what a start would need, in that order: settings, directories, age key,
profiles.yaml, pins, port, ledger, the limits of this machine, and what could lead a client past
the gateway. It ends with 7 if a check fails. It changes nothing but with --fix, which does what
cannot do harm: it closes directories and key files to others, takes away a socket that nobody
answers at, and writes the schema.

--bundle writes what a person who helps would ask for into one text file: the findings, versions,
settings, profiles and status, the last lines of the log. Keys, tokens and addresses of webhooks
are taken out; read it before you send it.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd, o) },
	}
	cmd.Flags().BoolVar(&o.fix, "fix", false, "mend what can be mended without harm")
	cmd.Flags().StringVar(&o.bundle, "bundle", "", "write a report without secrets to a new `file`")
	return cmd
}

func (a *app) doctor(cmd *cobra.Command, o doctorOptions) error {
	x := &examination{a: a, ctx: cmd.Context()}
	x.run(cmd)
	for round := 0; o.fix && round < mendRounds; round++ {
		mended := x.mend()
		if len(mended) == 0 {
			break
		}
		x = &examination{a: a, ctx: cmd.Context(), findings: mended}
		x.run(cmd)
	}
	if o.bundle != "" {
		if err := a.writeBundle(x, o.bundle); err != nil {
			return err
		}
	}
	v := view{columns: []column{{name: "state"}, {name: "check"}, {name: "what"}, {name: "fix"}}}
	failed := 0
	for _, f := range x.findings {
		if f.state == stateFail {
			failed++
		}
		v.rows = append(v.rows, []cell{textCell(f.state), textCell(f.check), textCell(f.what), textAs(f.fix, f.fix)})
	}
	findings := x.findings
	v.text = func(w io.Writer) { a.writeFindings(w, findings) }
	if err := a.show(v); err != nil {
		return err
	}
	if failed > 0 {
		return quietError{codeUnhealthy}
	}
	return nil
}

// Widths of the columns of findings.
const (
	stateWidth = 5
	checkWidth = 11
)

func (a *app) writeFindings(w io.Writer, findings []finding) {
	for _, f := range findings {
		state, check := pad(a.said(f.state), stateWidth, false), pad(a.said(f.check), checkWidth, false)
		fmt.Fprintln(w, escape(state+" "+check+"  "+firstOf(f.shown, f.what), false))
		if f.fix != "" {
			fmt.Fprintln(w, escape("      "+a.fixText(f.fix), false))
		}
	}
}

// examination runs the checks in the order in which a start would need them.
type examination struct {
	a        *app
	ctx      context.Context //nolint:containedctx // it lives for one command
	room     room
	file     *profilesFile
	status   *admin.Status // nil where no gateway answers
	absent   bool          // there is none; neither this nor status: one may be there and not answer
	findings []finding
}

func (x *examination) add(state, check, fix, format string, args ...any) *finding {
	what, shown := fmt.Sprintf(format, args...), x.a.text(format, args...)
	if shown == what { // the format is nothing but a place: what is in it may be known
		shown = x.a.said(what)
	}
	x.findings = append(x.findings, finding{check: check, state: state, what: what, shown: shown, fix: fix})
	return &x.findings[len(x.findings)-1]
}

func (x *examination) run(cmd *cobra.Command) {
	r, err := x.a.room(cmd)
	if err != nil {
		e := describe(err)
		x.add(stateFail, "settings", e.Fix, "%s", e.Message)
		return
	}
	x.room = r
	x.add(stateOK, "settings", "", "listen %s, trust %s, audit %s", r.settings.Listen, r.settings.Trust, r.settings.Audit)
	for _, check := range []func(){
		x.directories, x.leftovers, x.identities, x.profiles, x.dotfiles, x.pins, x.plugins, // files
		x.gateway, x.socket, x.others, x.ledger, // processes
		x.space, x.limits, x.clock, x.service, x.tray, // the machine
		x.environment, x.proxies, x.settings, x.clientVersion, // the client
	} {
		check()
	}
}

// mend does what the findings propose and returns what was done, now and before; nothing if there
// was nothing to do.
func (x *examination) mend() []finding {
	var done []finding
	again := false
	for _, f := range x.findings {
		if f.state == stateFixed {
			done = append(done, f)
		}
		if f.repair == nil {
			continue
		}
		again = true
		one := finding{check: f.check, state: stateFixed, what: f.what, shown: f.shown}
		if err := f.repair(); err != nil {
			one.state, one.what, one.fix = stateWarn, "not mended: "+rootCause(err).Error(), f.fix
			one.shown = x.a.said(one.what)
		}
		done = append(done, one)
	}
	if !again {
		return nil
	}
	return done
}

// rootCause is the innermost error: the outer ones repeat what the finding says.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
