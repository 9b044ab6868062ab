package admin

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
)

func TestNoticesSayWhatAPersonShouldKnow(t *testing.T) {
	quiet := Status{Active: "work", File: FileStatus{OK: true}, Profiles: []ProfileStatus{{Name: "work", State: ledger.HealthOK}}}
	problem := config.Problem{Severity: config.SeverityError, Code: config.CodeInvalid, File: "p.yaml", Line: 2, Column: 3, Path: "x", Message: "wrong", Fix: "right"}
	pin := problem
	pin.Code = config.CodePinMismatch
	one := LedgerStatus{Holder: "dbeaver (PID 7)", Waiting: 1, Dropped: 1}
	failed := LedgerStatus{FoldError: "no space", Waiting: 1}
	warning := problem
	warning.Severity = config.SeverityWarning
	for _, c := range []struct {
		name   string
		change func(*Status)
		want   []string // kind: text
	}{
		{"all is well", func(*Status) {}, nil},
		{"a file that was refused", func(st *Status) {
			st.Generation, st.File = 7, FileStatus{Problems: []config.Problem{warning, problem}}
		}, []string{"file_refused: p.yaml:2:3 x: wrong; generation 7 goes on"}},
		{"a warning", func(st *Status) { st.File.Problems = []config.Problem{warning} }, nil},
		{"a key beside another host", func(st *Status) { st.File = FileStatus{Problems: []config.Problem{pin}} }, []string{"host_waits: p.yaml:2:3 x: wrong; generation 0 goes on"}},
		{"a ledger that is held", func(st *Status) { st.Ledger = LedgerStatus{Holder: "dbeaver (PID 7)", Waiting: 212} }, []string{"ledger_held: the ledger is held by dbeaver (PID 7); 212 entries wait in the journal, nothing is lost"}},
		{"one row of each", func(st *Status) { st.Ledger = one }, []string{"rows_lost: 1 row was lost since the start", "ledger_held: the ledger is held by dbeaver (PID 7); 1 entry waits in the journal, nothing is lost"}},
		{"one row that cannot be written", func(st *Status) { st.Ledger = failed }, []string{"fold_failed: the ledger could not be written: no space; 1 entry waits in the journal, nothing is lost"}},
		{"a full disk", func(st *Status) { st.Ledger = LedgerStatus{Degraded: "no space", Dropped: 3} }, []string{"journal_broken: the journal cannot be written: no space", "rows_lost: 3 rows were lost since the start"}},
		{"a key that is refused", func(st *Status) { st.Profiles[0].State = ledger.HealthDenied }, []string{"key_refused: the key of profile work is refused"}},
		{"one key of two", func(st *Status) {
			st.Profiles[0].Keys = []KeyStatus{{Name: "k1", State: ledger.HealthDenied}, {Name: "k2"}}
		}, []string{"key_refused: the key k1 of profile work is refused"}},
		{"a profile that rests", func(st *Status) {
			st.Profiles[0].State, st.Profiles[0].Fallback = ledger.HealthCooling, []string{"kimi"}
		}, []string{"fallback: work does not answer right now: requests go to kimi"}},
		{"one that nobody uses", func(st *Status) {
			st.Active, st.Profiles[0].State, st.Profiles[0].Fallback = "kimi", ledger.HealthOpen, []string{"kimi"}
		}, nil},
		{"budgets", func(st *Status) {
			st.Budgets = []BudgetStatus{{Name: "a", State: BudgetOver, SpentUSD: "2", LimitUSD: "1"}, {Name: "b", State: BudgetWarn}, {Name: "c", State: BudgetOK}}
		}, []string{"budget_over: budget a is used up: 2 of 1 USD", "budget_warn: budget b is nearly used up:  of  USD"}},
		{"an alert", func(st *Status) {
			st.Alerts = []AlertStatus{{Name: "errors", State: AlertFiring, Value: "12", Bound: "above 10"}, {Name: "x", State: AlertQuiet}}
		}, []string{"alert: alert errors fires: 12, above 10"}},
		{"a program that was replaced", func(st *Status) { st.OtherBuild = true }, []string{"other_build: the program on the disk is another build than the one that runs"}},
	} {
		st := quiet
		st.Profiles = append([]ProfileStatus{}, quiet.Profiles...)
		c.change(&st)
		var got []string
		for _, n := range Notices(st) {
			got = append(got, n.Kind+": "+n.String())
			if strings.Count(n.Text, "%s") != len(n.Args) {
				t.Errorf("%s: %q has %d arguments", c.name, n.Text, len(n.Args))
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestASwapComesBackWhole(t *testing.T) {
	want := Swap{time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Verdict{
		Generation: 7, Trigger: "file", Active: "work", Changed: []string{}, Added: []string{"kimi"}, Removed: []string{}, Notes: []string{"n"},
		Problems: []config.Problem{{Severity: config.SeverityError, Code: "c", File: "f", Line: 1, Column: 2, Path: "p", Message: "m", Fix: "x", Excerpt: "> 1 | y\n"}},
	}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Swap
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nbecame %+v, %v", text, got, err)
	}
	if !strings.Contains(string(text), `"at":"2026-11-20T12:00:00Z"`) || !strings.Contains(string(text), `"excerpt":"`) {
		t.Errorf("%s", text)
	}
}
