package stream

import "github.com/tidwall/gjson"

// Counting is how a provider counts the tokens of a prompt that it read from its cache or wrote
// to it, as far as an answer proves it.
type Counting int8

// Ways of counting.
const (
	CountingUnproved Counting = iota // nothing in the answer shows it
	CountingApart                    // input_tokens is the uncached part, as the Messages API has it
	CountingInside                   // input_tokens is the whole prompt
)

// totals are sums that some compatible providers report beside the counts of the Messages API,
// in the words of other APIs. They are no part of [Usage]; they show what input_tokens holds.
type totals struct {
	prompt Count // prompt_tokens: the whole prompt
	all    Count // total_tokens: the whole prompt and the output
	missed Count // prompt_cache_miss_tokens: the uncached part
}

// take takes over a member of a usage object that is one of the sums.
func (t *totals) take(key string, v gjson.Result) {
	var c *Count
	switch key {
	case "prompt_tokens":
		c = &t.prompt
	case "total_tokens":
		c = &t.all
	case "prompt_cache_miss_tokens":
		c = &t.missed
	default:
		return
	}
	if n := v.Int(); v.Type == gjson.Number && n > 0 && float64(n) == v.Num {
		*c = Count(n)
	}
}

// counting compares the sums with the counts. It needs one sum that fits one way of counting
// only, and none that fits the other one; a sum that fits neither proves nothing.
func (t *totals) counting(u *Usage) Counting {
	cached := Count(u.CacheRead.OrZero() + u.CacheWrite.OrZero())
	if cached == 0 || !u.Input.Known() {
		return CountingUnproved
	}
	if u.Input < cached {
		return CountingApart // a part is not larger than the whole
	}
	apart, inside := false, false
	for _, sum := range [...]struct{ said, apart, inside Count }{
		{t.prompt, u.Input + cached, u.Input},
		{t.all, u.Input + cached + Count(u.Output.OrZero()), u.Input + Count(u.Output.OrZero())},
		{t.missed, u.Input, u.Input - cached},
	} {
		if sum.said > 0 {
			apart = apart || sum.said == sum.apart
			inside = inside || sum.said == sum.inside
		}
	}
	switch {
	case apart && !inside:
		return CountingApart
	case inside && !apart:
		return CountingInside
	}
	return CountingUnproved
}
