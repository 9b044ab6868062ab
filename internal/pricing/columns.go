package pricing

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Columns are the names of the columns of a row, in the order of [Row].
func Columns() []string {
	t := reflect.TypeFor[Row]()
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}

// Column returns the value of a column: a text, an int64, a []string, a []int or a time, and nil
// where the row has nothing there.
func (r *Row) Column(name string) any {
	v := reflect.ValueOf(r).Elem()
	for i, column := range Columns() {
		if column != name {
			continue
		}
		switch value := v.Field(i).Interface().(type) {
		case int: // the layer, of which 0 is one
			return int64(value)
		case time.Time:
			if value.IsZero() {
				return nil
			}
			return value.UTC()
		default:
			if v.Field(i).IsZero() {
				return nil
			}
			return value
		}
	}
	return nil
}

// Origin says where a row comes from: built in, fetched, yours, or the profile that it is for.
func (r *Row) Origin() string {
	switch {
	case r.Layer == LayerProfile:
		return "profile " + r.Profile
	case r.Layer == LayerUser:
		return "yours"
	case r.Fetched():
		return "fetched"
	}
	return "built in"
}

// Extras names the sets of prices and the factors that a row has beside its plain prices.
func (r *Row) Extras() []string {
	var extras []string
	if r.TierOverPromptTokens > 0 {
		extras = append(extras, "tier>"+strconv.FormatInt(r.TierOverPromptTokens, 10))
	}
	if len(r.PeakWindowsUTC) > 0 {
		extras = append(extras, "peak")
	}
	if stated(r.prices()[setFast]) {
		extras = append(extras, "fast")
	}
	if r.BatchMultiplier != "" {
		extras = append(extras, "batch×"+r.BatchMultiplier)
	}
	if r.GeoMultiplier != "" {
		extras = append(extras, "us×"+r.GeoMultiplier)
	}
	if r.WebSearchPer1k != "" {
		extras = append(extras, "search")
	}
	return extras
}

// InForce tells whether the row holds at an instant.
func (r *Row) InForce(at time.Time) bool {
	return !at.Before(r.EffectiveFrom) && (r.EffectiveTo.IsZero() || at.Before(r.EffectiveTo))
}
