package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"prism/internal/admin"
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
