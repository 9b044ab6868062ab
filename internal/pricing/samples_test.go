package pricing

import (
	"testing"
	"time"
)

// TestALongPromptPriceIsMeasuredOnEachSample prices 150,000 tokens of prompt on Haiku 5.5, whose
// long-prompt price begins above 100,000, as one prompt and as the sum of two.
//
//	one prompt, long:      150,000 x 0.50  + 100 x 2.50 = 75,250    per million = 0.07525   USD
//	60,000 and 90,000:     150,000 x 0.10  + 100 x 0.50 = 15,050    per million = 0.01505   USD
//	40,000 and 110,000:     40,000 x 0.10  +  40 x 0.50 =  4,020
//	                      + 110,000 x 0.50 +  60 x 2.50 = 55,150 -> 59,170 per million = 0.05917 USD
func TestALongPromptPriceIsMeasuredOnEachSample(t *testing.T) {
	book, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		samples []Usage
		want    USD
	}{
		{"one prompt", nil, 752_500_000},
		{"two short ones", []Usage{{Input: 60_000, Output: 40}, {Input: 90_000, Output: 60}}, 150_500_000},
		{"one of two is long", []Usage{{Input: 40_000, Output: 40}, {Input: 110_000, Output: 60}}, 591_700_000},
	}
	for _, tt := range tests {
		c := book.Price(&Query{
			At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Provider: "anthropic", Model: "claude-haiku-5-5",
			Usage: Usage{Input: 150_000, Output: 100}, Samples: tt.samples,
		})
		if c.List != tt.want || c.Uncached != tt.want || c.Input+c.Output != tt.want {
			t.Errorf("%s: list %d, uncached %d, want %d", tt.name, c.List, c.Uncached, tt.want)
		}
	}
}
