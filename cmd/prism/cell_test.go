package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/tray"
)

func TestMoneyIsRoundedHalfAwayFromZeroAndNeverAFloat(t *testing.T) {
	for d, want := range map[string]string{
		"0.0042000000": "$0.0042", "0.00425": "$0.0043", "-0.00425": "-$0.0043", "1234567.00004": "$1,234,567.0000",
		"0.0000499999": "$0.0000", "99999999.9999500000": "$100,000,000.0000",
	} {
		if got := dollars(d, 4); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
	c := moneyCell("0.0042000000")
	if c.value != "0.0042000000" {
		t.Errorf("JSON holds %v", c.value)
	}
}

func TestUnknownIsADashForPeopleAndNullForMachines(t *testing.T) {
	for name, c := range map[string]cell{
		"text": textCell(""), "count": countCell(nil), "tokens": tokenCell(nil), "percent": percentCell(nil, nil),
		"money": moneyCell(""), "cents": centsCell(""), "ms": msCell(nil), "time": timeCell(time.Time{}, time.TimeOnly),
	} {
		if c.text != unknown || c.value != nil || c.raw() != "" {
			t.Errorf("%s: %+v, raw %q", name, c, c.raw())
		}
	}
	zero := int64(0)
	if c := tokenCell(&zero); c.text != "0" || c.value != int64(0) {
		t.Errorf("0 is not unknown: %+v", c)
	}
}

func TestNumbersAreShortForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1.0k", 52_140: "52.1k", 999_949: "999.9k", 999_950: "1.0M", 4_200_000: "4.2M"} {
		if got := short(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1204: "1,204", -1204: "-1,204", 1_000_000: "1,000,000", -100: "-100"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for ms, want := range map[int64]string{0: "0ms", 99: "99ms", 949: "0.9s", 6100: "6.1s", 64_000: "1m4s"} {
		if got := seconds(ms); got != want {
			t.Errorf("%d ms: %s, want %s", ms, got, want)
		}
	}
}

func FuzzEscapeLeavesNothingThatMovesTheCursor(f *testing.F) {
	for _, s := range []string{"plain", "\x1b]0;owned\a", "a\rb", "\u202eevil", "日本語", "\xff\xfe", "\u009b2J", "a\u061cb\u2060c\U000e0041d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := escape(s, false)
		for _, r := range got {
			if tray.Hostile(r) || r == '\n' {
				t.Fatalf("%q became %q, which holds %U", s, got, r)
			}
		}
		if escape(got, false) != got {
			t.Fatalf("escaping %q twice differs", s)
		}
	})
}

// testApp writes into buffers, as in a pipe.
func testApp(env map[string]string) (*app, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return &app{in: strings.NewReader(""), out: &out, err: &errs, getenv: func(k string) string { return env[k] }, now: time.Now}, &out, &errs
}

func sample() view {
	n := int64(1204)
	return view{
		columns: []column{{name: "model"}, {name: "requests", right: true}, {name: "cost_usd", right: true}},
		rows:    [][]cell{{textCell("=cmd|x\x1b[2J\tb"), countCell(&n), moneyCell("0.0042000000")}, {textCell("b"), countCell(nil), moneyCell("")}},
		total:   []cell{textCell("total"), countCell(&n), moneyCell("0.0042000000")},
	}
}

func TestAllFormatsSayTheSame(t *testing.T) {
	for format, want := range map[string]string{
		"":             "model\trequests\tcost_usd\n=cmd|x\\u001b[2J\\u0009b\t1204\t0.0042000000\nb\t\t\n",
		formatTSV:      "model\trequests\tcost_usd\n=cmd|x\\u001b[2J\\u0009b\t1204\t0.0042000000\nb\t\t\n",
		formatCSV:      "model,requests,cost_usd\n'=cmd|x\\u001b[2J\\u0009b,1204,0.0042000000\nb,,\n",
		formatNDJSON:   `{"model":"=cmd|x\u001b[2J\tb","requests":1204,"cost_usd":"0.0042000000"}` + "\n" + `{"model":"b","requests":null,"cost_usd":null}` + "\n",
		formatTable:    "MODEL                   REQUESTS  COST USD\n=cmd|x\\u001b[2J\\u0009b     1,204   $0.0042\nb                              –         –\ntotal                      1,204   $0.0042\n",
		formatMarkdown: "| MODEL | REQUESTS | COST USD |\n| --- | ---:| ---:|\n| =cmd\\|x\\u001b\\[2J\\u0009b | 1,204 | $0.0042 |\n| b | – | – |\n| total | 1,204 | $0.0042 |\n",
	} {
		a, out, _ := testApp(nil)
		a.format = format
		if err := a.show(sample()); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s:\n%q\nwant\n%q", format, out.String(), want)
		}
	}
}

