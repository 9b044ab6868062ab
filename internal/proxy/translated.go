package proxy

import (
	"slices"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/upstream"
)

// prepareTranslated makes the client's own body ready to be translated. Nothing is spliced: the
// upstream writes the request anew.
func (x *exchange) prepareTranslated(fresh bool) {
	x.p.translated.Store(true)
	x.body = upstream.Body{Fresh: fresh, Model: x.target, Session: x.entry.SessionID, Size: int64(len(x.raw))}
	x.body.Pieces[0] = x.raw
	x.out.Body, x.out.ContentLength = &x.body, x.body.Size
}

// learned tells whether the refusal under way has taught the upstream how to ask.
func (x *exchange) learned() bool {
	if x.told == nil {
		return false
	}
	told := x.told.Told()
	if told.Learned {
		x.noteTranslation(told.Notes)
	}
	return told.Learned
}

// Notes about what a translated answer says of itself.
const (
	noteUsageEstimated = "usage_estimated" // the provider reported none, or not all of it
	noteCostStated     = "cost_stated"     // what is paid is what the provider said
)

// takeTold copies into the entry what the translated answer says beside the Messages API.
func (x *exchange) takeTold() {
	if x.told == nil {
		return
	}
	e, told := &x.entry, x.told.Told()
	x.noteTranslation(told.Notes)
	if e.Operation != ledger.OpMessages {
		return
	}
	if told.Model != "" {
		e.ResponseModel = cut(told.Model, 256)
	}
	if told.ID != "" {
		e.ResponseID = cut(told.ID, 128)
	}
	if told.Estimated && e.UsageSource == ledger.UsageFinal {
		e.UsageSource = ledger.UsageEstimated
		e.UsageNotes = append(e.UsageNotes, noteUsageEstimated)
	}
	x.stated = told.Cost
}

func (x *exchange) noteTranslation(notes []string) {
	for _, note := range notes {
		if !slices.Contains(x.entry.TranslationNotes, note) {
			x.entry.TranslationNotes = append(x.entry.TranslationNotes, note)
		}
	}
}

// believe has what the provider says that the answer costs stand for what is paid. The list price
// stays the price book's.
func (x *exchange) believe() {
	e := &x.entry
	if x.stated == "" || x.multiplier().FlatFee {
		return
	}
	cost := ledger.Money(pricing.RoundUSD(x.stated))
	if !cost.Known() {
		return
	}
	e.Cost = cost
	if !e.CostList.Known() {
		e.CostList = cost
	}
	e.UsageNotes = append(e.UsageNotes, noteCostStated)
}
