package admin

import (
	"time"

	"prism/internal/ledger"
	"prism/internal/spend"
)

// Totals is what a number of exchanges used and cost. Amounts are exact decimals in US dollars;
// null = exchanges were made, and none of them has a price. What is unpriced is counted, not
// summed.
type Totals struct {
	Requests        int64   `json:"requests"`
	Unpriced        int64   `json:"unpriced"`
	PromptTokens    int64   `json:"prompt_tokens"`
	CacheReadTokens int64   `json:"cache_read_tokens"`
	OutputTokens    int64   `json:"output_tokens"`
	CostUSD         *string `json:"cost_usd"`      // paid
	CostListUSD     *string `json:"cost_list_usd"` // at list prices
	SavedUSD        *string `json:"saved_usd"`     // by caching, at list prices
}

// TotalsOf writes a sum for the API.
func TotalsOf(s spend.Sum) Totals {
	t := Totals{
		Requests: s.Requests, Unpriced: s.Unpriced, PromptTokens: s.Prompt, CacheReadTokens: s.CacheRead, OutputTokens: s.Output,
	}
	if s.Priced > 0 || s.Unpriced == 0 {
		t.CostUSD, t.CostListUSD, t.SavedUSD = decimal(s.Cost), decimal(s.List), decimal(s.Saved)
	}
	return t
}

// BudgetOf writes the status of a budget for the API.
func BudgetOf(s *spend.Status) BudgetStatus {
	b := BudgetStatus{
		Name: s.Name, Scope: s.Scope.String(), Per: string(s.Per), LimitUSD: amount(s.Limit), SpentUSD: amount(s.Spent),
		Unpriced: s.Unpriced, ResetsAt: s.Resets, Then: s.Then, State: BudgetOK,
	}
	switch {
	case s.Over():
		b.State = BudgetOver
	case s.Warned():
		b.State = BudgetWarn
	}
	return b
}

// amount writes an amount that is known.
func amount(m ledger.Money) string {
	if text := decimal(m); text != nil {
		return *text
	}
	return ""
}

// States of a [BudgetStatus].
const (
	BudgetOK   = "ok"
	BudgetWarn = "warn" // past the share that a notice is given at
	BudgetOver = "over"
)

// BudgetStatus is one limit on money, and how far it is used up.
type BudgetStatus struct {
	Name     string    `json:"name"`      // of the list budgets:, or the profile's name
	Scope    string    `json:"scope"`     // all, profile:NAME, project:NAME, tag:KEY=VALUE
	Per      string    `json:"per"`       // day, week, month
	LimitUSD string    `json:"limit_usd"` // exact decimal
	SpentUSD string    `json:"spent_usd"` // exact decimal; what has a price
	Unpriced int64     `json:"unpriced"`  // exchanges of the period that no price is known for
	ResetsAt time.Time `json:"resets_at"`
	Then     string    `json:"then"`  // notify, block, fallback
	State    string    `json:"state"` // ok, warn, over
}

// States of an [AlertStatus].
const (
	AlertUnknown = "unknown" // not looked at yet, or the query gave no figure
	AlertQuiet   = "quiet"
	AlertFiring  = "firing"
	AlertFailed  = "failed" // the query did not run
)

// AlertStatus is one query that is watched.
type AlertStatus struct {
	Name      string     `json:"name"`
	State     string     `json:"state"`           // unknown, quiet, firing, failed
	Value     string     `json:"value,omitempty"` // the figure as last seen
	Bound     string     `json:"bound"`           // above 12.50, below 0.2
	CheckedAt *time.Time `json:"checked_at"`
	FiredAt   *time.Time `json:"fired_at"`
	Error     string     `json:"error,omitempty"` // why it failed
}
