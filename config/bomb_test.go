//go:build unix

package config

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestBombsAreRefusedAtOnce(t *testing.T) {
	const n = MaxFileSize
	nested := func() string {
		var b strings.Builder
		for i := 0; b.Len() < n-2000; i++ {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}
	for name, src := range map[string]string{
		"too large":      strings.Repeat("#", n+1),
		"aliases":        "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c]\n",
		"merge keys":     "a: &a {x: 1}\nb: {<<: *a}\n",
		"brackets":       strings.Repeat("[", n),
		"braces":         strings.Repeat("{", n),
		"dashes":         strings.Repeat("- ", n/2),
		"question marks": strings.Repeat("? ", n/2),
		"anchors":        "a: " + strings.Repeat("&a ", n/3-2),
		"tags":           "a: " + strings.Repeat("!!a ", n/4-2),
		"documents":      strings.Repeat("---\n", n/4),
		"nested":         nested(),
		"fields":         strings.Repeat("a: b\n", n/5),
		"colons":         strings.Repeat("a: ", n/3),
		"flow list":      "[" + strings.Repeat("a,", n/2-2) + "]",
		"blank lines":    "a: |\n" + strings.Repeat("\n", n-10),
		"blank runs":     "a: |\n" + strings.Repeat(strings.Repeat("\n", 900)+"  x\n", n/904-1),
		"one line":       "a: " + strings.Repeat("x", n-10),
		"quoted":         "a: \"" + strings.Repeat("\\n", n/2-10) + "\"",
		"unclosed quote": "a: \"" + strings.Repeat("x ", n/2-10),
		"quoted lines":   "a: 'x" + strings.Repeat("\n x", maxLines-10) + "'",
		"literal":        "a: |\n" + strings.Repeat("  x\n", maxLines-10),
		"plain lines":    "a: b\n" + strings.Repeat("  x\n", maxLines-10),
		"comments":       strings.Repeat("# c\n", maxLines-10),
		"long comments":  strings.Repeat("# sk-"+strings.Repeat("aB3", 30)+"\n", n/100),
		"unknown fields": "profiles:\n" + strings.Repeat("  - {x: 1}\n", 2000),
		"carriage":       strings.Repeat("a: b\r", maxLines-10),
		"indentation":    strings.Repeat(" ", n),
		"tabs":           "a:" + strings.Repeat("\t", n-10),
	} {
		t.Run(name, func(t *testing.T) {
			start := cpuTime(t)
			_, problems := ParseProfiles([]byte(src), ParseOptions{AllowPlaintext: true})
			took := cpuTime(t) - start
			if problems.Err() == nil {
				t.Error("accepted")
			}
			checkProblems(t, []byte(src), problems)
			if len(problems) > maxProblems+1 {
				t.Errorf("%d problems", len(problems))
			}
			t.Logf("%v of CPU", took)
			if took > time.Second { // a tenth of it without the race detector
				t.Errorf("took %v of CPU", took)
			}
		})
	}
}

// cpuTime returns the CPU time of the process, which does not grow with the load of the machine.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestReferencesAreCheckedInLinearTime(t *testing.T) {
	var b strings.Builder
	b.WriteString("active: p0\nprofiles:\n")
	const n = 60
	for i := range n {
		fmt.Fprintf(&b, "  - {name: p%d, base_url: \"https://x.example\", auth: none, fallback: [", i)
		for j := i + 1; j < n; j++ {
			fmt.Fprintf(&b, "p%d, ", j)
		}
		b.WriteString("]}\n")
	}
	start := cpuTime(t)
	_, problems := ParseProfiles([]byte(b.String()), ParseOptions{AllowPlaintext: true})
	if problems.Err() != nil {
		t.Error(problems)
	}
	if took := cpuTime(t) - start; took > time.Second {
		t.Errorf("took %v", took)
	}
}
