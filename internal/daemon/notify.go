package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// tellTimeout bounds a word to the service manager: one that hangs holds up nothing here.
const tellTimeout = 100 * time.Millisecond

// stopMargin is what a stop may take beyond the drain: breaking off, the last fold, the last
// sync.
const stopMargin = 30 * time.Second

// Manager is the service manager that started prism and wants to know how it is: systemd, by
// the protocol of sd_notify(3). A nil Manager is told nothing.
type Manager struct {
	socket   string
	watchdog time.Duration // how long it waits for a sign of life; 0 = it does not
}

// ManagerOf finds the manager in the environment; nil = there is none.
func ManagerOf(getenv func(string) string) *Manager {
	m := &Manager{socket: getenv("NOTIFY_SOCKET")}
	if m.socket == "" {
		return nil
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	pid := getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && usec < int64(24*time.Hour/time.Microsecond) && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.watchdog = time.Duration(usec) * time.Microsecond
	}
	return m
}

// ManagerVariables names what a service manager puts into the environment for this process
// alone: no child is to answer in its place.
func ManagerVariables() []string {
	return []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}
}

// tell sends assignments such as READY=1. It waits for nobody.
func (m *Manager) tell(words ...string) error {
	if m == nil {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(tellTimeout))
	if _, err := conn.Write([]byte(strings.Join(words, "\n"))); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// tell passes words on to the manager, if there is one.
func (d *Daemon) tell(words ...string) {
	if err := d.opt.Manager.tell(words...); err != nil {
		d.log.Debug().Err(err).Msg("service manager not told")
	}
}

// tellStatus says in one line what `systemctl status` shows.
func (d *Daemon) tellStatus(words ...string) {
	if d.opt.Manager == nil {
		return
	}
	fs, t := d.file.Load(), d.router.Table()
	if fs == nil || t == nil {
		d.tell(words...)
		return
	}
	line := fmt.Sprintf("%s answers on %s, generation %d", fs.active, d.ln.Addr(), t.Generation)
	if fs.problems.Err() != nil {
		line += "; profiles.yaml is REFUSED, see prism status"
	}
	d.tell(append(words, "STATUS="+oneLine(line))...)
}

// oneLine keeps what came out of a file from becoming an assignment of its own.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// reloadForManager is a reload that was asked for by a signal: systemd counts it as done when
// it hears READY=1 again, with the time of the beginning as proof that it is this one.
func (d *Daemon) reloadForManager(ctx context.Context) {
	d.tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonicMicros(), 10))
	d.load(ctx, "sighup", false)
	d.tellStatus("READY=1")
}

// tellStopping says that the end has begun, and how long it may take: the drain is a setting
// of prism, and the unit's own limit need not know it.
func (d *Daemon) tellStopping() {
	extend := d.opt.Settings.Drain + stopMargin
	d.tell("STOPPING=1", "EXTEND_TIMEOUT_USEC="+strconv.FormatInt(extend.Microseconds(), 10),
		fmt.Sprintf("STATUS=draining, %d in flight", d.inFlight()))
}

// keepWatchdog gives signs of life until ctx ends. Each is preceded by a look at what every
// request needs, so that a process that hangs there is not taken for a healthy one.
func (d *Daemon) keepWatchdog(ctx context.Context) {
	m := d.opt.Manager
	if m == nil || m.watchdog == 0 {
		return
	}
	tick := time.NewTicker(m.watchdog / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_ = d.journal.State() // waits for the journal's lock
		_ = d.router.Table()
		d.tell("WATCHDOG=1")
	}
}
