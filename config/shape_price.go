package config

// priceShape is one row of the price book. Prices are US dollars per million tokens; what is
// absent is unknown, never 0.
type priceShape struct {
	spot

	// Name of the row in the ledger. Made from the other fields if absent.
	ID text `yaml:"id,omitempty"`
	// The row holds for this profile only.
	Profile text `yaml:"profile,omitempty"`
	// Provider the row belongs to.
	Provider text `yaml:"provider" jsonschema:"required,example=moonshot"`
	// Name of the model; * is any run of characters, ? one, [a-z] one of a range.
	ModelMatch text `yaml:"model_match" jsonschema:"required,example=kimi-k3*"`
	// First instant the row holds, RFC 3339 or a date (UTC).
	EffectiveFrom instant `yaml:"effective_from,omitempty"`
	// First instant the row no longer holds.
	EffectiveTo instant `yaml:"effective_to,omitempty"`

	// Uncached input.
	Input decimal `yaml:"input,omitempty"`
	// Output.
	Output decimal `yaml:"output,omitempty"`
	// Cached input.
	CacheRead decimal `yaml:"cache_read,omitempty"`
	// Input written to the 5-minute cache.
	CacheWrite5m decimal `yaml:"cache_write_5m,omitempty"`
	// Input written to the 1-hour cache.
	CacheWrite1h decimal `yaml:"cache_write_1h,omitempty"`

	// Above so many prompt tokens the tier prices hold for the whole request.
	TierOverPromptTokens whole `yaml:"tier_over_prompt_tokens,omitempty"`
	// Tier price of uncached input.
	TierInput decimal `yaml:"tier_input,omitempty"`
	// Tier price of output.
	TierOutput decimal `yaml:"tier_output,omitempty"`
	// Tier price of cached input.
	TierCacheRead decimal `yaml:"tier_cache_read,omitempty"`
	// Tier price of 5-minute cache writes.
	TierCacheWrite5m decimal `yaml:"tier_cache_write_5m,omitempty"`
	// Tier price of 1-hour cache writes.
	TierCacheWrite1h decimal `yaml:"tier_cache_write_1h,omitempty"`

	// Times of day (UTC) at which the peak prices hold, such as 01:00-04:00.
	PeakWindowsUTC []text `yaml:"peak_windows_utc,omitempty"`
	// Days on which they hold: 1 is Monday, 7 Sunday. Absent: every day.
	PeakDays []whole `yaml:"peak_days,omitempty"`
	// Peak price of uncached input.
	PeakInput decimal `yaml:"peak_input,omitempty"`
	// Peak price of output.
	PeakOutput decimal `yaml:"peak_output,omitempty"`
	// Peak price of cached input.
	PeakCacheRead decimal `yaml:"peak_cache_read,omitempty"`
	// Peak price of 5-minute cache writes.
	PeakCacheWrite5m decimal `yaml:"peak_cache_write_5m,omitempty"`
	// Peak price of 1-hour cache writes.
	PeakCacheWrite1h decimal `yaml:"peak_cache_write_1h,omitempty"`

	// Fast-mode price of uncached input.
	FastInput decimal `yaml:"fast_input,omitempty"`
	// Fast-mode price of output.
	FastOutput decimal `yaml:"fast_output,omitempty"`
	// Fast-mode price of cached input.
	FastCacheRead decimal `yaml:"fast_cache_read,omitempty"`
	// Fast-mode price of 5-minute cache writes.
	FastCacheWrite5m decimal `yaml:"fast_cache_write_5m,omitempty"`
	// Fast-mode price of 1-hour cache writes.
	FastCacheWrite1h decimal `yaml:"fast_cache_write_1h,omitempty"`

	// Factor for batch requests.
	BatchMultiplier decimal `yaml:"batch_multiplier,omitempty"`
	// Factor for inference bound to a region.
	GeoMultiplier decimal `yaml:"geo_multiplier,omitempty"`
	// US dollars per 1,000 web searches.
	WebSearchPer1k decimal `yaml:"web_search_per_1k,omitempty"`
	// Anything worth knowing.
	Notes text `yaml:"notes,omitempty"`
	// Where the prices were found.
	Source text `yaml:"source,omitempty"`
	// How sure they are.
	Confidence text `yaml:"confidence,omitempty"`
}
