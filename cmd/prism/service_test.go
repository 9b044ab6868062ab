package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"prism/internal/service"
)

// TestTheProgramGoesByTheNameThatItWasCalledBy: what that leads to is replaced by an upgrade.
func TestTheProgramGoesByTheNameThatItWasCalledBy(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	link := filepath.Join(dir, "prism")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	defer func(args []string) { os.Args = args }(os.Args)
	os.Args = []string{link}
	if got, err := ownProgram(); err != nil || got != link {
		t.Errorf("called by its path: %s, %v, want %s", got, err, link)
	}
	os.Args = []string{"/bin/sh"} // whoever starts a program may call it anything
	if got, err := ownProgram(); err != nil || got != self {
		t.Errorf("called by a foreign name: %s, %v, want %s", got, err, self)
	}
	t.Setenv("PATH", dir)
	if got, err := ownProgram(); err != nil || got != link {
		t.Errorf("on the PATH: %s, %v, want %s", got, err, link)
	}
}

func TestNamesOfOneVersionAreKnown(t *testing.T) {
	for program, want := range map[string]bool{
		"/home/linuxbrew/.linuxbrew/bin/prism":                            false,
		"/home/linuxbrew/.linuxbrew/Cellar/prism/0.9.0/bin/prism":         true,
		"/home/ann/.local/share/mise/installs/prism/0.9.0/bin/prism":      true,
		"/nix/store/0c1v9kzqdp1h9z0g2k3n-prism-0.9.0/bin/prism":           true,
		"/opt/prism-v1.2.3_linux_amd64/prism":                             true,
		"/home/ann/go/bin/prism":                                          false,
		"/usr/lib/python3.12/prism":                                       false,
		"/home/ann/.local/share/mise/installs/prism/latest/bin/prism-new": false,
	} {
		if versioned(program) != want {
			t.Errorf("%s: %v", program, !want)
		}
	}
}

// TestWhatIsRefusedToAUserRootMayDo: a service of the machine is stopped with sudo.
func TestWhatIsRefusedToAUserRootMayDo(t *testing.T) {
	denied := fmt.Errorf("%w: Interactive authentication required", service.ErrDenied)
	if fix := describe(house{system: true}.problem(denied, "stop")).Fix; fix != "sudo prism stop" {
		t.Errorf("of the machine: %s", fix)
	}
	for _, err := range []error{house{}.problem(denied, "stop"), house{system: true}.problem(service.ErrNoManager, "stop")} {
		if fix := describe(err).Fix; fix == "sudo prism stop" {
			t.Errorf("%v: sudo does not help", err)
		}
	}
}
