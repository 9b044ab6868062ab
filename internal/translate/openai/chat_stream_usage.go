package openai

import (
	"math/big"
	"strings"

	"prism/config"
	"prism/internal/translate"
)

// tokens is a usage object under all the names that providers have for its counts. -1 = not said.
type tokens struct {
	prompt, output, total int64
	read, write           int64
	hit, miss             int64 // DeepSeek
	reasoning             int64
	cost                  string // US dollars, a decimal; "" = not stated
	upstream              string // the same, of who stands behind the provider
	ownKey                bool   // the user pays that one directly, beside the cost
}

func newTokens() tokens {
	return tokens{prompt: -1, output: -1, total: -1, read: -1, write: -1, hit: -1, miss: -1, reasoning: -1}
}

// use takes a usage object. Of each count the last that is said holds.
func (d *chatAnswer) use(raw []byte) {
	r := reader{b: raw}
	if r.peek() != '{' {
		return
	}
	t := newTokens()
	t.parse(&r)
	t.tell(d.w, &d.r.Quirks)
}

// tell tells the counts, and the cost where one is stated.
func (t *tokens) tell(w *translate.Writer, q *config.Quirks) {
	w.Use(t.usage(q.ReasoningOutside))
	if cost := t.paid(); cost != "" {
		w.Aside(func(a *translate.Aside) { a.Cost = cost })
	}
}

func (t *tokens) parse(r *reader) {
	if !r.enter('{') {
		return
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "prompt_tokens", "input_tokens":
			count(r, &t.prompt)
		case "completion_tokens", "output_tokens":
			count(r, &t.output)
		case "total_tokens":
			count(r, &t.total)
		case "prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details":
			t.parse(r)
		case "cached_tokens", "cache_read_input_tokens":
			count(r, &t.read)
		case "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens":
			count(r, &t.write)
		case "prompt_cache_hit_tokens":
			count(r, &t.hit)
		case "prompt_cache_miss_tokens":
			count(r, &t.miss)
		case "reasoning_tokens":
			count(r, &t.reasoning)
		case "cost":
			t.cost = decimal(r.value())
		case "cost_details":
			t.upstream = decimal(r.field("upstream_inference_cost"))
		case "is_byok":
			t.ownKey = string(r.value()) == "true"
		default:
			r.skip()
		}
	}
}

// count reads a count. Where two names say different things, the greater one is meant: the other is
// a zero of a field that is not used.
func count(r *reader, to *int64) {
	if n, ok := r.int(); ok && n >= 0 {
		*to = max(*to, n)
	}
}

// usage puts the counts together.
func (t *tokens) usage(outside bool) translate.Usage {
	u := translate.Usage{Prompt: t.prompt, CacheRead: max(t.read, t.hit), CacheWrite: t.write, Output: t.output, Reasoning: t.reasoning}
	if u.Prompt <= 0 && t.hit+t.miss > 0 {
		u.Prompt = max(t.hit, 0) + max(t.miss, 0)
	}
	if u.Prompt == 0 { // no prompt is empty: it was not counted
		u.Prompt = -1
	}
	if t.reasoning > 0 && t.output >= 0 && t.addsReasoning(outside) {
		u.Output += t.reasoning
	}
	return u
}

// addsReasoning tells whether the reasoning stands beside the output, not in it: as the total proves
// or, where it proves nothing, as the provider is known to count.
func (t *tokens) addsReasoning(outside bool) bool {
	switch {
	case t.prompt < 0:
	case t.total == t.prompt+t.output+t.reasoning:
		return true
	case t.total == t.prompt+t.output:
		return false
	}
	return outside
}

// paid is what the answer costs the user. With a key of the user's own, OpenRouter's cost is no more
// than its fee, and who stands behind it is paid by that key. Elsewhere that price is in the cost.
func (t *tokens) paid() string {
	switch {
	case !t.ownKey || t.upstream == "":
		return t.cost
	case t.cost == "":
		return t.upstream
	}
	fee, _, err := big.ParseFloat(t.cost, 10, 200, big.ToNearestEven)
	price, _, bad := big.ParseFloat(t.upstream, 10, 200, big.ToNearestEven)
	if err != nil || bad != nil {
		return t.cost
	}
	return plainDecimal(fee.Add(fee, price))
}

// decimal renders a sum of money without an exponent; "" where v is none.
func decimal(v []byte) string {
	if len(v) == 0 || len(v) > 40 {
		return ""
	}
	if v[0] == '{' { // Perplexity
		r := reader{b: v}
		return decimal(r.field("total_cost"))
	}
	s := string(v)
	if strings.Trim(s, "0123456789.eE+-") != "" || s[0] == '-' {
		return ""
	}
	f, _, err := big.ParseFloat(s, 10, 200, big.ToNearestEven)
	if err != nil || f.MantExp(nil) > 64 || f.MantExp(nil) < -100 {
		return ""
	}
	if !strings.ContainsAny(s, "eE") {
		return s
	}
	return plainDecimal(f)
}

func plainDecimal(f *big.Float) string {
	return strings.TrimRight(strings.TrimRight(f.Text('f', 30), "0"), ".")
}
