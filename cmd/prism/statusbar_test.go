package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"prism/internal/admin"
	"prism/internal/lang"
	"prism/internal/ledger"
	"prism/internal/tray"
)

// aGlance is one of a gateway where names and hosts are what an attacker would like them to be.
func aGlance(name string) tray.Glance {
	cost, soon := "7.004", time.Date(2026, 11, 20, 14, 4, 0, 0, time.UTC)
	st := admin.Status{
		Active: name, File: admin.FileStatus{OK: true}, Today: admin.Totals{Requests: 1, CostUSD: &cost},
		Profiles: []admin.ProfileStatus{{Name: name, Origin: "https://" + name}, {Name: "other" + name, State: ledger.HealthDenied}, {Name: "kimi", State: ledger.HealthCooling}},
	}
	return tray.Look(st, []admin.Window{{Profile: name, Name: admin.Window5h, Used: 0.58, ResetsAt: &soon}}, soon.Add(-2*time.Hour))
}

func TestBarsShowWhatTheBookSays(t *testing.T) {
	a, _ := clientApp(t, nil, strings.NewReader(""))
	for format, want := range map[string]string{
		formatTmux:    "work $7.00 58%",
		formatPolybar: "work $7.00 58%",
		formatWaybar:  `{"text":"work $7.00","alt":"ok","class":"ok","percentage":58,"tooltip":"work  work\n5h 58%, 2h04m left\notherwork denied\nkimi cooling\nthe key of profile otherwork is refused"}`,
	} {
		a.format = format
		if got := a.bar(aGlance("work")); got != want {
			t.Errorf("%s: %s, want %s", format, got, want)
		}
	}
	a.format = formatSwiftbar
	got := a.bar(aGlance("work"))
	for _, want := range []string{"◆ work $7.00\n---\nwork  work\n", "\nwork | checked=true\n", " param1=use param2=-- param3=kimi terminal=false refresh=true\n", " param1=ui terminal=false"} {
		if !strings.Contains(got, want) {
			t.Errorf("swiftbar: %q is missing in\n%s", want, got)
		}
	}
}

// TestNothingInABarIsAnAction: what a bar would act upon stays text.
func TestNothingInABarIsAnAction(t *testing.T) {
	a, _ := clientApp(t, nil, strings.NewReader(""))
	for _, evil := range []string{
		"x\n---\nRun | bash=/bin/evil terminal=false", "-x|bash=/bin/evil", `a"b`, "#[fg=red]#(evil)", "%{A1:evil:}x%{A}", "<span foreground='red'>&amp;</span>", "\x1b]0;t\a", "日本\u202e語",
	} {
		g := aGlance(evil)
		a.format = formatWaybar
		var bar struct{ Text, Tooltip string }
		if err := json.Unmarshal([]byte(a.bar(g)), &bar); err != nil || strings.ContainsAny(bar.Text+bar.Tooltip, "<>\x1b\a\u202e") {
			t.Errorf("waybar of %q: %v %+v", evil, err, bar)
		}
		a.format = formatTmux
		if got := strings.ReplaceAll(a.bar(g), "##", ""); strings.ContainsAny(got, "#\n\x1b") {
			t.Errorf("tmux of %q: %q", evil, got)
		}
		a.format = formatPolybar
		if got := a.bar(g); strings.Contains(got, "%{") || strings.Contains(got, "\n") {
			t.Errorf("polybar of %q: %q", evil, got)
		}
		a.format = formatSwiftbar
		for line := range strings.Lines(a.bar(g)) {
			text, param, _ := strings.Cut(line, "|")
			if strings.Contains(param, "evil") && !strings.Contains(param, `param3="`) || strings.Count(line, "|") > 1 {
				t.Errorf("swiftbar of %q: %q", evil, line)
			}
			if strings.HasPrefix(text, "-") && line != "---\n" {
				t.Errorf("swiftbar of %q: a submenu or a line of its own: %q", evil, line)
			}
		}
	}
}

