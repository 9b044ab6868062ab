package translate

import (
	"testing"

	"prism/internal/stream"
)

func TestWhatAProviderHasNotReportedIsUnknown(t *testing.T) {
	const un = stream.Unknown
	tests := []struct {
		name string
		said Usage
		want stream.Usage // input, output, read, write, and reasoning
	}{
		{"nothing", NoUsage(), stream.NoUsage()},
		{"everything", Usage{1000, 900, 40, 50, 30}, stream.Usage{Input: 60, CacheRead: 900, CacheWrite: 40, Output: 50, Reasoning: 30}},
		{"no details", Usage{1000, -1, -1, 50, -1}, stream.Usage{Input: 1000, CacheRead: un, CacheWrite: un, Output: 50, Reasoning: un}},
		{"an empty cache", Usage{1000, 0, -1, 50, 0}, stream.Usage{Input: 1000, CacheRead: 0, CacheWrite: un, Output: 50, Reasoning: 0}},
		{"more cached than there is", Usage{1000, 1200, 10, 50, -1}, stream.Usage{Input: 0, CacheRead: 1000, CacheWrite: 0, Output: 50, Reasoning: un}},
		{"no prompt", Usage{-1, 900, 40, 50, -1}, stream.Usage{Input: un, CacheRead: un, CacheWrite: un, Output: 50, Reasoning: un}},
	}
	for _, tt := range tests {
		tt.want.CacheWrite5m, tt.want.CacheWrite1h, tt.want.WebSearches = un, un, un
		if got := tt.said.Counts(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
