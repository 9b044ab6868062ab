package main

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger"
	"prism/internal/ledger/duckdb"
)

func (x *examination) gateway() {
	st, err := x.room.client.Status(x.ctx)
	if errors.Is(err, admin.ErrNotRunning) {
		x.absent = true
		x.add(stateWarn, "gateway", "prism serve", "it does not run")
		x.freePort(stateFail, "port", x.room.settings.Listen, "listen")
		if d := x.room.settings.Dashboard; d != "off" {
			x.freePort(stateWarn, "dashboard", d, "dashboard")
		}
		return
	}
	if err != nil {
		x.add(stateFail, "gateway", "prism status", "%v", err)
		return
	}
	x.status = &st
	if wrong := x.a.english().illness(st); wrong != "" {
		x.add(stateFail, "gateway", "prism status", "%s", wrong)
	} else {
		x.add(stateOK, "gateway", "", "PID %d, generation %d, active %s", st.PID, st.Generation, st.Active)
	}
	x.port(st.Listen)
	x.health(st)
	switch {
	case st.OtherBuild:
		x.add(stateWarn, "version", "prism restart", "the program on the disk is another build than the one that runs")
	case st.Version != thisBuild().Version:
		x.add(stateWarn, "version", "restart prism serve", "the gateway is %s, this is %s", st.Version, thisBuild().Version)
	}
	if st.File.Mode == "poll" {
		x.add(stateWarn, "watch", "sysctl fs.inotify.max_user_instances", "no file events: a save is seen by the poll, two seconds late at most")
	}
	if st.Ledger.Holder != "" {
		x.add(stateWarn, "ledger", "open it read-only there", "%s holds the ledger; in the journal, waiting: %s", st.Ledger.Holder, plural(int(st.Ledger.Waiting), "%d entries"))
	}
	if st.Ledger.FoldError != "" {
		x.add(stateFail, "ledger", "prism ledger verify", "the last fold failed: %s", st.Ledger.FoldError)
	}
	if len(st.Unpriced) > 0 {
		x.add(stateWarn, "prices", "prism prices set MODEL --provider NAME --input USD --output USD", "no price is known for %s: what is spent on it is not counted", strings.Join(st.Unpriced, ", "))
	}
}

// health names what a provider refuses: only a person can mend that.
func (x *examination) health(st admin.Status) {
	for _, p := range st.Profiles {
		refused := p.State == ledger.HealthDenied
		if refused {
			x.add(stateFail, "key", "prism edit, and put in a key that is valid", "the provider of %s refuses its key: %s", p.Name, p.Why)
		}
		for _, k := range p.Keys {
			if k.State == ledger.HealthDenied && !refused {
				x.add(stateWarn, "key", "prism edit, and put in a key that is valid", "the provider of %s refuses its key %s (%s): %s", p.Name, k.Name, k.Masked, k.Why)
			}
		}
		if p.State == ledger.HealthOpen || p.State == ledger.HealthProbing {
			x.add(stateWarn, "profile", "prism logs --profile "+p.Name, "%s fails too often and is left out for a while: %s", p.Name, p.Why)
		}
	}
}

// freePort looks whether the gateway could have a port.
func (x *examination) freePort(state, check, listen, key string) {
	var lc net.ListenConfig
	ln, err := lc.Listen(x.ctx, "tcp", listen)
	if err == nil {
		_ = ln.Close()
		return
	}
	if who := daemon.PortHolder(listen); who != "" {
		x.add(state, check, "stop it, or set "+key+": in prism.yaml", "%s is held by %s", listen, who)
		return
	}
	x.add(state, check, "stop the program that listens there, or set "+key+": in prism.yaml", "%s cannot be had: %v", listen, rootCause(err))
}

// port asks the data port itself, as a client would.
func (x *examination) port(listen string) {
	ctx, cancel := context.WithTimeout(x.ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+listen+"/", nil)
	if err != nil {
		x.add(stateFail, "port", "prism status", "%v", err)
		return
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		x.add(stateFail, "port", "prism status", "%s does not answer: %v", listen, err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		x.add(stateFail, "port", "see what listens there", "%s answers %s, which prism would not", listen, resp.Status)
		return
	}
	x.add(stateOK, "port", "", "%s answers", listen)
}

// socket looks at the control socket and its directory.
func (x *examination) socket() {
	path := socketOf(x.room.paths, x.room.settings)
	dir := filepath.Dir(path)
	st, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		x.add(stateFail, "socket", "ls -ld "+dir, "%v", err)
		return
	case !st.IsDir() || !ours(st):
		x.add(stateFail, "socket", "ls -ld "+dir+"; or set socket: in prism.yaml", "%s is not a directory of yours: a start is refused", x.a.tilde(dir))
		return
	case st.Mode().Perm()&0o077 != 0 && checksMode:
		x.add(stateFail, "socket", "chmod 700 "+dir, "%s is open to others (mode %04o): a start is refused", x.a.tilde(dir), st.Mode().Perm()).repair = chmod(dir, 0o700)
		return
	}
	if !x.absent {
		return // a gateway that is slow, or starts, keeps its socket
	}
	st, err = os.Lstat(path)
	switch {
	case err != nil:
		return
	case st.Mode().Type() != fs.ModeSocket:
		x.add(stateFail, "socket", "ls -l "+path+", and take it away", "%s is not a socket: a start is refused", x.a.tilde(path))
	default:
		x.add(stateWarn, "socket", "rm "+path, "%s is left over from a gateway that is gone; the next start replaces it", x.a.tilde(path)).repair = func() error { return admin.ClearStale(path) }
	}
}

// others are gateways beside the one that answers here. Where it does not answer, nobody knows
// which of them it is.
func (x *examination) others() {
	if x.status == nil && !x.absent {
		return
	}
	known := 0
	if x.status != nil {
		known = x.status.PID
	}
	for _, pid := range gateways() {
		if pid != known {
			x.add(stateWarn, "gateway", "kill "+strconv.Itoa(pid)+", if it is not meant to run beside this one", "another prism serve runs with PID %d: it has another state directory", pid)
		}
	}
}

func (x *examination) ledger() {
	if _, err := os.Stat(x.room.paths.LedgerFile); err != nil {
		x.add(stateSkip, "ledger", "", "no request was recorded yet")
		return
	}
	// Not x.a.reader: it folds, which writes and may even make a damaged ledger anew.
	ctx, cancel := context.WithTimeout(x.ctx, 3*time.Second)
	defer cancel()
	db, err := patient(ctx, func() (*sql.DB, error) {
		return duckdb.OpenReader(ctx, x.room.paths.LedgerFile, duckdb.ReaderOptions{})
	})
	if err != nil {
		e := describe(ledgerError(x.room.paths.LedgerFile, err))
		if !errors.Is(err, duckdb.ErrBusy) {
			e.Fix = "prism ledger verify"
		}
		x.add(stateFail, "ledger", e.Fix, "%s", e.Message)
		return
	}
	defer db.Close()
	var n int64
	if err := db.QueryRowContext(x.ctx, "select count(*) from requests").Scan(&n); err != nil {
		x.add(stateFail, "ledger", "prism sql \"describe requests\"", "%v", err)
		return
	}
	x.add(stateOK, "ledger", "", "%s, %s", x.a.tilde(x.room.paths.LedgerFile), plural(int(n), "%d requests"))
}
