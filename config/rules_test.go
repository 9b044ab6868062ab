package config

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestBudgetsAndAlertsAreReadWithTheirDefaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prism.yaml")
	writeFile(t, file, `log_level: warn
budgets:
  - {name: month, usd: 200}
  - {name: blue, usd: 12.50, per: day, tag: team=blue, then: block, warn_at: 1}
  - {name: kimi, usd: 5, per: week, profile: kimi, then: fallback, warn_at: 0.5}
  - {name: site, usd: 1, project: website}
alerts:
  - {name: errors, query: select count(*) from errors, above: 10}
  - {name: cache, query: cache-hit-ratio, below: 0.2, every: 1m, then: block, profile: work}
notify: {desktop: true, webhook: "http://127.0.0.1:9/hook"}
`)
	got, err := LoadSettings(LoadOptions{File: file, Env: testEnv()})
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultSettings()
	want.LogLevel = "warn"
	want.Budgets = []BudgetRule{
		{Name: "month", USD: "200", Per: "month", Then: "notify", WarnAt: "0.8"},
		{Name: "blue", USD: "12.50", Per: "day", Tag: "team=blue", Then: "block", WarnAt: "1"},
		{Name: "kimi", USD: "5", Per: "week", Profile: "kimi", Then: "fallback", WarnAt: "0.5"},
		{Name: "site", USD: "1", Per: "month", Project: "website", Then: "notify", WarnAt: "0.8"},
	}
	want.Alerts = []AlertRule{
		{Name: "errors", Query: "select count(*) from errors", Above: "10", Every: 10 * time.Minute, Then: "notify"},
		{Name: "cache", Query: "cache-hit-ratio", Below: "0.2", Every: time.Minute, Profile: "work", Then: "block"},
	}
	want.Notify = SettingsNotify{About: "all", Desktop: true, Webhook: "http://127.0.0.1:9/hook"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestBudgetsAndAlertsReportEveryProblemWithItsPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prism.yaml")
	writeFile(t, file, `budgets:
  - {name: a, usd: 0}
  - {name: a, usd: 1e3}
  - {name: "two words", usd: 1, per: year}
  - {usd: 1, then: blok, warn_at: 80}
  - {name: c, usd: 1, profile: x, project: y, tag: z}
  - {name: d, limit: 5}
alerts:
  - {name: a, query: q}
  - {name: b, above: -1, every: 1s}
  - nothing
alert: []
notify: {webhook: "http://hooks.example/T0KEN"}
`)
	settings, err := LoadSettings(LoadOptions{File: file, Env: testEnv()})
	if !reflect.DeepEqual(settings, DefaultSettings()) {
		t.Error("settings beside an error are not the defaults")
	}
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(problems.Text(), file, "prism.yaml")
	golden(t, "testdata/rules.golden", []byte(text))
	if strings.Contains(text, "T0KEN") {
		t.Error("the message quotes the address")
	}
	src, _, _ := ReadFile(file)
	checkProblems(t, src, problems)
}

func TestNoticesGoToHTTPSAndToThisMachineOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"https://hooks.example/services/T/B": true, "https://10.0.0.1:8443/x?y=1": true, "http://127.0.0.1:9/x": true, "http://localhost/x": true, "http://[::1]:9": true,
		"http://hooks.example/x": false, "http://127.0.0.1.example/x": false, "https://u:p@hooks.example": false, "ftp://localhost/x": false, "hooks.example": false,
		"https://": false, "https://metadata.google.internal/x": false, "http://localhost@evil.example/": false, "https:hooks.example": false, "https://x:0": false,
	} {
		if got := webhook(text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
