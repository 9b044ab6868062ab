package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/daemon"
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
			return a.start(cmd, r)
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
			return a.stop(cmd, r, now)
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
			return a.restart(cmd, r)
		},
	}
}

// housed returns the installed service that runs the gateway, or would; false where there is none.
func (a *app) housed(cmd *cobra.Command) (house, bool) {
	for _, o := range []serviceOptions{{}, {system: true}} {
		h, err := a.house(cmd, o)
		if err == nil && h.Installed() {
			return h, true
		}
	}
	return house{}, false
}

func (a *app) start(cmd *cobra.Command, r room) error {
	ctx := cmd.Context()
	st, err := r.client.Status(ctx)
	if err == nil {
		a.note("the gateway runs already (PID %d)", st.PID)
		return nil
	}
	h, installed := a.housed(cmd)
	if !installed && !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	if !installed {
		return a.startDetached(ctx, r)
	}
	if err := h.Start(ctx); err != nil {
		return serviceError(err)
	}
	if err := a.serviceReady(ctx, h); err != nil {
		return err
	}
	a.note("started the service")
	return nil
}

func (a *app) stop(cmd *cobra.Command, r room, now bool) error {
	ctx := cmd.Context()
	st, err := r.client.Status(ctx)
	running := err == nil
	// A service that cannot start has a socket that nobody answers at.
	h, installed := a.housed(cmd)
	if err != nil && !installed && !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	if running && st.InFlight > 0 && !now {
		a.note("%s may finish, within %s; Ctrl-C leaves the gateway to it", plural(st.InFlight, "%d requests"), r.settings.Drain)
	}
	if installed && (!running || a.runs(ctx, h, st.PID)) {
		if now && running {
			if err := hurry(st.PID); err != nil {
				return err
			}
		}
		if err := h.Stop(ctx); err != nil {
			return serviceError(err)
		}
		a.note("stopped the service")
		return nil
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

// runs tells whether the service is what runs the gateway.
func (a *app) runs(ctx context.Context, h house, pid int) bool {
	st, err := h.State(ctx)
	return err == nil && st.PID == pid
}

func (a *app) restart(cmd *cobra.Command, r room) error {
	ctx := cmd.Context()
	h, installed := a.housed(cmd)
	st, err := r.client.Status(ctx)
	if installed && (err != nil || a.runs(ctx, h, st.PID)) {
		if err := h.Restart(ctx); err != nil {
			return serviceError(err)
		}
		if err := a.serviceReady(ctx, h); err != nil {
			return err
		}
		a.note("restarted the service")
		return nil
	}
	if err == nil {
		if err := a.stop(cmd, r, false); err != nil {
			return err
		}
	}
	return a.start(cmd, r)
}

// hurry tells a gateway to end without waiting for what is in flight: the second signal.
func hurry(pid int) error {
	for range 2 {
		if err := signalTo(pid, syscall.SIGTERM); err != nil {
			return err
		}
	}
	return nil
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

// stopMargin is what the end of a gateway may take beyond its drain.
const stopMargin = 30 * time.Second

// stopProcess ends a gateway that no service runs, and waits until it is gone.
func (a *app) stopProcess(ctx context.Context, r room, st admin.Status, now bool) error {
	end := func(pid int) error { return signalTo(pid, syscall.SIGTERM) }
	if now {
		end = hurry
	}
	if err := end(st.PID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.settings.Drain+stopMargin)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
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
