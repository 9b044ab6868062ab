package desktop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
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
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	window := filepath.Join(t.TempDir(), "window") // which is open while this is there
	if err := os.Mkdir(window, 0o700); err != nil {
		t.Fatal(err)
	}
	program := []string{"sh", "-c", `while [ -d "$0" ]; do sleep 0.01; done`, window}
	if err := Start(t.Context(), program, time.Millisecond); err != nil {
		t.Errorf("patience ended: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Start(gone, program, time.Hour); err != nil {
		t.Errorf("the caller went away: %v", err)
	}
	if err := os.Remove(window); err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(time.Minute); ; {
		err := goleak.Find() // each look waits a while
		if err == nil {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("the programs were not waited for: %v", err)
		}
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
