package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// PriceRow is a row of the price book, for table prices. Its JSON names are the columns; prices
// are decimal strings in US dollars per million tokens, "" = no price.
type PriceRow struct {
	ID            string     `json:"id"`
	Layer         int        `json:"layer"` // 0 = override of one profile, 1 = the user's, 2 = embedded
	Profile       string     `json:"profile,omitempty"`
	Provider      string     `json:"provider"`
	ModelMatch    string     `json:"model_match"`
	EffectiveFrom *time.Time `json:"effective_from,omitempty"`
	EffectiveTo   *time.Time `json:"effective_to,omitempty"`

	Input        string `json:"input,omitempty"`
	Output       string `json:"output,omitempty"`
	CacheRead    string `json:"cache_read,omitempty"`
	CacheWrite5m string `json:"cache_write_5m,omitempty"`
	CacheWrite1h string `json:"cache_write_1h,omitempty"`

	TierOverPromptTokens int64  `json:"tier_over_prompt_tokens,omitempty"`
	TierInput            string `json:"tier_input,omitempty"`
	TierOutput           string `json:"tier_output,omitempty"`
	TierCacheRead        string `json:"tier_cache_read,omitempty"`
	TierCacheWrite5m     string `json:"tier_cache_write_5m,omitempty"`
	TierCacheWrite1h     string `json:"tier_cache_write_1h,omitempty"`

	PeakWindowsUTC   []string `json:"peak_windows_utc,omitempty"`
	PeakDays         []int    `json:"peak_days,omitempty"`
	PeakInput        string   `json:"peak_input,omitempty"`
	PeakOutput       string   `json:"peak_output,omitempty"`
	PeakCacheRead    string   `json:"peak_cache_read,omitempty"`
	PeakCacheWrite5m string   `json:"peak_cache_write_5m,omitempty"`
	PeakCacheWrite1h string   `json:"peak_cache_write_1h,omitempty"`

	FastInput        string `json:"fast_input,omitempty"`
	FastOutput       string `json:"fast_output,omitempty"`
	FastCacheRead    string `json:"fast_cache_read,omitempty"`
	FastCacheWrite5m string `json:"fast_cache_write_5m,omitempty"`
	FastCacheWrite1h string `json:"fast_cache_write_1h,omitempty"`

	BatchMultiplier string `json:"batch_multiplier,omitempty"`
	GeoMultiplier   string `json:"geo_multiplier,omitempty"`
	WebSearchPer1k  string `json:"web_search_per_1k,omitempty"`

	Notes      string `json:"notes,omitempty"`
	Source     string `json:"source,omitempty"`
	Confidence string `json:"confidence,omitempty"`
}

// replacePrices writes the book if it is not the one that is there. The table is made anew and
// filled in one transaction, its comments included.
func replacePrices(ctx context.Context, conn *sql.Conn, m *meta, rows []PriceRow) error {
	if rows == nil {
		return nil
	}
	book, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode price book: %w", err)
	}
	hash := fingerprint(string(book))
	if m.PricesHash == hash {
		return nil
	}
	columns, err := shape(ctx, conn, "prices")
	if err != nil {
		return err
	}
	m.PricesHash = hash
	err = change(ctx, conn, m, pricesSQL+"insert into prices select unnest(from_json("+quote(string(book))+"::json, "+quote("["+columns+"]")+"), max_depth := 2);")
	if err != nil {
		return fmt.Errorf("replace price book: %w", err)
	}
	return nil
}
