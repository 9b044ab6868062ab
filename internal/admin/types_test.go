package admin

import (
	"testing"

	"prism/internal/ledger"
)

func TestAnExchangeIsUnpricedWhereItOughtToHaveAPrice(t *testing.T) {
	for name, c := range map[string]struct {
		operation, source string
		list              ledger.Money
		want              bool
	}{
		"a price":                  {ledger.OpMessages, ledger.UsageFinal, 5, false},
		"free of charge":           {ledger.OpMessages, ledger.UsageFinal, 0, false},
		"no price":                 {ledger.OpMessages, ledger.UsageFinal, ledger.NoMoney, true},
		"an estimate":              {ledger.OpMessages, ledger.UsageEstimated, ledger.NoMoney, true},
		"nothing was used":         {ledger.OpMessages, ledger.UsageNone, ledger.NoMoney, false},
		"what has no price at all": {ledger.OpCountTokens, ledger.UsageFinal, ledger.NoMoney, false},
	} {
		var e ledger.Entry
		e.Reset()
		e.Operation, e.UsageSource, e.CostList, e.Cost, e.HostName, e.Provider = c.operation, c.source, c.list, c.list, "box", "anthropic"
		if x := ExchangeOf(&e); x.Unpriced != c.want || x.HostName != "box" || x.Provider != "anthropic" {
			t.Errorf("%s: %+v", name, x)
		}
	}
}
