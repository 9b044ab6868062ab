package pricing

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Why an item of a catalog is skipped.
var (
	errUnreadable   = errors.New("cannot be read")
	errNoTokenPrice = errors.New("no price for input and output tokens")
	errTiers        = errors.New("tiers, and the book holds one by prompt length")
	errReasoning    = errors.New("reasoning has a price of its own, which the book cannot hold")
	errHours        = errors.New("prices by the hour in a form that is not understood")
)

// confidenceCatalog is how far a catalog is to be trusted.
const confidenceCatalog = "secondary"

// perToken is the power of ten from a price per token to one per million.
const perToken = 6

// tierColumn matches the fields of LiteLLM that hold only above a length of the prompt.
var tierColumn = regexp.MustCompile(`^(?:input|output)_cost_per_token_above_([0-9]{1,7})k_tokens$|^cache_(?:read|creation)_input_token_cost(?:_above_1hr)?_above_([0-9]{1,7})k_tokens$`)

// addLiteLLM reads the shape of LiteLLM: {model: {litellm_provider, input_cost_per_token, ...}}.
func (c *Catalog) addLiteLLM(top map[string]json.RawMessage) {
	keys := sorted(top)
	// A name without a vendor is the main one; of two entries for a model the first one counts.
	slices.SortStableFunc(keys, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	for _, key := range keys {
		fields, ok := objects(top[key])
		if !ok || key == "sample_spec" {
			continue
		}
		vendor := textField(fields, "litellm_provider")
		provider, model := providerName(vendor), strings.TrimPrefix(key, vendor+"/")
		name := provider + "/" + model
		switch textField(fields, "mode") {
		case "", "chat", "completion", "responses":
		default:
			c.skip(name, "%v", errNoTokenPrice)
			continue
		}
		offer, err := liteOffer(fields)
		if problem := nameProblem(model); problem != "" {
			c.skip(name, "%s", problem)
		} else if vendor == "" {
			c.skip(name, "no provider")
		} else if err != nil {
			c.skip(name, "%v", err)
		} else {
			offer.Row.Provider, offer.Row.ModelMatch = provider, model
			c.Offers = append(c.Offers, offer)
		}
	}
}

// liteOffer reads one model.
func liteOffer(fields map[string]json.RawMessage) (Offer, error) {
	o := Offer{Row: Row{Confidence: confidenceCatalog}}
	plain := litePrices(fields, "")
	if plain[classInput] == "" || plain[classOutput] == "" {
		return o, errNoTokenPrice
	}
	switch {
	case fields["off_peak_pricing"] != nil:
		return o, errHours
	case fields["tiered_pricing"] != nil:
		return o, errTiers
	}
	if r := numberField(fields, "output_cost_per_reasoning_token"); r != "" && r != plain[classOutput] {
		return o, errReasoning
	}
	if err := o.take(setPlain, perToken, plain); err != nil {
		return o, err
	}
	limit, err := liteLimit(fields)
	if err != nil {
		return o, err
	}
	if limit > 0 {
		o.Row.TierOverPromptTokens = limit * 1000
		if err := o.take(setTier, perToken, litePrices(fields, "_above_"+strconv.FormatInt(limit, 10)+"k_tokens")); err != nil {
			return o, err
		}
	}
	o.takeLiteFactors(fields)
	return o, nil
}

// liteLimit returns the one length of the prompt, in thousands, that has prices of its own.
func liteLimit(fields map[string]json.RawMessage) (limit int64, err error) {
	for name := range fields {
		m := tierColumn.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		n, err := strconv.ParseInt(m[1]+m[2], 10, 64)
		if err != nil || n <= 0 || limit != 0 && n != limit {
			return 0, errTiers
		}
		limit = n
	}
	return limit, nil
}

// litePrices picks the five prices whose names end with suffix.
func litePrices(fields map[string]json.RawMessage, suffix string) [classes]json.Number {
	return [classes]json.Number{
		classInput:        numberField(fields, "input_cost_per_token"+suffix),
		classOutput:       numberField(fields, "output_cost_per_token"+suffix),
		classCacheRead:    numberField(fields, "cache_read_input_token_cost"+suffix),
		classCacheWrite5m: numberField(fields, "cache_creation_input_token_cost"+suffix),
		classCacheWrite1h: numberField(fields, "cache_creation_input_token_cost_above_1hr"+suffix),
	}
}

// takeLiteFactors reads what multiplies prices: batches, geography, fast mode; and searches.
func (o *Offer) takeLiteFactors(fields map[string]json.RawMessage) {
	r := &o.Row
	in, _, errIn := moved(string(numberField(fields, "input_cost_per_token_batches")), perToken)
	out, _, errOut := moved(string(numberField(fields, "output_cost_per_token_batches")), perToken)
	if errIn == nil && errOut == nil {
		a, okIn := quotient(in, r.Input)
		b, okOut := quotient(out, r.Output)
		if okIn && okOut && a == b {
			r.BatchMultiplier = a
		} else {
			o.Doubts = append(o.Doubts, "batches have prices that are no multiple of the others")
		}
	}
	own, _ := objects(fields["provider_specific_entry"])
	if us, exact, err := moved(string(numberField(own, "us")), 0); err == nil && exact {
		r.GeoMultiplier = us
	}
	if fast, _, err := moved(string(numberField(own, "fast")), 0); err == nil {
		o.takeFast(fast)
	}
	if per, exact, err := moved(liteSearch(fields), 3); err == nil && exact {
		r.WebSearchPer1k = per
	}
}

// takeFast multiplies the plain prices, those of the cache included.
func (o *Offer) takeFast(factor string) {
	all := o.Row.prices()
	for class, text := range all[setPlain] {
		if *text == "" {
			continue
		}
		p, exact := product(*text, factor)
		if !exact {
			o.Doubts = append(o.Doubts, priceColumn(setFast, class)+" is no exact multiple of "+priceColumn(setPlain, class))
		}
		*all[setFast][class] = p
	}
}

// liteSearch is the price of one search, where it is the same for every size of context.
func liteSearch(fields map[string]json.RawMessage) string {
	sizes, _ := objects(fields["search_context_cost_per_query"])
	price := ""
	for name := range sizes {
		n := string(numberField(sizes, name))
		if price != "" && n != price {
			return ""
		}
		price = n
	}
	return price
}

// numberField reads a field that is a number; anything else is none.
func numberField(fields map[string]json.RawMessage, name string) json.Number {
	raw := fields[name]
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return ""
	}
	return json.Number(raw)
}

// textField reads a field that is text; anything else is none.
func textField(fields map[string]json.RawMessage, name string) string {
	var text string
	if json.Unmarshal(fields[name], &text) != nil {
		return ""
	}
	return text
}
