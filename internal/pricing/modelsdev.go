package pricing

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// devRates are prices of models.dev, in dollars per million tokens.
type devRates struct {
	Input      json.Number `json:"input"`
	Output     json.Number `json:"output"`
	Reasoning  json.Number `json:"reasoning"`
	CacheRead  json.Number `json:"cache_read"`
	CacheWrite json.Number `json:"cache_write"` // for five minutes
}

// devCost is the cost of one model. The list of tiers is newer than the field for 200,000
// tokens, which may stand beside it with the same prices and another limit.
type devCost struct {
	devRates
	Tiers []struct {
		devRates
		Tier struct {
			Type string      `json:"type"`
			Size json.Number `json:"size"`
		} `json:"tier"`
	} `json:"tiers"`
	Over200K *devRates `json:"context_over_200k"`
}

// addModelsDev reads the shape of models.dev: {provider: {models: {model: {cost: ...}}}}.
func (c *Catalog) addModelsDev(top map[string]json.RawMessage) {
	for _, provider := range sorted(top) {
		item, _ := objects(top[provider])
		models, ok := objects(item["models"])
		if !ok {
			continue
		}
		for _, model := range sorted(models) {
			name := providerName(provider) + "/" + model
			offer, err := devOffer(models[model])
			if problem := nameProblem(model); problem != "" {
				c.skip(name, "%s", problem)
			} else if err != nil {
				c.skip(name, "%v", err)
			} else {
				offer.Row.Provider, offer.Row.ModelMatch = providerName(provider), model
				c.Offers = append(c.Offers, offer)
			}
		}
	}
}

// devOffer reads one model.
func devOffer(raw json.RawMessage) (Offer, error) {
	var model struct {
		Cost *devCost `json:"cost"`
	}
	if err := json.Unmarshal(raw, &model); err != nil {
		return Offer{}, errUnreadable
	}
	cost := model.Cost
	if cost == nil || cost.Input == "" || cost.Output == "" {
		return Offer{}, errNoTokenPrice
	}
	o := Offer{Row: Row{Confidence: confidenceCatalog}}
	if err := o.takeDev(&cost.devRates, setPlain); err != nil {
		return Offer{}, err
	}
	tier := cost.Over200K
	limit := int64(200_000)
	if n := len(cost.Tiers); n > 1 {
		return Offer{}, fmt.Errorf("%d %w", n, errTiers)
	} else if n == 1 {
		size, err := strconv.ParseInt(string(cost.Tiers[0].Tier.Size), 10, 64)
		if t := cost.Tiers[0].Tier; t.Type != "context" || err != nil || size <= 0 {
			return Offer{}, fmt.Errorf("a tier of another kind than prompt length: %w", errTiers)
		}
		tier, limit = &cost.Tiers[0].devRates, size
	}
	if tier == nil {
		return o, nil
	}
	o.Row.TierOverPromptTokens = limit
	return o, o.takeDev(tier, setTier)
}

// takeDev copies one set of prices.
func (o *Offer) takeDev(r *devRates, set int) error {
	if r.Reasoning != "" && r.Reasoning != r.Output {
		return errReasoning
	}
	return o.take(set, 0, [classes]json.Number{r.Input, r.Output, r.CacheRead, r.CacheWrite, ""})
}

// take copies a set of prices, times 10^shift. A price that is absent stays unknown.
func (o *Offer) take(set, shift int, numbers [classes]json.Number) error {
	for class, n := range numbers {
		if n == "" {
			continue
		}
		text, exact, err := moved(string(n), shift)
		if err != nil {
			return fmt.Errorf("%s: %w", priceColumn(set, class), err)
		}
		if !exact {
			o.Doubts = append(o.Doubts, fmt.Sprintf("%s is %s in the list, rounded to %s", priceColumn(set, class), n, text))
		}
		*o.Row.prices()[set][class] = text
	}
	return nil
}
