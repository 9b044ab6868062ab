package proxy

import (
	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/router"
	"prism/internal/stream"
)

// costOfLost notes what a lost attempt used, and what that costs. What its provider has not reported
// is no usage: an estimate would be prism's own, of something that may not have been billed at all.
func (x *exchange) costOfLost(l *lost) {
	a := &x.entry.Attempts[l.index]
	if x.entry.Operation != ledger.OpMessages || l.usage.Source == ledger.UsageNone || l.usage.Source == ledger.UsageEstimated {
		return
	}
	a.Usage = l.usage.Usage
	if setting := l.route.Profile.InputIncludesCache; setting == "yes" || setting == "auto" && l.usage.Counting == stream.CountingInside {
		subtractCache(&a.Usage)
	}
	c := x.priceLost(l.route, &l.usage, &a.Usage)
	a.CostList, l.paid = ledger.Money(c.List), ledger.Money(c.Paid)
}

// priceLost prices the usage of a lost attempt.
func (x *exchange) priceLost(route *router.Route, res *stream.Result, u *stream.Usage) pricing.Cost {
	model := res.Model
	if model == "" {
		model = x.entry.UpstreamModel
	}
	q := pricing.Query{
		At: x.entry.StartedAt, Profile: route.Profile.Name, Provider: route.Profile.Provider, Model: model,
		Speed: res.Speed, ServiceTier: res.ServiceTier, InferenceGeo: res.InferenceGeo,
		Usage: charged(u), Multiplier: route.Profile.Multiplier, FlatFee: route.Profile.FlatFee,
	}
	return x.table.Book.Price(&q)
}

// addLost adds what was lost to what the exchange costs: all of it is paid. An amount that is not
// known makes the sum unknown.
func (x *exchange) addLost() {
	e := &x.entry
	for _, l := range x.losses {
		if l.index == x.served || e.Attempts[l.index].Usage == stream.NoUsage() {
			continue
		}
		switch {
		case l.paid == ledger.NoMoney:
			e.Cost = ledger.NoMoney
			return
		case e.Cost.Known():
			e.Cost += l.paid
		case e.UsageSource == ledger.UsageNone:
			e.Cost = l.paid
		}
	}
}
