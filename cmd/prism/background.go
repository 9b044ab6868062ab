package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/service"
)

func newStart(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "start",
		Short: "Start the gateway in the background",
		Long: `Start starts the gateway as the service that prism service install has installed, else as a
process that outlives this terminal. It ends when the gateway answers.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(nil)
			if err != nil {
				return err
			}
			return a.start(cmd.Context(), r, false)
		},
	}
}

func newStop(a *app) *cobra.Command {
	var now bool
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop the gateway; what is in flight finishes first",
		Long: `Stop ends the gateway, whatever started it, and what would start it again for the next
connection. Answers under way go on until they are finished, for as long as drain: in prism.yaml
at most. It starts again with the next login if it is a service, or with prism start.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(nil)
			if err != nil {
				return err
			}
			return a.stop(cmd.Context(), r, now)
		},
	}
	cmd.Flags().BoolVar(&now, "now", false, "break off what is in flight")
	return cmd
}

func newRestart(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restart",
		Short: "Stop the gateway and start it again, as after an upgrade",
		Long: `Restart replaces the running gateway by this program. Under systemd nobody is refused
meanwhile: the sockets stay, and clients wait.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(nil)
			if err != nil {
				return err
			}
			return a.restart(cmd.Context(), r)
		},
	}
}

// housed returns the installed service that runs the gateway, or would; false where there is none.
// pid is that of the gateway that answers; 0 = none does.
func (a *app) housed(ctx context.Context, pid int) (house, bool) {
	for _, o := range []serviceOptions{{}, {system: true, user: a.machineUser()}} {
		h, err := a.house(o)
		if err == nil && h.Installed() && (pid == 0 && h.ours() || pid != 0 && h.runs(ctx, pid)) {
			return h, true
		}
	}
	return house{}, false
}

// runs tells whether the service is what runs the gateway.
func (h house) runs(ctx context.Context, pid int) bool {
	st, err := h.State(ctx)
	return err == nil && st.PID == pid
}

// start starts the gateway. With own it is one that this user can talk to: root may start the service
// of another user, and still has no gateway.
func (a *app) start(ctx context.Context, r room, own bool) error {
	st, err := r.client.Status(ctx)
	if err == nil {
		a.note("the gateway runs already (PID %d)", st.PID)
		return nil
	}
	h, installed := a.housed(ctx, 0)
	installed = installed && (!own || h.a == a)
	if !installed && !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	if !installed {
		return a.startDetached(ctx, r)
	}
	err = h.Start(ctx)
	if errors.Is(err, service.ErrNoManager) {
		a.note("no service manager answers: the gateway starts without it")
		return a.startDetached(ctx, r)
	}
	if err != nil {
		return h.problem(err, "start")
	}
	if err := a.serviceReady(ctx, h); err != nil {
		return err
	}
	a.note("started the service")
	return nil
}

func (a *app) stop(ctx context.Context, r room, now bool) error {
	st, err := r.client.Status(ctx) // without an answer it has no PID
	running := err == nil
	// A service that cannot start has a socket that nobody answers at.
	h, installed := a.housed(ctx, st.PID)
	if err != nil && !installed && !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	if running && st.InFlight > 0 && !now {
		a.note("%s may finish, within %s; Ctrl-C leaves the gateway to it", plural(st.InFlight, "%d requests"), r.settings.Drain)
	}
	if installed {
		ended := h.end(ctx, st.PID, now)
		if ended == nil {
			a.note("stopped the service")
			return nil
		}
		if !errors.Is(ended, service.ErrNoManager) {
			verb := "stop"
			if now {
				verb += " --now"
			}
			return h.problem(ended, verb)
		}
		if err != nil && !errors.Is(err, admin.ErrNotRunning) {
			return err
		}
	}
	if !running {
		a.note("the gateway does not run")
		return nil
	}
	if err := a.stopProcess(ctx, r, st, now); err != nil {
		return err
	}
	a.note("stopped the gateway (PID %d)", st.PID)
	return nil
}

// end stops the service, with now at once. pid is that of the gateway; 0 = the manager may know it.
func (h house) end(ctx context.Context, pid int, now bool) error {
	if now && pid == 0 { // that of another user does not answer here
		if st, err := h.State(ctx); err == nil {
			pid = st.PID
		}
	}
	if now && pid != 0 {
		return hurried(pid, func() error { return h.Stop(ctx) })
	}
	return h.Stop(ctx)
}

func (a *app) restart(ctx context.Context, r room) error {
	st, err := r.client.Status(ctx)
	running := err == nil
	if h, installed := a.housed(ctx, st.PID); installed {
		err := h.Restart(ctx)
		if err == nil {
			err = a.serviceReady(ctx, h)
			if err == nil {
				a.note("restarted the service")
			}
			return err
		}
		if !errors.Is(err, service.ErrNoManager) {
			return h.problem(err, "restart")
		}
	}
	if running {
		if err := a.stop(ctx, r, false); err != nil {
			return err
		}
	}
	return a.start(ctx, r, running)
}

// hurried tells a gateway to end without waiting for what is in flight, again and again until end
// returns: a second signal while the first has not been looked at would be lost.
func hurried(pid int, end func() error) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("signal the gateway: %w", err)
	}
	defer func() { _ = p.Release() }()
	ended := make(chan struct{})
	var insisting sync.WaitGroup
	insisting.Go(func() {
		tick := time.NewTicker(stopTick)
		defer tick.Stop()
		for p.Signal(syscall.SIGTERM) == nil {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
	})
	err = end()
	close(ended)
	insisting.Wait()
	return err
}

func signalTo(pid int, s os.Signal) error {
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(s)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal the gateway: %w", err)
	}
	return nil
}

// stopMargin is what the end of a gateway may take beyond its drain; stopTick is how often it is
// looked at.
const (
	stopMargin = 30 * time.Second
	stopTick   = 50 * time.Millisecond
)

// stopProcess ends a gateway that no service runs, and waits until it is gone.
func (a *app) stopProcess(ctx context.Context, r room, st admin.Status, now bool) error {
	if err := signalTo(st.PID, syscall.SIGTERM); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.settings.Drain+stopMargin)
	defer cancel()
	wait := func() error {
		tick := time.NewTicker(stopTick)
		defer tick.Stop()
		for !gone(ctx, r) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for the gateway (PID %d) to end: %w", st.PID, ctx.Err())
			case <-tick.C:
			}
		}
		return nil
	}
	if now {
		return hurried(st.PID, wait)
	}
	return wait()
}

// gone tells whether a gateway has ended: the socket closes first, the lock goes with the process.
func gone(ctx context.Context, r room) bool {
	if _, err := r.client.Status(ctx); !errors.Is(err, admin.ErrNotRunning) {
		return false
	}
	lock, err := daemon.TakeLock(filepath.Join(r.paths.State, "lock"))
	if err != nil {
		return false
	}
	return lock.Close() == nil
}
