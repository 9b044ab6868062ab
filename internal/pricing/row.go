package pricing

import (
	"slices"
	"time"
)

// Layers of the price book, the first one first.
const (
	LayerProfile  = 0 // the override of one profile
	LayerUser     = 1 // a row of the user
	LayerEmbedded = 2 // a row that prism brings along, or one that was fetched since
)

// Row is one row of the price book. Prices are decimal strings in US dollars per million
// tokens; an empty string is a price that is not known, which is not a price of 0. The JSON
// and YAML names are the columns of the ledger's table prices.
type Row struct {
	// ID is unique in a book and never changes its meaning. Where it is empty, [Book.With]
	// derives one from the contents of the row.
	ID string `json:"id,omitempty" yaml:"id,omitempty"`
	// Layer says where the row comes from. [Book.With] sets it.
	Layer int `json:"layer" yaml:"-"`
	// Profile names the one profile that the row is for; empty means all of them.
	Profile string `json:"profile,omitempty" yaml:"profile,omitempty"`

	Provider   string `json:"provider" yaml:"provider"`
	ModelMatch string `json:"model_match" yaml:"model_match"` // a glob: *, ?, [a-z], [!a-z], case-sensitive

	// The row is in force from EffectiveFrom until just before EffectiveTo; a zero time is an
	// open end.
	EffectiveFrom time.Time `json:"effective_from,omitzero" yaml:"effective_from,omitempty"`
	EffectiveTo   time.Time `json:"effective_to,omitzero" yaml:"effective_to,omitempty"`

	Input        string `json:"input,omitempty" yaml:"input,omitempty"`
	Output       string `json:"output,omitempty" yaml:"output,omitempty"`
	CacheRead    string `json:"cache_read,omitempty" yaml:"cache_read,omitempty"`
	CacheWrite5m string `json:"cache_write_5m,omitempty" yaml:"cache_write_5m,omitempty"`
	CacheWrite1h string `json:"cache_write_1h,omitempty" yaml:"cache_write_1h,omitempty"`

	// The tier prices hold for the whole request, output included, when its prompt (input,
	// cache reads and cache writes) has more tokens than this; 0 means that there is no tier.
	TierOverPromptTokens int64  `json:"tier_over_prompt_tokens,omitempty" yaml:"tier_over_prompt_tokens,omitempty"`
	TierInput            string `json:"tier_input,omitempty" yaml:"tier_input,omitempty"`
	TierOutput           string `json:"tier_output,omitempty" yaml:"tier_output,omitempty"`
	TierCacheRead        string `json:"tier_cache_read,omitempty" yaml:"tier_cache_read,omitempty"`
	TierCacheWrite5m     string `json:"tier_cache_write_5m,omitempty" yaml:"tier_cache_write_5m,omitempty"`
	TierCacheWrite1h     string `json:"tier_cache_write_1h,omitempty" yaml:"tier_cache_write_1h,omitempty"`

	// The peak prices hold within windows such as "01:00-04:00", in UTC, on the ISO days
	// named (1 = Monday); no days means every day. A window must not cross midnight.
	PeakWindowsUTC   []string `json:"peak_windows_utc,omitempty" yaml:"peak_windows_utc,omitempty"`
	PeakDays         []int    `json:"peak_days,omitempty" yaml:"peak_days,omitempty"`
	PeakInput        string   `json:"peak_input,omitempty" yaml:"peak_input,omitempty"`
	PeakOutput       string   `json:"peak_output,omitempty" yaml:"peak_output,omitempty"`
	PeakCacheRead    string   `json:"peak_cache_read,omitempty" yaml:"peak_cache_read,omitempty"`
	PeakCacheWrite5m string   `json:"peak_cache_write_5m,omitempty" yaml:"peak_cache_write_5m,omitempty"`
	PeakCacheWrite1h string   `json:"peak_cache_write_1h,omitempty" yaml:"peak_cache_write_1h,omitempty"`

	// The fast prices hold when the provider reports speed "fast".
	FastInput        string `json:"fast_input,omitempty" yaml:"fast_input,omitempty"`
	FastOutput       string `json:"fast_output,omitempty" yaml:"fast_output,omitempty"`
	FastCacheRead    string `json:"fast_cache_read,omitempty" yaml:"fast_cache_read,omitempty"`
	FastCacheWrite5m string `json:"fast_cache_write_5m,omitempty" yaml:"fast_cache_write_5m,omitempty"`
	FastCacheWrite1h string `json:"fast_cache_write_1h,omitempty" yaml:"fast_cache_write_1h,omitempty"`

	BatchMultiplier string `json:"batch_multiplier,omitempty" yaml:"batch_multiplier,omitempty"`   // with service_tier "batch"
	GeoMultiplier   string `json:"geo_multiplier,omitempty" yaml:"geo_multiplier,omitempty"`       // with inference_geo "us"
	WebSearchPer1k  string `json:"web_search_per_1k,omitempty" yaml:"web_search_per_1k,omitempty"` // US dollars per 1,000 searches

	Notes      string `json:"notes,omitempty" yaml:"notes,omitempty"`
	Source     string `json:"source,omitempty" yaml:"source,omitempty"`         // where the prices were read
	Confidence string `json:"confidence,omitempty" yaml:"confidence,omitempty"` // how far to trust it
}

// Classes of tokens that have a price of their own.
const (
	classInput = iota
	classOutput
	classCacheRead
	classCacheWrite5m
	classCacheWrite1h
	classes
)

// Sets of prices; one of them applies to a whole request.
const (
	setPlain = iota
	setTier
	setPeak
	setFast
	sets
)

// prices points at the price columns of r, by set and class.
func (r *Row) prices() [sets][classes]*string {
	return [sets][classes]*string{
		setPlain: {&r.Input, &r.Output, &r.CacheRead, &r.CacheWrite5m, &r.CacheWrite1h},
		setTier:  {&r.TierInput, &r.TierOutput, &r.TierCacheRead, &r.TierCacheWrite5m, &r.TierCacheWrite1h},
		setPeak:  {&r.PeakInput, &r.PeakOutput, &r.PeakCacheRead, &r.PeakCacheWrite5m, &r.PeakCacheWrite1h},
		setFast:  {&r.FastInput, &r.FastOutput, &r.FastCacheRead, &r.FastCacheWrite5m, &r.FastCacheWrite1h},
	}
}

// priceColumn is the name of the column of a set and a class.
func priceColumn(set, class int) string {
	prefix := [sets]string{setTier: "tier_", setPeak: "peak_", setFast: "fast_"}
	name := [classes]string{"input", "output", "cache_read", "cache_write_5m", "cache_write_1h"}
	return prefix[set] + name[class]
}

// clone returns a copy that shares nothing with r.
func (r Row) clone() Row {
	r.PeakWindowsUTC = slices.Clone(r.PeakWindowsUTC)
	r.PeakDays = slices.Clone(r.PeakDays)
	return r
}
