package admin

import (
	"fmt"

	"prism/internal/ledger"
)

// decimal writes an amount exactly, with the ten places the ledger keeps; nil is unknown.
func decimal(m ledger.Money) *string {
	if !m.Known() {
		return nil
	}
	sign, n := "", int64(m)
	if n < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%s%d.%010d", sign, n/1e10, n%1e10)
	return &s
}
