// Package desktop starts programs that show a window to the user of this machine.
package desktop

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// Present tells whether there is a desktop that a window could be shown on. platform is a GOOS.
func Present(platform string, getenv func(string) string) bool {
	return platform == "windows" || platform == "darwin" || getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
}

// Start starts a program and waits a while for it to say that it cannot show its window. One that stays is
// well: nobody waits for it, and it outlives ctx, whose end only ends the wait. Errors name the program and
// none of its arguments.
func Start(ctx context.Context, command []string, patience time.Duration) error {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the window, which the user closes
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("%s: %w", command[0], err)
		}
	case <-late.C:
	case <-ctx.Done():
	}
	return nil
}
