package pricing

import "testing"

func TestAStatedCostIsRoundedToWhatTheLedgerHolds(t *testing.T) {
	for text, want := range map[string]USD{
		"0.00123456789049": 12345679, "1.5e-07": 1500, "0": 0, "12": 12 * dollar, "0.00000000005": 1, "0.00000000004": Unknown,
		"-0.1": Unknown, "": Unknown, "NaN": Unknown, "1e999999999": Unknown, "1e9": Unknown, "abc": Unknown,
	} {
		if got := RoundUSD(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
