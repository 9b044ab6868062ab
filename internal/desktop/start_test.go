package desktop

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStartSaysWhatAProgramSaysAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		want    string
	}{
		"works": {[]string{"true", "secret"}, ""}, "fails": {[]string{"false", "secret"}, "false: exit status 1"},
		"is not there": {[]string{"/nowhere/browser", "secret"}, "start /nowhere/browser: "},
	} {
		err := Start(t.Context(), c.command, time.Minute)
		if (err == nil) != (c.want == "") || err != nil && (!strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestStartDoesNotWaitForAProgramThatStays(t *testing.T) {
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip(err)
	}
	if err := Start(t.Context(), []string{"sleep", "0.2"}, time.Millisecond); err != nil {
		t.Errorf("patience ended: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Start(gone, []string{"sleep", "0.2"}, time.Hour); err != nil {
		t.Errorf("the caller went away: %v", err)
	}
}

func TestADesktopIsTold(t *testing.T) {
	for _, c := range []struct {
		platform, variable string
		want               bool
	}{{"linux", "", false}, {"linux", "DISPLAY", true}, {"freebsd", "WAYLAND_DISPLAY", true}, {"darwin", "", true}, {"windows", "", true}} {
		got := Present(c.platform, func(name string) string {
			if name == c.variable {
				return ":0"
			}
			return ""
		})
		if got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}
