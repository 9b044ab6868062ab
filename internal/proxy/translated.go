package proxy

import (
	"cmp"
	"net/http"
	"slices"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// prepareTranslated makes the client's own body ready to be translated. Nothing is spliced: the
// upstream writes the request anew. What was cut out for another upstream does not count here.
func (x *exchange) prepareTranslated(fresh bool) {
	x.p.translated.Store(true)
	x.dropMended()
	x.mend = mend{}
	x.body = upstream.Body{Fresh: fresh, Model: x.target, Session: x.entry.SessionID, Exchange: x.entry.RequestID, Size: int64(len(x.raw))}
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

// refused tells whether the answer under way has turned out to be a refusal of the request, of which its
// provider reports no usage.
func (x *exchange) refused() bool {
	if x.told == nil {
		return false
	}
	told := x.told.Told()
	return refused(&told)
}

func refused(told *stream.Told) bool {
	return told.Refused && told.Reported != nil && *told.Reported == stream.NoUsage()
}

// advise says in the head what the body of a translated error has no place for.
func (x *exchange) advise(h http.Header) {
	if x.told == nil {
		return
	}
	told := x.told.Told()
	if told.Retry != "" {
		h.Set("X-Should-Retry", told.Retry)
	}
	if told.After != "" {
		h.Set("Retry-After", told.After)
	}
}

// Notes about what a translated answer says of itself.
const (
	noteUsageEstimated = "usage_estimated" // the provider reported none, or not all of it
	noteCostStated     = "cost_stated"     // what is paid is what the provider said
)

// reported is what is known of the answer under way: what its body says and, where that is
// translated, over it what the provider itself said.
func (x *exchange) reported() stream.Result {
	res := *x.meter.Result()
	if x.told == nil || x.entry.Operation != ledger.OpMessages {
		return res
	}
	told := x.told.Told()
	res.ID = cmp.Or(told.ID, res.ID)
	if told.Reported == nil {
		return res
	}
	res.Model = told.Model // the body has the client's word for it
	layOver(&res.Usage, told.Reported)
	switch {
	case refused(&told):
		res.Usage, res.Source, res.Raw = stream.NoUsage(), stream.SourceNone, nil // the estimate of a prompt that was not read
	case res.Source == stream.SourceNone && res.Usage != stream.NoUsage():
		res.Source = stream.SourcePartial // it failed before a message had begun
	case res.Source != stream.SourceNone && told.Estimated:
		res.Source = stream.SourceEstimated
		res.Notes = append(res.Notes, noteUsageEstimated)
	}
	return res
}

// layOver lays what a provider reported over what its translated answer says. A prompt and an output
// that it has not reported are estimates there and stay; the other counts are not known.
func layOver(u, reported *stream.Usage) {
	if reported.Input.Known() {
		u.Input = reported.Input
	}
	if reported.Output > 0 { // no tokens for something that was written is no report
		u.Output = reported.Output
	}
	u.CacheRead, u.Reasoning = reported.CacheRead, reported.Reasoning
	switch w := reported.CacheWrite; {
	case !w.Known():
		u.CacheWrite, u.CacheWrite5m, u.CacheWrite1h = w, w, w
	case w != u.CacheWrite: // else the meter has divided it
		u.CacheWrite, u.CacheWrite5m, u.CacheWrite1h = w, w, 0
	}
}

// takeTold copies into the entry what the answer says beside the Messages API.
func (x *exchange) takeTold() {
	if x.told == nil {
		return
	}
	told := x.told.Told()
	x.noteTranslation(told.Notes)
	if x.entry.Operation == ledger.OpMessages {
		x.stated = told.Cost
	}
}

func (x *exchange) noteTranslation(notes []string) {
	for _, note := range notes {
		if !slices.Contains(x.entry.TranslationNotes, note) {
			x.entry.TranslationNotes = append(x.entry.TranslationNotes, note)
		}
	}
}

// believe has what the provider says that the answer costs stand for what is paid. The list price
// stays the price book's, and unknown where that has none.
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
	e.UsageNotes = append(e.UsageNotes, noteCostStated)
}
