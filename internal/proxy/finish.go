package proxy

import (
	"slices"
	"time"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/stream"
)

// close notes how the exchange and its last attempt ended.
func (x *exchange) close(v verdict) {
	e := &x.entry
	v.errorType = x.table.Redact(v.errorType)
	e.Outcome, e.ErrorType, e.ErrorMessage = v.outcome, v.errorType, x.describeError(v.message)
	res := x.reported()
	x.takeUsage(&res)
	x.takeTold()
	if v.outcome == ledger.OutcomeOK && e.Operation == ledger.OpMessages {
		x.learn()
	}
	if v.billed && e.UsageSource == ledger.UsageFinal {
		v.billed = false
	}
	x.endAttempt(v)
}

// takeUsage copies what is known of an answer into the entry.
func (x *exchange) takeUsage(res *stream.Result) {
	e := &x.entry
	if e.Operation != ledger.OpMessages {
		e.UsageSource = ledger.UsageNone
		return
	}
	e.Usage, e.UsageSource = res.Usage, res.Source
	e.Iterations = e.Iterations[:0]
	for _, it := range res.Iterations {
		e.Iterations = append(e.Iterations, ledger.Iteration{
			Type: cut(it.Type, 64), Model: cut(it.Model, 256), Usage: it.Usage, CostList: ledger.NoMoney,
		})
	}
	if res.Model != "" {
		e.ResponseModel = cut(res.Model, 256)
	}
	e.ResponseID, e.StopReason = cut(res.ID, 128), cut(res.StopReason, 64)
	e.ServiceTier, e.Speed, e.InferenceGeo = cut(res.ServiceTier, 64), cut(res.Speed, 64), cut(res.InferenceGeo, 64)
	e.UsageRaw = append(e.UsageRaw[:0], res.Raw...)
}

// finish completes the entry, journals it and hands it out. It runs whatever happened.
func (x *exchange) finish() {
	e := &x.entry
	now := x.p.opt.Now()
	e.EndedAt = now
	e.DurationMS = millis(now.Sub(e.StartedAt))
	if !x.lastAt.IsZero() {
		e.LongestGapMS = millis(x.gap)
	}
	if e.Outcome == "" {
		e.Outcome, e.ErrorType = ledger.OutcomeError, "internal"
	}
	x.findRepeated()
	x.remember()
	if x.attempt != nil && x.attempt.Outcome == "" {
		x.endAttempt(verdict{outcome: e.Outcome, errorType: e.ErrorType, billed: true})
	}
	x.completeUsage()
	Price(x.table.Book, x.multiplier(), e)
	x.believe()
	if x.served < len(e.Attempts) {
		a := &e.Attempts[x.served]
		a.Usage, a.CostList = e.Usage, e.CostList
	}
	x.addLost()
	if x.opened {
		_ = x.p.opt.Journal.Close(e) // Health of the journal is reported by itself.
	}
	x.p.opt.Finished(e)
	x.debug()
}

// completeUsage estimates what a broken stream did not say, and undoes what a provider counts
// in its own way.
func (x *exchange) completeUsage() {
	e := &x.entry
	if e.UsageSource == "" {
		e.UsageSource = ledger.UsageNone
	}
	if e.Operation != ledger.OpMessages || len(e.Attempts) == 0 {
		return
	}
	res := x.reported()
	switch {
	case x.attempt == nil: // nothing was passed on: what is known was taken from the attempt shown
		res = x.losses[x.served].usage
	case e.UsageSource != ledger.UsageNone && !e.Usage.Output.Known():
		x.meter.Estimate()
		res = x.reported()
		x.takeUsage(&res)
	}
	e.UsageNotes = append(e.UsageNotes, res.Notes...)
	if route := x.table.Route(e.Profile); route != nil {
		countCache(e, route.Profile.InputIncludesCache, res.Counting)
	}
	e.PromptTokens = e.Usage.Prompt()
}

// Notes about how a provider counts cached tokens.
const (
	noteCacheSubtracted = "cache_subtracted" // they were taken out of input_tokens
	noteCacheProved     = "cache_proved"     // because sums in the answer prove that they were in it
	noteCacheDisputed   = "cache_disputed"   // the answer proves the opposite of what the profile says
)

// countCache turns a count of input tokens that includes cached ones into Anthropic's, where
// the profile says that its provider counts so, or says auto and the answer itself proves it.
// What the user has settled holds, but a proof against it is noted. A part that is larger than
// the whole is no part of it: then nothing is subtracted, whatever the profile says.
func countCache(e *ledger.Entry, setting string, proof stream.Counting) {
	switch {
	case setting == "yes" && proof == stream.CountingApart, setting == "no" && proof == stream.CountingInside:
		e.UsageNotes = append(e.UsageNotes, noteCacheDisputed)
	case setting != "yes" && setting != "no" && proof == stream.CountingInside:
		e.UsageNotes = append(e.UsageNotes, noteCacheProved)
		setting = "yes"
	}
	if setting != "yes" || !subtractCache(&e.Usage) {
		return
	}
	e.UsageNotes = append(e.UsageNotes, noteCacheSubtracted)
	for i := range e.Iterations {
		subtractCache(&e.Iterations[i].Usage)
	}
}

