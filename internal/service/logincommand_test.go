package service

import (
	"os"
	"slices"
	"testing"
)

// TestTheCommandOfAnEntryComesBackWhole: what was written is read again, on both platforms.
func TestTheCommandOfAnEntryComesBackWhole(t *testing.T) {
	hard := []string{"/usr/bin/env", "XDG_STATE_HOME=/a b/100%f", `/opt/a"b\c$(touch x)` + "`y`/prism", "tray", "--config", "/opt/日本語 & <x>/p.yaml", "", `\\`, "%%", "~"}
	for _, platform := range []string{"linux", "darwin"} {
		l, err := NewLogin(Options{Platform: platform, Home: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Command(); got != nil {
			t.Errorf("%s: without an entry it starts %q", platform, got)
		}
		for _, argv := range [][]string{{"/usr/bin/prism", "tray"}, hard} {
			if err := l.On(argv); err != nil {
				t.Fatal(err)
			}
			if got := l.Command(); !slices.Equal(got, argv) {
				t.Errorf("%s: %q came back as %q", platform, argv, got)
			}
		}
		for _, text := range []string{"", loginMark, loginMark + "\nExec=", "Exec=/bin/other tray", loginMark + "<plist><dict><key>ProgramArguments</key></dict></plist>", loginMark + "<plist><dict></dict></plist>"} {
			if err := os.WriteFile(l.Path(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := l.Command(); len(got) > 0 {
				t.Errorf("%s: %q starts %q", platform, text, got)
			}
		}
	}
}

// TestAnotherProgramInAnEntryIsSeen: whatever its name has in common with this one, and whatever
// variables it is started with.
func TestAnotherProgramInAnEntryIsSeen(t *testing.T) {
	here := []string{"/usr/bin/prism", "tray"}
	for _, platform := range []string{"linux", "darwin"} {
		l, err := NewLogin(Options{Platform: platform, Home: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if l.StartsOther(here) {
			t.Errorf("%s: no entry starts another program", platform)
		}
		for _, c := range []struct {
			argv  []string
			other bool
		}{
			{here, false},
			{[]string{"/usr/bin/env", "XDG_STATE_HOME=/x", "/usr/bin/prism", "tray"}, false},
			{[]string{"/usr/bin/prism-old", "tray"}, true},
			{[]string{"/usr/bin/env", "X=/usr/bin/prism", "/opt/a & b/100%/prism", "tray"}, true},
		} {
			if err := l.On(c.argv); err != nil {
				t.Fatal(err)
			}
			if l.StartsOther(here) != c.other || l.StartsOther(c.argv) {
				t.Errorf("%s: %q", platform, c.argv)
			}
		}
	}
}