// TestAClickInABarIsForTheGatewayOfTheBar: the bar starts it with nothing of what this run was given.
func TestAClickInABarIsForTheGatewayOfTheBar(t *testing.T) {
	here, err := filepath.Abs("b")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, flag string
		env        map[string]string
		want       string // before the words of the command; SELF stands for this program
		number     int    // of the parameters until then
	}{
		{"nothing said", "", nil, `bash=SELF`, 0},
		{"the flag", "/a b/profiles.yaml", map[string]string{"PRISM_CONFIG": "/no"}, `bash=SELF param1=--config param2="/a b/profiles.yaml"`, 2},
		{"the variable, from where we are", "", map[string]string{"PRISM_CONFIG": "b"}, `bash=SELF param1=--config param2=` + here, 2},
		{"other places", "", map[string]string{"XDG_STATE_HOME": "/s t", "PRISM_SOCKET": "/x"}, `bash=/usr/bin/env param1="PRISM_SOCKET=/x" param2="XDG_STATE_HOME=/s t" param3=SELF`, 3},
	} {
		a, _ := clientApp(t, tt.env, strings.NewReader(""))
		a.format, a.configFlag = formatSwiftbar, tt.flag
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		begin := " | " + strings.ReplaceAll(tt.want, "SELF", barWord(self)) + " "
		p := func(i int) string { return fmt.Sprintf("param%d=", tt.number+i) }
		got := a.bar(aGlance("work"))
		for _, want := range []string{"\nkimi" + begin + p(1) + "use " + p(2) + "-- " + p(3) + "kimi terminal=false", "\nOpen the dashboard" + begin + p(1) + "ui terminal=false"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is missing in\n%s", tt.name, want, got)
			}
		}
		if got, want := a.bar(tray.Glance{State: tray.Stopped}), "Start prism"+begin+p(1)+"start terminal=false"; !strings.Contains(got, want) {
			t.Errorf("%s: %q is missing in\n%s", tt.name, want, got)
		}
	}
	for _, path := range []string{`/a"b`, "/a|b", "/a\x1bb", "/a\u202eb", "/a\xffb"} {
		a, _ := clientApp(t, nil, strings.NewReader(""))
		a.format, a.configFlag = formatSwiftbar, path
		for _, g := range []tray.Glance{aGlance("work"), {State: tray.Stopped}} {
			if got := a.bar(g); strings.Contains(got, "bash=") {
				t.Errorf("with %q a click would go to another gateway:\n%s", path, got)
			}
		}
	}
}

// TestBarsSpeakChineseWhole: no state and no word of health stays English.
func TestBarsSpeakChineseWhole(t *testing.T) {
	a, _ := clientApp(t, nil, strings.NewReader(""))
	a.lang = lang.For(language.Chinese)
	english := regexp.MustCompile(`[a-z]+`)
	g := aGlance("WORK")
	g.Profiles = nil
	for _, state := range []string{ledger.HealthCooling, ledger.HealthOpen, ledger.HealthProbing, ledger.HealthDenied} {
		g.Profiles = append(g.Profiles, admin.ProfileStatus{Name: strings.ToUpper(state), State: state})
	}
	g.Notices, g.Host = nil, ""
	for _, a.format = range []string{formatTmux, formatPolybar} {
		for _, g.State = range tray.States() {
			if got := a.bar(g); english.MatchString(strings.ReplaceAll(got, "prism", "")) {
				t.Errorf("%s, %s: %s", a.format, g.State, got)
			}
		}
	}
	g.State = tray.Degraded
	lines := strings.Join(g.Lines(a.wordsIn(""), a.now())[2:], "\n") // below the host and the window
	if strings.Count(lines, "\n") != 3 || english.MatchString(lines) {
		t.Errorf("lines: %s", lines)
	}
}

// TestABarDoesNotWaitForAGatewayThatHangs: it says that something is down, in time.
func TestABarDoesNotWaitForAGatewayThatHangs(t *testing.T) {
	a, out := clientApp(t, nil, strings.NewReader(""))
	gateway(t, a, &observer{Control: hanging{}})
	a.format = formatWaybar
	began := time.Now()
	a.statusBar(t.Context(), false)
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	if !strings.Contains(out.String(), `"class":"down"`) {
		t.Errorf("it said %s", out)
	}
}

// hanging is a gateway that does not answer.
type hanging struct{ admin.Control }

func (hanging) Status(ctx context.Context) (admin.Status, error) {
	<-ctx.Done()
	return admin.Status{}, ctx.Err()
}

// TestABarKnowsThatNothingRunsHoweverBusyTheMachineIs: where there is no socket nobody has to be asked.
func TestABarKnowsThatNothingRunsHoweverBusyTheMachineIs(t *testing.T) {
	a, _ := clientApp(t, nil, strings.NewReader(""))
	if g := a.glance(t.Context(), a.quickRoom(), 0); g.State != tray.Stopped {
		t.Errorf("without any time it says %s", g.State)
	}
}
