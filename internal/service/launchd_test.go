package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// exitError is how a command of launchctl ended.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
func (e exitError) ExitCode() int { return int(e) }

// agent is launchd as far as one job goes: one that is told to leave is still there for some questions,
// and for some more its name cannot be had.
type agent struct {
	loaded, off bool
	leaving     int
	busy        int
	told        []string
}

func (a *agent) run(_ context.Context, argv ...string) (string, error) {
	a.told = append(a.told, argv[1])
	if a.leaving > 0 {
		if a.leaving--; a.leaving == 0 {
			a.loaded, a.busy = false, 2
		}
	}
	switch argv[1] {
	case "print":
		if !strings.HasSuffix(argv[2], "/"+label) || a.loaded {
			return "state = running\n", nil
		}
		return "Could not find service", exitError(exitNotFound)
	case "print-disabled":
		return fmt.Sprintf("disabled services = {\n\t\"com.example\" => disabled\n\t%q => %s\n}\n", label, map[bool]string{true: "disabled", false: "enabled"}[a.off]), nil
	case "bootout":
		if !a.loaded {
			return "Boot-out failed: 3: No such process", exitError(exitNoJob)
		}
		a.leaving = 5
		return "Boot-out failed: 36: Operation now in progress", exitError(exitBusy)
	case "bootstrap":
		if a.busy > 0 || a.loaded {
			a.busy--
			return "Bootstrap failed: 5: Input/output error", exitError(exitIO)
		}
		a.loaded = true
	case "kickstart":
		if !a.loaded {
			return "Could not find service", exitError(exitNotFound)
		}
	case "disable":
		a.off = true
	case "enable":
		a.off = false
	}
	return "", nil
}

func mac(t *testing.T) (*Service, *agent, Spec) {
	t.Helper()
	a, home := &agent{}, t.TempDir()
	s, err := New(Options{Platform: "darwin", Home: home, UID: 501, Run: a.run})
	if err != nil {
		t.Fatal(err)
	}
	spec := everyday(home)
	if _, err := s.Install(t.Context(), spec, false); err != nil {
		t.Fatal(err)
	}
	return s, a, spec
}

// TestAJobOfLaunchdIsWaitedForUntilItsNameIsFree: bootout returns earlier than that, and a name that
// is not free cannot be loaded.
func TestAJobOfLaunchdIsWaitedForUntilItsNameIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, _ := mac(t)
		for _, step := range []struct {
			name string
			do   func(context.Context) error
			runs bool
		}{
			{"start", s.Start, true},
			{"start again", s.Start, true},
			{"restart", s.Restart, true},
			{"stop", s.Stop, false},
			{"stop again", s.Stop, false},
			{"restart of what does not run", s.Restart, true},
			{"stop", s.Stop, false},
			{"start", s.Start, true},
		} {
			if err := step.do(t.Context()); err != nil || a.loaded != step.runs {
				t.Fatalf("%s: loaded %v, %v; it was told %q", step.name, a.loaded, err, a.told)
			}
		}
	})
}

// TestWhatLaunchdGoesOnRefusingIsAnError: trying again has an end.
func TestWhatLaunchdGoesOnRefusingIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, _ := mac(t)
		a.busy = 1 << 20
		if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "Bootstrap failed: 5") {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestAnAgentThatWasStoppedStillStartsWithTheLogin(t *testing.T) {
	s, a, _ := mac(t)
	if st, err := s.State(t.Context()); err != nil || !st.Enabled || st.Running {
		t.Errorf("%+v, %v", st, err)
	}
	a.off = true
	if st, err := s.State(t.Context()); err != nil || st.Enabled {
		t.Errorf("switched off by hand: %+v, %v", st, err)
	}
}

func TestUninstallLeavesNoNoteWithLaunchd(t *testing.T) {
	s, a, _ := mac(t)
	if _, err := s.Uninstall(t.Context()); err != nil || a.off || slices.Contains(a.told, "disable") {
		t.Errorf("%v; it was told %q", err, a.told)
	}
}

// TestTheLogOfAnAgentHasADirectory: launchd makes none, and what the gateway says would be lost.
func TestTheLogOfAnAgentHasADirectory(t *testing.T) {
	_, _, spec := mac(t)
	st, err := os.Stat(filepath.Dir(spec.Log))
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	s, _, opt := linux(t)
	spec = everyday(opt.Home)
	if _, err := s.Install(t.Context(), spec, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(spec.Log)); err == nil {
		t.Error("systemd has a log of its own")
	}
}

func TestWhatAManagerRefusesToAUserIsToldFromWhatFails(t *testing.T) {
	for text, denied := range map[string]bool{
		"Failed to stop prism.service: Interactive authentication required.": true,
		"Failed to stop prism.service: Access denied":                        true,
		"Boot-out failed: 1: Operation not permitted":                        true,
		"Failed to stop prism.service: Unit prism.service not loaded.":       false,
	} {
		if err := failed([]string{"x"}, text+"\nSee system logs.", exitError(1)); errors.Is(err, ErrDenied) != denied || !strings.Contains(err.Error(), text) {
			t.Errorf("%q is %v", text, err)
		}
	}
}
