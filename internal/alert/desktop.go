package alert

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// ErrNoDesktop means that this platform has no program that shows a notice.
var ErrNoDesktop = errors.New("no program to show notices with on this platform")

// Desktop shows a notice with the program that the desktop brings along: notify-send on Linux
// and the BSDs, osascript on macOS. The texts are arguments, never part of a script.
func Desktop(ctx context.Context, title, text string) error {
	command, err := desktopCommand(runtime.GOOS, title, text)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w %s", command[0], err, first)
	}
	return nil
}

func desktopCommand(platform, title, text string) ([]string, error) {
	switch platform {
	case "linux", "freebsd", "openbsd", "netbsd":
		// The text is taken for a kind of HTML, after notify-send has read escapes like those of C in it.
		escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, `\\`).Replace(text)
		return []string{"notify-send", "--app-name=prism", "--", title, escaped}, nil
	case "darwin":
		return []string{
			"osascript", "-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run", title, text,
		}, nil
	}
	return nil, ErrNoDesktop
}
