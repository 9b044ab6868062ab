package daemon

import (
	"errors"
	"fmt"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger"
)

// recorder takes records that the gateway did not make: rows that are imported, costs that are
// corrected. They are not exchanges: followers, totals of today and budgets do not see them.
type recorder struct{ d *Daemon }

var _ admin.Recorder = recorder{}

// Close records an imported entry, and names its model if that has no price.
func (r recorder) Close(e *ledger.Entry) error {
	if err := r.writable(); err != nil {
		return err
	}
	if err := r.d.journal.Close(e); err != nil {
		return err
	}
	r.d.unpriced.see(e)
	return nil
}

// Correct records other costs of a row.
func (r recorder) Correct(c *ledger.Correction) error {
	if err := r.writable(); err != nil {
		return err
	}
	if err := r.d.journal.Correct(c); err != nil {
		return err
	}
	r.d.tally.Stale()
	return nil
}

// writable keeps the reserve for a full disk to the exchanges, which cannot be made again.
func (r recorder) writable() error {
	if why := r.d.journal.State().Degraded; why != "" {
		return &admin.Error{Code: "journal_degraded", Message: "the journal cannot take more now: " + why, Fix: "prism status"}
	}
	return nil
}

// PrepareDirs makes the directories of state and data, as the gateway does at its start, and
// refuses what somebody else could have prepared.
func PrepareDirs(p config.Paths) error {
	if err := privateDirs(p.State, p.Data); err != nil {
		return err
	}
	return noLinks(&p)
}

// CloseCrashed writes the close records of the exchanges that an earlier run left open, and
// returns how many; price fills in what they cost, as far as their usage is known. Whoever opens
// a journal does this: the next one to open it would find them open still, but a fold in
// between could not archive anything.
func CloseCrashed(j *ledger.Journal, found *ledger.Recovery, price func(*ledger.Entry)) (int, error) {
	n := 0
	var errs []error
	for _, e := range found.Open {
		e.Outcome = ledger.OutcomeCrashed
		if e.EndedAt.IsZero() {
			e.EndedAt = e.StartedAt
		}
		if e.UsageSource == "" {
			e.UsageSource = ledger.UsageNone
		}
		e.PromptTokens = e.Usage.Prompt()
		price(e)
		if err := j.Close(e); err != nil {
			errs = append(errs, fmt.Errorf("record crashed exchange %s: %w", e.RequestID, err))
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}
