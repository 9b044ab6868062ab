package admin

import (
	"fmt"
	"strconv"

	"prism/config"
	"prism/internal/ledger"
)

// Notice is something that is so right now and that a person should know.
type Notice struct {
	Kind    string   `json:"kind"`
	Text    string   `json:"text"` // a format of the catalogue, such as "the key of %s is refused"
	Args    []string `json:"args"` // what stands for its verbs, all of them %s
	Fix     string   `json:"fix,omitempty"`
	Profile string   `json:"profile,omitempty"`
}

// Kinds of a [Notice].
const (
	NoticeFileRefused   = "file_refused"
	NoticeHostWaits     = "host_waits" // a key may not be sent to the host that the file names
	NoticeHostNew       = "host_new"   // a key may be sent to a host that was never seen
	NoticeJournalBroken = "journal_broken"
	NoticeRowsLost      = "rows_lost"
	NoticeLedgerHeld    = "ledger_held"
	NoticeFoldFailed    = "fold_failed"
	NoticeFallback      = "fallback"
	NoticeKeyRefused    = "key_refused"
	NoticeBudgetWarn    = "budget_warn"
	NoticeBudgetOver    = "budget_over"
	NoticeAlert         = "alert"
	NoticeOtherBuild    = "other_build"
)

// String writes the notice in English.
func (n Notice) String() string {
	args := make([]any, len(n.Args))
	for i, a := range n.Args {
		args[i] = a
	}
	return fmt.Sprintf(n.Text, args...)
}

// Notices says what of a status a person should know, the gravest first.
func Notices(st Status) []Notice {
	out := []Notice{}
	out = append(out, fileNotices(st.File, st.Generation)...)
	out = append(out, ledgerNotices(st.Ledger)...)
	for _, p := range st.Profiles {
		out = append(out, healthNotices(p, p.Name == st.Active)...)
	}
	for _, b := range st.Budgets {
		out = append(out, budgetNotices(b)...)
	}
	for _, a := range st.Alerts {
		if a.State == AlertFiring {
			out = append(out, Notice{Kind: NoticeAlert, Text: "alert %s fires: %s, %s", Args: []string{a.Name, a.Value, a.Bound}, Fix: "prism status"})
		}
	}
	out = append(out, buildNotices(st)...)
	return out
}

func fileNotices(f FileStatus, generation uint64) []Notice {
	if f.OK {
		return nil
	}
	for _, p := range f.Problems {
		if p.Severity != config.SeverityError {
			continue
		}
		n := Notice{Kind: NoticeFileRefused, Text: "%s; generation %s goes on", Args: []string{p.OneLine(), strconv.FormatUint(generation, 10)}, Fix: p.Fix}
		if p.Code == config.CodePinMismatch {
			n.Kind = NoticeHostWaits
		}
		return []Notice{n}
	}
	return []Notice{{Kind: NoticeFileRefused, Text: "profiles.yaml was refused; generation %s goes on", Args: []string{strconv.FormatUint(generation, 10)}, Fix: "prism check"}}
}

func ledgerNotices(l LedgerStatus) []Notice {
	var out []Notice
	if l.Degraded != "" {
		out = append(out, Notice{Kind: NoticeJournalBroken, Text: "the journal cannot be written: %s", Args: []string{l.Degraded}, Fix: "prism doctor"})
	}
	if l.Dropped > 0 {
		n := Notice{Kind: NoticeRowsLost, Text: "%s rows were lost since the start", Fix: "prism doctor"}
		out = append(out, n.counted(l.Dropped, "%s row was lost since the start"))
	}
	switch {
	case l.Holder != "":
		n := Notice{Kind: NoticeLedgerHeld, Text: "the ledger is held by %s; %s entries wait in the journal, nothing is lost", Args: []string{l.Holder}, Fix: "prism ledger info"}
		out = append(out, n.counted(l.Waiting, "the ledger is held by %s; %s entry waits in the journal, nothing is lost"))
	case l.FoldError != "":
		n := Notice{Kind: NoticeFoldFailed, Text: "the ledger could not be written: %s; %s entries wait in the journal, nothing is lost", Args: []string{l.FoldError}, Fix: "prism ledger info"}
		out = append(out, n.counted(l.Waiting, "the ledger could not be written: %s; %s entry waits in the journal, nothing is lost"))
	}
	return out
}

// counted adds the number as the last argument, and takes the text for one where it is one.
func (n Notice) counted(number int64, one string) Notice {
	if number == 1 {
		n.Text = one
	}
	n.Args = append(n.Args, strconv.FormatInt(number, 10))
	return n
}

func healthNotices(p ProfileStatus, active bool) []Notice {
	if p.State == ledger.HealthDenied {
		return []Notice{{Kind: NoticeKeyRefused, Text: "the key of profile %s is refused", Args: []string{p.Name}, Fix: "prism edit", Profile: p.Name}}
	}
	var out []Notice
	for _, k := range p.Keys {
		if k.State == ledger.HealthDenied && k.Name != "" {
			out = append(out, Notice{Kind: NoticeKeyRefused, Text: "the key %s of profile %s is refused", Args: []string{k.Name, p.Name}, Fix: "prism edit", Profile: p.Name})
		}
	}
	if active && len(p.Fallback) > 0 && (p.State == ledger.HealthOpen || p.State == ledger.HealthCooling) {
		out = append(out, Notice{Kind: NoticeFallback, Text: "%s does not answer right now: requests go to %s", Args: []string{p.Name, p.Fallback[0]}, Profile: p.Name})
	}
	return out
}

func budgetNotices(b BudgetStatus) []Notice {
	args := []string{b.Name, b.SpentUSD, b.LimitUSD}
	switch b.State {
	case BudgetOver:
		return []Notice{{Kind: NoticeBudgetOver, Text: "budget %s is used up: %s of %s USD", Args: args, Fix: "prism spend --budget"}}
	case BudgetWarn:
		return []Notice{{Kind: NoticeBudgetWarn, Text: "budget %s is nearly used up: %s of %s USD", Args: args, Fix: "prism spend --budget"}}
	}
	return nil
}
