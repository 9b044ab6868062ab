package transfer

import (
	"regexp"
	"slices"
	"strings"

	"prism/config"
)

// priced takes what a deployment costs. Prices that hold for some requests only cannot be taken: a row
// without them would have the others cost too little.
func (l *litellm) priced(d deployment, profile, label string) {
	usd := func(fields ...string) string {
		return decimalOf(orElse(d.params.first(fields...), d.info.first(fields...)), 1_000_000)
	}
	row := config.PriceRow{
		Profile: profile, ModelMatch: d.model,
		Input:        usd("input_cost_per_token"),
		Output:       usd("output_cost_per_token"),
		CacheRead:    usd("cache_read_input_token_cost"),
		CacheWrite5m: usd("cache_creation_input_token_cost"),
		CacheWrite1h: usd("cache_creation_input_token_cost_above_1hr"),
	}
	taken := []string{"input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost", "cache_creation_input_token_cost", "cache_creation_input_token_cost_above_1hr"}
	whole := true
	for _, fields := range []*node{d.params, d.info} {
		for field, value := range fields.each() {
			if isCost(field) && !slices.Contains(taken, field) && !value.empty() && decimalOf(value.str(), 1) != "0" {
				l.leave(label+"."+field, "no row of prices is made of this; see: prism prices set --help")
				whole = whole && !partCost.MatchString(field)
			}
		}
	}
	switch {
	case !whole || row.Input == "" && row.Output == "":
	case strings.Contains(d.model, "*"):
		l.leave(label+": its price", "it is for every model that a pattern fits; see: prism prices set --help")
	default:
		l.price(row)
	}
}

// isCost tells whether a field says what something costs.
func isCost(field string) bool { return strings.Contains(field, "_cost") || field == "tiered_pricing" }

// partCost matches the fields without which the price of a token is that of some requests only.
var partCost = regexp.MustCompile(`_above_[0-9]+k_tokens$|^tiered_pricing$|_per_reasoning_token$`)
