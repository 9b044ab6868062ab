package config

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func testEnv(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

func TestSettingsWithoutSourcesAreTheDefaults(t *testing.T) {
	for _, file := range []string{"", filepath.Join(t.TempDir(), "prism.yaml")} {
		got, err := LoadSettings(LoadOptions{File: file, Env: testEnv()})
		if err != nil || !reflect.DeepEqual(got, DefaultSettings()) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestSettingsTakeTheNearestSource(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prism.yaml")
	writeFile(t, file, "# settings\nlisten: 127.0.0.1:1\nlog_level: warn\ntrust: strict\nmax_body: 1MiB\ntimeouts:\n  dial: 1s\n  idle: 2s\n  tls: 3s\n")
	flags := pflag.NewFlagSet("prism", pflag.ContinueOnError)
	flags.String("listen", "127.0.0.1:9", "")
	flags.String("log-level", "info", "")
	flags.Bool("allow-plaintext", false, "")
	flags.Duration("timeouts-tls", time.Hour, "")
	if err := flags.Parse([]string{"--log-level=error", "--allow-plaintext", "--timeouts-tls=9s"}); err != nil {
		t.Fatal(err)
	}
	got, err := LoadSettings(LoadOptions{File: file, Flags: flags, Env: testEnv(
		"PRISM_LISTEN=[::1]:2", "PRISM_LOG_LEVEL=debug", "PRISM_TIMEOUTS_IDLE=5m", "PRISM_ATTRIBUTION=false", "PRISM_CONFIG=/x", "PRISM_UNKNOWN=1")})
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultSettings()
	want.Listen = "[::1]:2"    // environment over file; the flag was not given
	want.LogLevel = "error"    // flag over environment and file
	want.Trust = "strict"      // file
	want.MaxBody = 1 << 20     // file
	want.AllowPlaintext = true // flag
	want.Attribution = false   // environment
	want.Timeouts.Dial = time.Second
	want.Timeouts.Idle = 5 * time.Minute
	want.Timeouts.TLS = 9 * time.Second
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSettingsReportEveryProblemWithItsPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prism.yaml")
	writeFile(t, file, "listen: 0.0.0.0:3000\nlog_levl: debug\nLog_Format: json\ntrust: always\ntimeouts:\n  dial: 10\n  dail: 3s\nmax_body: lots\n"+
		"audit: [x]\ndrain: 2h\nmax_body: 1\nallow_plaintext: maybe\nbody_budget:\n")
	flags := pflag.NewFlagSet("prism", pflag.ContinueOnError)
	flags.String("log-format", "auto", "")
	if err := flags.Parse([]string{"--log-format=xml"}); err != nil {
		t.Fatal(err)
	}
	settings, err := LoadSettings(LoadOptions{File: file, Flags: flags, Env: testEnv("PRISM_DURABILITY=never", "PRISM_TIMEOUTS_TLS=-1s")})
	if !reflect.DeepEqual(settings, DefaultSettings()) {
		t.Error("settings beside an error are not the defaults")
	}
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	golden(t, "testdata/settings.golden", []byte(strings.ReplaceAll(problems.Text(), file, "prism.yaml")))
	src, _, _ := ReadFile(file)
	checkProblems(t, src, problems)
}

func TestSettingsAreCheckedWithTheirTags(t *testing.T) {
	settings := DefaultSettings()
	env := make(map[string]bool)
	for _, s := range leaves(reflect.ValueOf(&settings).Elem(), nil) {
		for _, part := range s.path {
			if part == "" || part != strings.ToLower(part) {
				t.Errorf("%s has no name", s.field.Name)
			}
		}
		if env[s.env()] {
			t.Errorf("%s is not unique", s.env())
		}
		env[s.env()] = true
		if message, _ := parseSetting(s, formatSetting(s.value)); message != "" {
			t.Errorf("the default of %s is refused: %s", s.name(), message)
		}
		switch s.value.Interface().(type) {
		case time.Duration, int64:
			if s.field.Tag.Get("min") == "" || s.field.Tag.Get("max") == "" {
				t.Errorf("%s has no bounds", s.name())
			}
		}
	}
	if !reflect.DeepEqual(settings, DefaultSettings()) {
		t.Error("the defaults do not survive being written and read")
	}
}

func TestOnlyLoopbackCanBeListenedOn(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:3000": true, "[::1]:3000": true, "localhost:0": true, "127.9.9.9:1": true,
		"0.0.0.0:3000": false, ":3000": false, "[::]:3000": false, "192.168.1.2:3000": false, "127.0.0.1": false,
		"127.0.0.1:99999": false, "127.0.0.1:http": false, "localhost.example:1": false, "127.0.0.1:+1": false,
	} {
		if got := listenable(addr); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

func TestBytesAreReadWithUnits(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "4096": 4096, "1KiB": 1024, "2 MiB": 2 << 20, "3G": 3 << 30, "5MB": 5 << 20} {
		if got, ok := parseBytes(text); !ok || got != want {
			t.Errorf("%s: %d %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-1", "1.5MiB", "x", "1TiB", "99999999999999999999"} {
		if got, ok := parseBytes(text); ok {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestRetentionIsANumberOfDays(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "": 0, "1d": 1, "400d": 400, " 30d ": 30, "36500d": 36500} {
		if got, ok := parseDays(text); !ok || got != want {
			t.Errorf("%q: %d %v", text, got, ok)
		}
	}
	for _, text := range []string{"400", "0d", "-1d", "1.5d", "1y", "400h", "36501d", "99999999999d", "d"} {
		if got, ok := parseDays(text); ok {
			t.Errorf("%q: %d", text, got)
		}
	}
}

func TestTheFailoverBudgetIsAShare(t *testing.T) {
	for text, want := range map[string]int{"0%": 0, "20%": 20, " 7 % ": 7, "100%": 100} {
		if got, ok := parsePercent(text); !ok || got != want {
			t.Errorf("%q: %d %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "%", "20", "-1%", "+1%", "101%", "0.2", "1.5%", "20%%", "99999999999%"} {
		if got, ok := parsePercent(text); ok {
			t.Errorf("%q: %d", text, got)
		}
	}
}
