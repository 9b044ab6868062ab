package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// PriceRow is one row of prices: an override of the price book. Prices are decimal strings in
// US dollars per million tokens, as they were written; "" is unknown, which is not 0.
type PriceRow struct {
	ID         string `yaml:"id"`
	Profile    string `yaml:"profile"` // the one profile it holds for; "" = all
	Provider   string `yaml:"provider"`
	ModelMatch string `yaml:"model_match"` // glob

	EffectiveFrom time.Time `yaml:"effective_from"` // zero = always
	EffectiveTo   time.Time `yaml:"effective_to"`   // first instant it no longer holds; zero = open

	Input        string `yaml:"input"`
	Output       string `yaml:"output"`
	CacheRead    string `yaml:"cache_read"`
	CacheWrite5m string `yaml:"cache_write_5m"`
	CacheWrite1h string `yaml:"cache_write_1h"`

	TierOverPromptTokens int64  `yaml:"tier_over_prompt_tokens"` // 0 = no tier
	TierInput            string `yaml:"tier_input"`
	TierOutput           string `yaml:"tier_output"`
	TierCacheRead        string `yaml:"tier_cache_read"`
	TierCacheWrite5m     string `yaml:"tier_cache_write_5m"`
	TierCacheWrite1h     string `yaml:"tier_cache_write_1h"`

	PeakWindowsUTC   []string `yaml:"peak_windows_utc"` // 01:00-04:00
	PeakDays         []int    `yaml:"peak_days"`        // ISO days, 1 = Monday; none = every day
	PeakInput        string   `yaml:"peak_input"`
	PeakOutput       string   `yaml:"peak_output"`
	PeakCacheRead    string   `yaml:"peak_cache_read"`
	PeakCacheWrite5m string   `yaml:"peak_cache_write_5m"`
	PeakCacheWrite1h string   `yaml:"peak_cache_write_1h"`

	FastInput        string `yaml:"fast_input"`
	FastOutput       string `yaml:"fast_output"`
	FastCacheRead    string `yaml:"fast_cache_read"`
	FastCacheWrite5m string `yaml:"fast_cache_write_5m"`
	FastCacheWrite1h string `yaml:"fast_cache_write_1h"`

	BatchMultiplier string `yaml:"batch_multiplier"`
	GeoMultiplier   string `yaml:"geo_multiplier"`
	WebSearchPer1k  string `yaml:"web_search_per_1k"` // US dollars per 1,000 searches
	Notes           string `yaml:"notes"`
	Source          string `yaml:"source"`
	Confidence      string `yaml:"confidence"`
}

// PricePos returns where a field of a row of prices stands in src, and where the row does if it
// has no such field; the zero Pos where there is no such row.
func PricePos(src []byte, row int, field string) Pos {
	m, err := parseForSplice(src)
	if err != nil {
		return Pos{}
	}
	prices := valueOf(m, pricesKey)
	if prices == nil {
		return Pos{}
	}
	list, ok := prices.Value.(*ast.SequenceNode)
	if !ok {
		return Pos{}
	}
	for _, item := range list.Values {
		if sealedComment(item) {
			continue
		}
		if row--; row < 0 {
			return fieldPos(item, field)
		}
	}
	return Pos{}
}

// fieldPos returns where a field of a mapping stands, else where the mapping begins.
func fieldPos(item ast.Node, field string) Pos {
	if m, ok := item.(ast.MapNode); ok {
		for it := m.MapRange(); it.Next(); {
			if keyOf(it.Key()) == field {
				return posOf(it.Value())
			}
		}
	}
	return posOf(item)
}
