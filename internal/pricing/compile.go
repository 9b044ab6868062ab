package pricing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// FieldError says what is wrong with one column of a price row.
type FieldError struct {
	Field   string // the name of the column
	Problem string
}

// Error returns "FIELD: PROBLEM".
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// RowError says what is wrong with one of the rows that a book was to be made of.
type RowError struct {
	Row int // its index
	*FieldError
}

// Error returns "prices[INDEX].FIELD: PROBLEM".
func (e *RowError) Error() string { return fmt.Sprintf("prices[%d].%v", e.Row, e.FieldError) }

// Unwrap returns the [FieldError].
func (e *RowError) Unwrap() error { return e.FieldError }

// price is a row made ready for use.
type price struct {
	id       string
	row      int // of the book
	layer    int
	profile  string
	key      key
	match    pattern
	from, to int64 // Unix microseconds, the precision of the ledger; from <= t < to

	units     [sets][classes]USD
	tierOver  int64
	windows   []window
	days      uint8 // bit n = time.Weekday n
	batch     int64 // factors in units of 1e-4
	geo       int64
	webSearch USD // per million searches, so that line prices them as well
}

// key is what a row without wildcards is found by.
type key struct{ provider, model string }

// window is a part of a day in minutes: from <= t < to.
type window struct{ from, to int }

// faults collects what is wrong with a row, so that all of it is told at once.
type faults []*FieldError

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// has tells whether a problem of the field is known already.
func (f faults) has(field string) bool {
	return slices.ContainsFunc(f, func(e *FieldError) bool { return e.Field == field })
}

// err joins all problems; nil means that there are none.
func (f faults) err() error {
	errs := make([]error, len(f))
	for i, e := range f {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// amount reads a price; an empty text is Unknown.
func (f *faults) amount(field, text string) USD {
	if text == "" {
		return Unknown
	}
	n, ok := parseDecimal(text, usdWidth, usdScale)
	if !ok {
		f.add(field, "%q is no price: want dollars below 100000000 with at most 10 decimals, such as \"0.25\"", text)
	}
	return USD(n)
}

// factor reads a multiplier; an empty text is 1.
func (f *faults) factor(field, text string) int64 {
	if text == "" {
		return factorOne
	}
	n, ok := parseDecimal(text, factorWidth, factorScale)
	if !ok {
		f.add(field, "%q is no multiplier: want a number below 10000 with at most 4 decimals, such as \"0.5\"", text)
	}
	return n
}

// compile checks r and makes it ready for use; what is wrong with it is added to f.
func compile(r *Row, f *faults) *price {
	p := &price{
		id: r.ID, layer: r.Layer, profile: r.Profile,
		key: key{r.Provider, r.ModelMatch}, match: newPattern(r.ModelMatch),
		from: math.MinInt64, to: math.MaxInt64, tierOver: math.MaxInt64,
		batch: f.factor("batch_multiplier", r.BatchMultiplier),
		geo:   f.factor("geo_multiplier", r.GeoMultiplier),
	}
	if r.Provider == "" {
		f.add("provider", "missing")
	}
	if problem := p.match.problem(); problem != "" {
		f.add("model_match", "%s", problem)
	}
	if !r.EffectiveFrom.IsZero() {
		p.from = r.EffectiveFrom.UnixMicro()
	}
	if !r.EffectiveTo.IsZero() {
		p.to = r.EffectiveTo.UnixMicro()
	}
	if p.from >= p.to {
		f.add("effective_to", "%s is not after effective_from", r.EffectiveTo.Format(time.RFC3339))
	}
	p.readPrices(r, f)
	p.readPeak(r, f)
	if p.id == "" {
		p.id = deriveID(*r, f)
	}
	return p
}

// readPrices reads the price columns and checks that every set of them can apply.
func (p *price) readPrices(r *Row, f *faults) {
	var stated [sets]bool
	for set, columns := range r.prices() {
		for class, text := range columns {
			p.units[set][class] = f.amount(priceColumn(set, class), *text)
			stated[set] = stated[set] || *text != ""
		}
	}
	for _, class := range []int{classInput, classOutput} {
		if !p.units[setPlain][class].Known() {
			f.add(priceColumn(setPlain, class), "missing")
		}
	}
	if p.webSearch = f.amount("web_search_per_1k", r.WebSearchPer1k); p.webSearch >= usdLimit/1000 {
		f.add("web_search_per_1k", "%q is not below 100000", r.WebSearchPer1k)
	} else if p.webSearch.Known() {
		p.webSearch *= 1000
	}
	switch over := r.TierOverPromptTokens; {
	case over < 0:
		f.add("tier_over_prompt_tokens", "%d is negative", over)
	case over == 0 && stated[setTier]:
		f.add("tier_over_prompt_tokens", "missing, but there are tier prices")
	case over > 0 && !stated[setTier]:
		f.add("tier_over_prompt_tokens", "%d, but there is no tier price", over)
	case over > 0:
		p.tierOver = over
	}
	if windows := len(r.PeakWindowsUTC) > 0; windows != stated[setPeak] {
		f.add("peak_windows_utc", "windows and peak prices need each other, one of them is missing")
	}
}

// readPeak reads the hours and days of the peak prices.
func (p *price) readPeak(r *Row, f *faults) {
	for _, text := range r.PeakWindowsUTC {
		w, ok := parseWindow(text)
		if !ok {
			f.add("peak_windows_utc", "%q is no window: want \"HH:MM-HH:MM\", the end after the start; write two for one over midnight", text)
		}
		p.windows = append(p.windows, w)
	}
	if len(r.PeakDays) == 0 {
		p.days = 1<<7 - 1
	}
	for _, day := range r.PeakDays {
		if day < 1 || day > 7 {
			f.add("peak_days", "%d is no day: want 1 (Monday) to 7 (Sunday)", day)
			continue
		}
		p.days |= 1 << (day % 7)
	}
	if len(r.PeakDays) > 0 && len(r.PeakWindowsUTC) == 0 {
		f.add("peak_days", "there are no peak_windows_utc")
	}
}

// parseWindow reads "HH:MM-HH:MM".
func parseWindow(text string) (w window, ok bool) {
	if len(text) != len("HH:MM-HH:MM") || text[5] != '-' {
		return w, false
	}
	w.from, ok = parseMinute(text[:5])
	if !ok {
		return w, false
	}
	w.to, ok = parseMinute(text[6:])
	return w, ok && w.from < w.to
}

// parseMinute reads "HH:MM" as a minute of the day; "24:00" is its end.
func parseMinute(text string) (int, bool) {
	if text == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil
}

// deriveID makes an id from the contents of a row: after a change of what it means it is
// another one, because an id that stands in the ledger must not change its meaning.
func deriveID(r Row, f *faults) string {
	owner := "user:"
	switch {
	case r.Layer == LayerEmbedded:
		owner = fetchedPrefix
	case r.Profile != "":
		owner = "profile:" + r.Profile + ":"
	}
	r.EffectiveFrom, r.EffectiveTo = r.EffectiveFrom.UTC(), r.EffectiveTo.UTC()
	r.Notes, r.Source, r.Confidence = "", "", ""
	text, err := json.Marshal(r)
	if err != nil {
		f.add("effective_from", "%v", err)
	}
	sum := sha256.Sum256(text)
	return fmt.Sprintf("%s%s/%s#%s", owner, r.Provider, r.ModelMatch, hex.EncodeToString(sum[:4]))
}
