package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"prism/internal/importer"
	"prism/internal/ledger"
)

// importSum is what the entries that were added come to.
type importSum struct {
	entries, unpriced int
	list, paid        ledger.Money
	from, to          string
}

// add takes in an entry, priced.
func (s *importSum) add(e *ledger.Entry) {
	s.entries++
	if e.PriceID == "" && e.UsageSource != ledger.UsageNone {
		s.unpriced++
	}
	if e.CostList.Known() {
		s.list += e.CostList
	}
	if e.Cost.Known() {
		s.paid += e.Cost
	}
	day := e.StartedAt.UTC().Format("2006-01-02")
	if s.from == "" || day < s.from {
		s.from = day
	}
	s.to = max(s.to, day)
}

// importReport is the answer of an import as JSON.
type importReport struct {
	From     string         `json:"from"` // the file or folder
	DryRun   bool           `json:"dry_run"`
	Files    int            `json:"files"`
	Added    int            `json:"added"`
	Unpriced int            `json:"unpriced"`  // of those added
	Skipped  map[string]int `json:"skipped"`   // by reason
	FirstDay *string        `json:"first_day"` // of those added, UTC
	LastDay  *string        `json:"last_day"`
	CostList string         `json:"cost_list_usd"` // of those added, what is unpriced left out
	Cost     string         `json:"cost_usd"`
}

// summary says what an import did: a line for each number, the reasons in the order of their
// weight.
func (run *importRun) summary(from string, counts *importer.Tally) view {
	s := &run.added
	rep := importReport{
		From: from, DryRun: run.dryRun, Files: counts.Files, Added: s.entries, Unpriced: s.unpriced, Skipped: counts.Skipped,
		CostList: exact(s.list), Cost: exact(s.paid),
	}
	if rep.Skipped == nil {
		rep.Skipped = map[string]int{}
	}
	if s.entries > 0 {
		rep.FirstDay, rep.LastDay = &s.from, &s.to
	}
	v := view{columns: []column{{name: "what", whole: true}, {name: "count", right: true}}, object: rep}
	row := func(what string, n int) {
		count := int64(n)
		v.rows = append(v.rows, []cell{textCell(what), countCell(&count)})
	}
	row("added", s.entries)
	row("unpriced", s.unpriced)
	reasons := sortedReasons(rep.Skipped)
	for _, reason := range reasons {
		row("skipped "+reason, rep.Skipped[reason])
	}
	v.text = func(w io.Writer) { run.tell(w, &rep, reasons) }
	return v
}

func sortedReasons(skipped map[string]int) []string {
	reasons := make([]string, 0, len(skipped))
	for reason := range skipped {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		return cmp.Or(cmp.Compare(skipped[b], skipped[a]), cmp.Compare(a, b))
	})
	return reasons
}

// tell writes the report for people.
func (run *importRun) tell(w io.Writer, rep *importReport, reasons []string) {
	a := run.a
	say := func(format string, args ...any) { fmt.Fprint(w, escape(a.text(format, args...), false)) }
	say("%s  %s", a.tilde(rep.From), plural(rep.Files, "%d files"))
	if rep.FirstDay != nil {
		say(", %s to %s", *rep.FirstDay, *rep.LastDay)
	}
	fmt.Fprintln(w)
	if rep.DryRun {
		say("would add %s", plural(rep.Added, "%d entries"))
	} else {
		say("added %s", plural(rep.Added, "%d entries"))
	}
	if rep.Added > 0 {
		say(", %s at list price", dollars(rep.CostList, 4))
		if rep.Cost != rep.CostList {
			say(", %s paid", dollars(rep.Cost, 4))
		}
	}
	fmt.Fprintln(w)
	if rep.Unpriced > 0 {
		say("  %d without a price   see: prism sql \"from unpriced\"", rep.Unpriced)
		fmt.Fprintln(w)
	}
	for _, reason := range reasons {
		say("  left out %d: %s", rep.Skipped[reason], a.said(reasonText(reason)))
		fmt.Fprintln(w)
	}
}

// reasonText says a reason in words.
func reasonText(reason string) string {
	words := map[string]string{
		importer.SkipDuplicate:  "the same message once more, in another file",
		importer.SkipSynthetic:  "the client's own words",
		importer.SkipNoUsage:    "nothing was reported that could be counted",
		importer.SkipUnfinished: "not finished a moment ago; the next import takes them",
		importer.SkipUnreadable: "lines that could not be read",
		importer.SkipTooLong:    "lines that were too long",
		importer.SkipTime:       "from another time",
		importer.SkipOtherApp:   "of clients that do not speak the Messages API",
		importer.SkipAggregate:  "sums over several models",
		importer.SkipNoSuchTime: "it is not known when they were",
		importer.SkipKnown:      "in the ledger already",
		importer.SkipPassed:     "recorded by prism itself",
		importer.SkipCovered:    "of days that the ledger knows from another source",
		importer.SkipTooOld:     "older than what the ledger keeps; see: prism ledger info",
	}
	if text, ok := words[reason]; ok {
		return text
	}
	return reason
}

// exact writes an amount with all the places that the ledger keeps.
func exact(m ledger.Money) string {
	sign, n := "", int64(m)
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%010d", sign, n/1e10, n%1e10)
}
