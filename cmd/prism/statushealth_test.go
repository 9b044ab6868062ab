package main

import (
	"strings"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
)

func TestStatusSaysWhatIsWrongWithAProfile(t *testing.T) {
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	a := &app{now: func() time.Time { return now }}
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	for _, c := range []struct {
		name   string
		p      admin.ProfileStatus
		health string
		ails   string
		line   string // part of what stands below the table; "" = nothing does
	}{
		{name: "nothing is known", health: "unknown"},
		{name: "well", p: admin.ProfileStatus{State: ledger.HealthOK, LastOK: at(-time.Minute), LastErrorAt: at(-time.Hour), LastError: "dial"}, health: "ok"},
		{name: "failing", p: admin.ProfileStatus{State: ledger.HealthOK, LastErrorAt: at(-time.Minute), LastError: "dial"}, health: "failing: dial", ails: "fails: dial"},
		{name: "cooling", p: admin.ProfileStatus{State: ledger.HealthCooling, Until: at(42 * time.Second), Why: "rate_limit_error"}, health: "cooling 42s: rate_limit_error"},
		{
			name: "open", p: admin.ProfileStatus{Name: "kimi", State: ledger.HealthOpen, Until: at(4*time.Minute + 12*time.Second), Why: "overloaded_error"},
			health: "open 4m12s: overloaded_error", ails: "fails too often: overloaded_error", line: "kimi   fails too often: overloaded_error   asked after all others, looked at again in 4m12s",
		},
		{
			name: "open, and its wait is over", p: admin.ProfileStatus{Name: "kimi", State: ledger.HealthOpen, Until: at(-time.Second), Why: "dial"},
			health: "open: dial", ails: "fails too often: dial", line: "looked at again with the next request",
		},
		{name: "probing", p: admin.ProfileStatus{State: ledger.HealthProbing, Why: "dial"}, health: "probing", ails: "fails too often: dial", line: "with the next request"},
		{
			name: "denied", p: admin.ProfileStatus{Name: "kimi", State: ledger.HealthDenied, Why: "authentication_error", Keys: []admin.KeyStatus{{State: ledger.HealthDenied}}},
			health: "DENIED: authentication_error", ails: "is refused by its provider: authentication_error", line: "DENIED   kimi   the provider refuses its key: authentication_error   fix: prism edit",
		},
		{
			name: "one key of two is denied", p: admin.ProfileStatus{Name: "kimi", State: ledger.HealthOK, LastOK: at(0), Keys: []admin.KeyStatus{
				{Name: "first", State: ledger.HealthOK}, {Name: "second", Masked: "sk-a…Q4f2", State: ledger.HealthDenied, Why: "billing_error", Until: at(time.Minute)},
			}}, health: "ok", line: "DENIED   kimi/second   sk-a…Q4f2   denied: billing_error   asked again in 1m0s",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := a.health(c.p, true); got != c.health {
				t.Errorf("health %q, want %q", got, c.health)
			}
			if got := new(app).ailment(c.p); got != c.ails {
				t.Errorf("ailment %q, want %q", got, c.ails)
			}
			lines := strings.Join(a.healthLines(c.p), "\n")
			if !strings.Contains(lines, c.line) || (c.line == "") != (lines == "") {
				t.Errorf("below the table %q, want %q", lines, c.line)
			}
		})
	}
	if a.health(admin.ProfileStatus{State: ledger.HealthDenied}, false) != "" {
		t.Error("something is said of a profile without a gateway that knows")
	}
}

func TestAChangeOfHealthIsOneLine(t *testing.T) {
	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.Local)
	until := at.Add(time.Minute)
	for want, h := range map[string]admin.HealthChange{
		"10:00:00  kimi  ok → cooling  rate_limit_error  until 10:01:00": {EventAt: at, Profile: "kimi", From: "ok", To: "cooling", Why: "rate_limit_error", Until: &until},
		"10:00:00  kimi/second  ok → DENIED  billing_error":              {EventAt: at, Profile: "kimi", Key: "second", From: "ok", To: "denied", Why: "billing_error"},
		"10:00:00  kimi  probing → ok":                                   {EventAt: at, Profile: "kimi", From: "probing", To: "ok"},
	} {
		if got := new(app).changeLine(&h); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
