//go:build e2e && linux

package browser

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/sys/unix"
)

// active are characters that do something on a terminal, or that make text look like other text.
func active(s string) []string {
	return regexp.MustCompile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f]+").FindAllString(s, -1)
}

// TestHostileTextsDoNothingOnATerminal runs every command that shows rows, on a terminal and into a pipe.
func TestHostileTextsDoNothingOnATerminal(t *testing.T) {
	h := open(t, past{})
	infest(t, h)
	h.env = append(h.env, "NO_COLOR=1", "TERM=xterm", "PAGER=cat")
	id := h.rows(t, "select request_id from requests where error_type like '%]0;%' limit 1")[0]["request_id"].(string)
	for _, args := range [][]string{
		{"logs"},
		{"logs", id},
		{"logs", "--json"},
		{"status"},
		{"status", "--json"},
		{"status", "--format", "waybar"},
		{"spend", "--by", "model"},
		{"spend", "--by", "project"},
		{"spend", "--by", "session"},
		{"spend", "--by", "branch"},
		{"cache"},
		{"reprice"},
		{"sql", "from requests"},
		{"sql", "--json", "from requests"},
		{"sql", "--format", "csv", "from requests"},
		{"sql", "select '\x1b[2J'"},
		{"profiles"},
		{"route", "\x1b[2J"},
		{"doctor"},
		{"queries"},
		{"use", "\x1b[2J<b>"},
	} {
		out, _ := h.run(t, args...)
		if found := active(out); len(found) > 0 {
			t.Errorf("prism %q into a pipe has %q", args, found)
		}
		if found := active(h.onTerminal(t, args...)); len(found) > 0 {
			t.Errorf("prism %q on a terminal has %q", args, found)
		}
	}
	for line := range strings.SplitSeq(h.said(t), "\n") {
		if strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("the log has %q", line)
		}
	}
}

// onTerminal runs a command on a terminal of its own, and returns what it wrote there.
func (h *house) onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	reader, screen := terminal(t)
	cmd := exec.CommandContext(t.Context(), os.Getenv("PRISM_BIN"), args...)
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = h.env, h.dir, screen, screen, screen
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	screen.Close() // the command has it
	var out bytes.Buffer
	_, _ = out.ReadFrom(reader) // ends with an error when the last one who can write has gone
	_ = cmd.Wait()              // some of them refuse
	reader.Close()
	return strings.ReplaceAll(out.String(), barGone, "")
}

// barGone takes the bar of work that was long, as on a slow machine, off the screen.
const barGone = "\r\x1b[2K"

// terminal makes a terminal of 200 columns: the end that reads what is written there, and the one to write to.
func terminal(t *testing.T) (reader, screen *os.File) {
	t.Helper()
	reader, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	fd := int(reader.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 200})); err != nil {
		t.Fatal(err)
	}
	if screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return reader, screen
}
