package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/desktop"
)

func newUI(a *app) *cobra.Command {
	var printURL bool
	cmd := &cobra.Command{
		Use:   "ui",
		Short: "Open the dashboard with a one-time code",
		Long: `Ui asks the running gateway for a code that is good once, for 30 seconds, and opens the
dashboard with it in the browser. The session lasts twelve hours. Where there is no desktop, or
with --print-url, the address is printed: it signs in whoever opens it first.`,
		Example: "  prism ui\n  ssh -N -L 3001:127.0.0.1:3001 HOST   # then, on HOST:\n  prism ui --print-url",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.ui(cmd.Context(), r, printURL)
		},
	}
	cmd.Flags().BoolVar(&printURL, "print-url", false, "print the address instead of opening it")
	return cmd
}

func (a *app) ui(ctx context.Context, r room, printURL bool) error {
	u, err := r.client.UI(ctx)
	if err != nil {
		return err
	}
	switch {
	case a.jsonWanted():
		return a.show(view{object: u})
	case printURL:
	default:
		err := browse(ctx, u.URL)
		if err == nil {
			page, _, _ := strings.Cut(u.URL, "#")
			a.note("opened %s in the browser", page)
			return nil
		}
		a.note("%v; open this within %s:", err, time.Until(u.ExpiresAt).Round(time.Second))
	}
	_, err = fmt.Fprintln(a.out, u.URL)
	return err
}

// errNoBrowser means that there is no desktop to open a page on.
var errNoBrowser = errors.New("there is no desktop here")

// browsePatience is how long the program that starts a browser may take to say that it cannot.
const browsePatience = 5 * time.Second

// browse opens a page in the user's browser. Other users of the machine can read the address in the
// list of processes: the gateway takes the code from this user's programs only, where the
// system can tell whose they are.
func browse(ctx context.Context, url string) error {
	command, err := browseCommand(runtime.GOOS, os.Getenv, url)
	if err != nil {
		return err
	}
	return desktop.Start(ctx, command, browsePatience)
}

func browseCommand(platform string, getenv func(string) string, url string) ([]string, error) {
	switch platform {
	case "windows":
		return []string{"rundll32.exe", "url.dll,FileProtocolHandler", url}, nil
	case "darwin":
		return []string{"open", url}, nil
	}
	if !desktop.Present(platform, getenv) {
		return nil, errNoBrowser
	}
	return []string{"xdg-open", url}, nil
}