// subtractCache takes the cached tokens out of the input, and tells whether there were any.
func subtractCache(u *stream.Usage) bool {
	cached := u.CacheRead.OrZero() + u.CacheWrite.OrZero()
	if cached == 0 || int64(u.Input) < cached {
		return false
	}
	u.Input -= stream.Count(cached)
	return true
}

// Terms are what a profile pays: the list price times a multiplier, or nothing per token.
type Terms struct {
	Multiplier string
	FlatFee    bool
}

func (x *exchange) multiplier() Terms {
	route := x.table.Route(x.entry.Profile)
	if route == nil {
		return Terms{}
	}
	return Terms{Multiplier: route.Profile.Multiplier, FlatFee: route.Profile.FlatFee}
}

// Price fills the cost columns of e from its token counts. Entries of another operation, and
// those without any usage, cost nothing known.
func Price(book *pricing.Book, terms Terms, e *ledger.Entry) {
	if book == nil || e.Operation != ledger.OpMessages || e.UsageSource == ledger.UsageNone || e.UsageSource == "" {
		return
	}
	model := e.ResponseModel
	if model == "" {
		model = e.UpstreamModel
	}
	if model == "" {
		model = e.RequestModel
	}
	q := pricing.Query{
		At: e.StartedAt, Profile: e.Profile, Provider: e.Provider, Model: model,
		Speed: e.Speed, ServiceTier: e.ServiceTier, InferenceGeo: e.InferenceGeo,
		Usage: charged(&e.Usage), Multiplier: terms.Multiplier, FlatFee: terms.FlatFee,
	}
	for i := range e.Iterations {
		it := &e.Iterations[i]
		q.Iterations = append(q.Iterations, pricing.Iteration{Model: it.Model, Usage: charged(&it.Usage)})
	}
	for _, u := range stream.Samples(e.UsageRaw, e.Usage) {
		q.Samples = append(q.Samples, charged(&u))
	}
	c := book.Price(&q)
	if len(q.Samples) > 0 {
		q.Samples = nil
		if whole := book.Price(&q); whole.List != c.List && !slices.Contains(e.UsageNotes, noteSampled) {
			e.UsageNotes = append(e.UsageNotes, noteSampled)
		}
	}
	e.PriceID = c.PriceID
	e.CostInput, e.CostCacheRead, e.CostCacheWrite = ledger.Money(c.Input), ledger.Money(c.CacheRead), ledger.Money(c.CacheWrite)
	e.CostOutput, e.CostOther = ledger.Money(c.Output), ledger.Money(c.Other)
	e.CostList, e.Cost, e.CostUncached = ledger.Money(c.List), ledger.Money(c.Paid), ledger.Money(c.Uncached)
	for i := range c.Iterations {
		e.Iterations[i].PriceID, e.Iterations[i].CostList = c.Iterations[i].PriceID, ledger.Money(c.Iterations[i].List)
	}
}

// noteSampled is a usage note: the model was sampled several times, and a price that depends on the
// length of the prompt was measured on each of these prompts. Their sum has another price.
const noteSampled = "priced_by_sample"

// charged is a usage as the price book wants it.
func charged(u *stream.Usage) pricing.Usage {
	return pricing.Usage{
		Input: u.Input.OrZero(), CacheRead: u.CacheRead.OrZero(), CacheWrite5m: u.CacheWrite5m.OrZero(), CacheWrite1h: u.CacheWrite1h.OrZero(),
		Output: u.Output.OrZero(), WebSearches: u.WebSearches.OrZero(),
	}
}

// debug logs one line per exchange.
func (x *exchange) debug() {
	ev := x.p.opt.Logger.Debug()
	if ev == nil {
		return
	}
	e := &x.entry
	ev.Str(keyID, e.RequestID).Uint64(keyGeneration, e.Generation).Str(keyProfile, e.Profile).Str(keyOperation, e.Operation).
		Str(keyModel, e.RequestModel).Str(keyUpModel, e.UpstreamModel).Int(keyStatus, e.HTTPStatus).Str(keyOutcome, e.Outcome).Str(keyErrorType, e.ErrorType).
		Int64(keyTTFT, int64(e.TTFTMS)).Dur(keyDuration, e.EndedAt.Sub(e.StartedAt).Round(time.Millisecond)).
		Int64(keyPrompt, int64(e.PromptTokens)).Int64(keyOutput, int64(e.Usage.Output)).Int(keyAttempts, len(e.Attempts)).Msg("exchange finished")
}