// What is written without the detour is what encoding/json would have written.
func FuzzObjectsAreJSON(f *testing.F) {
	for _, s := range []string{"plain", `a"b\c`, "\x00\x1f\x7f", "<&>", "日本語", "\xff\xfe", "\u2028"} {
		f.Add(s, int64(-1))
	}
	f.Fuzz(func(t *testing.T, s string, n int64) {
		got, err := objectOf([]column{{name: s}, {name: "n"}, {name: "none"}}, []cell{{value: s}, {value: n}, {}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`{%s:%s,"n":%d,"none":null}`, text, text, n); string(got) != want {
			t.Fatalf("%q: %s, want %s", s, got, want)
		}
	})
}

func TestJqFiltersAndPrintsTextBare(t *testing.T) {
	a, out, _ := testApp(nil)
	a.jq = ".[] | .cost_usd // .model"
	if err := a.show(sample()); err != nil {
		t.Fatal(err)
	}
	if out.String() != "0.0042000000\nb\n" {
		t.Errorf("got %q", out.String())
	}
}

func TestColourOnlyWhereItIsWanted(t *testing.T) {
	for _, c := range []struct {
		tty  bool
		env  map[string]string
		want bool
	}{
		{true, nil, true},
		{false, nil, false},
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"TERM": "dumb"}, false},
		{false, map[string]string{"CLICOLOR_FORCE": "1"}, true},
		{false, map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, false},
	} {
		a, _, _ := testApp(c.env)
		a.outTTY = c.tty
		if a.colour() != c.want {
			t.Errorf("terminal %v, %v: %v", c.tty, c.env, a.colour())
		}
	}
}

func TestEveryErrorHasItsExitCodeAndAFix(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{usagef("x", "y"), exitUsage},
		{config.Problems{{Severity: config.SeverityError, Code: codeConfigInvalid}}, exitConfig},
		{config.Problems{{Severity: config.SeverityError, Code: codeNoKey}}, exitSecrets},
		{admin.ErrNotRunning, exitNotRunning},
		{notFound("x", "y"), exitNotFound},
		{quietError{codeUnhealthy}, exitUnhealthy},
		{config.ErrChanged, exitRefused},
		{&admin.Error{Code: codePin}, exitRefused},
		{syscall.EADDRINUSE, exitOccupied},
		{childError{42}, 42},
		{fs.ErrPermission, exitFailed},
	} {
		if got := exitCode(c.err); got != c.code {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.code)
		}
		if e := describe(c.err); !errors.As(c.err, new(*admin.Error)) && e.Fix == "" {
			t.Errorf("%v has no fix", c.err)
		}
	}
}

func TestErrorsAreJSONOnStdoutWhenJSONIsAskedFor(t *testing.T) {
	a, out, errs := testApp(nil)
	a.asJSON = true
	a.report(config.Problems{{Severity: config.SeverityError, Code: codeConfigInvalid, File: "/p.yaml", Line: 20, Column: 14, Path: "profiles[local].dialect", Message: "m", Fix: "f"}})
	var got struct{ Error admin.Error }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || errs.Len() > 0 {
		t.Fatalf("%v, stdout %q, stderr %q", err, out, errs)
	}
	want := admin.Error{Code: codeConfigInvalid, Message: "m", Fix: "f", At: &admin.Position{File: "/p.yaml", Line: 20, Column: 14, Path: "profiles[local].dialect"}}
	if got.Error.At == nil || *got.Error.At != *want.At || got.Error.Code != want.Code || got.Error.Message != want.Message || got.Error.Fix != want.Fix {
		t.Errorf("got %+v", got.Error)
	}
	a, _, errs = testApp(nil)
	a.report(notFound("prism logs", "no \x1b[31mred"))
	if errs.String() != "error: no \\u001b[31mred\nfix: prism logs\n" {
		t.Errorf("stderr %q", errs)
	}
}

func TestTheLoopbackIsAddedToNoProxyOnce(t *testing.T) {
	for list, want := range map[string]string{
		"": "127.0.0.1,localhost", ".corp": ".corp,127.0.0.1,localhost", "localhost, 127.0.0.1": "localhost, 127.0.0.1", "*": "*",
	} {
		if got := withLoopback(list); got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

func TestSinceReadsDurationsAndDates(t *testing.T) {
	now := time.Date(2026, 11, 26, 14, 30, 0, 0, time.UTC)
	a := &app{now: func() time.Time { return now }}
	for s, want := range map[string]time.Time{
		"12h": now.Add(-12 * time.Hour), "90m": now.Add(-90 * time.Minute),
		"today": time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), "yesterday": time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC),
		"week": time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), "month": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		"7d": time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC), "2w": time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC),
		"2026-11-01": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "2026-11-01T10:00:00Z": time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC),
	} {
		if got, err := a.since(s); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "-7d", "x7d", "7 d", "-5h"} {
		if got, err := a.since(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
	for _, s := range periods() {
		if got, err := a.instantOf(s); err == nil {
			t.Errorf("what lets go of rows for good read %q as %v", s, got)
		}
	}
	w, err := a.window(selection{period: "week"})
	if err != nil || w.from.Weekday() != time.Monday || w.from.After(now) || !w.to.After(now) {
		t.Errorf("this week: %+v, %v", w, err)
	}
}
