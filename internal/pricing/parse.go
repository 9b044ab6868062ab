package pricing

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParseRow reads a row from the text of its columns, by name. Lists are separated by commas;
// a date is the start of that day in UTC. The row is checked as [Book.With] would. The error
// joins a [FieldError] per problem.
func ParseRow(columns map[string]string) (Row, error) {
	var (
		r Row
		f faults
	)
	texts := r.texts()
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		value := strings.TrimSpace(columns[name])
		if text, ok := texts[name]; ok {
			*text = value
			continue
		}
		if value != "" {
			r.parseColumn(name, value, &f)
		}
	}
	var checked faults
	compile(&r, &checked)
	for _, e := range checked {
		if !f.has(e.Field) {
			f = append(f, e)
		}
	}
	return r, f.err()
}

// texts points at the columns of r that are text, by name.
func (r *Row) texts() map[string]*string {
	texts := map[string]*string{
		"id": &r.ID, "profile": &r.Profile, "provider": &r.Provider, "model_match": &r.ModelMatch,
		"batch_multiplier": &r.BatchMultiplier, "geo_multiplier": &r.GeoMultiplier, "web_search_per_1k": &r.WebSearchPer1k,
		"notes": &r.Notes, "source": &r.Source, "confidence": &r.Confidence,
	}
	for set, columns := range r.prices() {
		for class, text := range columns {
			texts[priceColumn(set, class)] = text
		}
	}
	return texts
}

// parseColumn reads a column that is no text.
func (r *Row) parseColumn(name, value string, f *faults) {
	var ok bool
	switch name {
	case "effective_from":
		if r.EffectiveFrom, ok = parseInstant(value); !ok {
			f.add(name, "%q is no date: want 2026-11-26 or 2026-11-26T16:00:00Z", value)
		}
	case "effective_to":
		if r.EffectiveTo, ok = parseInstant(value); !ok {
			f.add(name, "%q is no date: want 2026-11-26 or 2026-11-26T16:00:00Z", value)
		}
	case "tier_over_prompt_tokens":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			f.add(name, "%q is no whole number", value)
		}
		r.TierOverPromptTokens = n
	case "peak_windows_utc":
		for item := range strings.SplitSeq(value, ",") {
			r.PeakWindowsUTC = append(r.PeakWindowsUTC, strings.TrimSpace(item))
		}
	case "peak_days":
		for item := range strings.SplitSeq(value, ",") {
			day, err := strconv.Atoi(strings.TrimSpace(item))
			if err != nil {
				f.add(name, "%q is no day: want 1 (Monday) to 7 (Sunday)", item)
			}
			r.PeakDays = append(r.PeakDays, day)
		}
	default:
		f.add(name, "no such column")
	}
}

// parseInstant reads a date, or an instant as in RFC 3339 with or without seconds.
func parseInstant(text string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
