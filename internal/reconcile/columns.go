package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// Names of the columns that are no figures.
const (
	columnDate      = "date"
	columnModel     = "model"
	columnTokenType = "token_type" // what a cost is for
)

// Formats of [Statement].
const (
	FormatAnthropicUsage = "anthropic usage"
	FormatAnthropicCost  = "anthropic cost"
	FormatOther          = "other"
)

// knownColumns are the headers that are understood, in the form of plainHeader. Headers of the
// exports of the Anthropic console stand first.
func knownColumns() map[string]string {
	return map[string]string{
		"usage_date_utc": columnDate, "date": columnDate, "day": columnDate, "usage_date": columnDate, "bucket_start": columnDate, "starting_at": columnDate,
		"model_version": columnModel, "model": columnModel, "model_name": columnModel, "model_id": columnModel,
		"token_type": columnTokenType,

		"usage_input_tokens_no_cache": string(Input), "uncached_input_tokens": string(Input), "input_tokens": string(Input), "prompt_tokens_uncached": string(Input),
		"usage_input_tokens_cache_read": string(CacheRead), "cache_read_tokens": string(CacheRead), "cache_read_input_tokens": string(CacheRead), "cached_input_tokens": string(CacheRead),
		"usage_input_tokens_cache_write": string(CacheWrite), "cache_write_tokens": string(CacheWrite), "cache_creation_tokens": string(CacheWrite), "cache_creation_input_tokens": string(CacheWrite),
		"usage_input_tokens_cache_write_5m": string(CacheWrite5m), "cache_write_5m_tokens": string(CacheWrite5m), "ephemeral_5m_input_tokens": string(CacheWrite5m),
		"usage_input_tokens_cache_write_1h": string(CacheWrite1h), "cache_write_1h_tokens": string(CacheWrite1h), "ephemeral_1h_input_tokens": string(CacheWrite1h),
		"usage_output_tokens": string(Output), "output_tokens": string(Output), "completion_tokens": string(Output),
		"web_search_count": string(WebSearches), "web_search_requests": string(WebSearches),
		"requests": string(Requests), "request_count": string(Requests), "num_requests": string(Requests),
		"cost_usd": string(Cost), "cost": string(Cost), "total_cost": string(Cost), "total_cost_usd": string(Cost), "amount": string(Cost), "amount_usd": string(Cost),
	}
}

// costOf says which cost a token type of the console is. Everything that is not named is other
// than tokens: searches, code execution.
func costOf(tokenType string) Kind {
	switch strings.ToLower(strings.TrimSpace(tokenType)) {
	case "input_no_cache", "uncached_input_tokens", "input":
		return CostInput
	case "input_cache_read", "cache_read_input_tokens", "cache_read":
		return CostCacheRead
	case "input_cache_write_5m", "input_cache_write_1h", "input_cache_write", "cache_creation.ephemeral_5m_input_tokens", "cache_creation.ephemeral_1h_input_tokens":
		return CostCacheWrite
	case "output", "output_tokens":
		return CostOutput
	}
	return CostOther
}

// plainHeader writes a header in lower case, words joined by _.
func plainHeader(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\r\n\"\ufeff"))
	words := strings.FieldsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "_")
}

// layout says where in a row what stands; -1 = nowhere.
type layout struct {
	date, model, tokenType int
	figures                map[Kind]int
	format                 string
	numbers                numbers
}

// Columns are the names that a mapping may give to columns.
func Columns() []string {
	names := []string{columnDate, columnModel, columnTokenType}
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return names
}

// layoutOf finds the columns. mapped names some of them, by our name: it wins.
func layoutOf(header []string, mapped map[string]string) (layout, error) {
	l := layout{date: -1, model: -1, tokenType: -1, figures: make(map[Kind]int), format: FormatOther}
	at := make(map[string]int, len(header))
	for i, h := range header {
		name := plainHeader(h)
		if _, twice := at[name]; !twice {
			at[name] = i
		}
	}
	for name, i := range at {
		if ours, known := knownColumns()[name]; known {
			l.set(ours, i)
		}
		if ours, known := knownColumns()[strings.TrimSuffix(name, "_utc")]; known {
			l.set(ours, i)
		}
	}
	for ours, theirs := range mapped {
		i, ok := at[plainHeader(theirs)]
		if !ok {
			return l, fmt.Errorf("no column is called %q; there are %s", theirs, strings.Join(header, ", "))
		}
		if !slices.Contains(Columns(), ours) {
			return l, fmt.Errorf("%q is not a column that can be mapped; these are: %s", ours, strings.Join(Columns(), ", "))
		}
		l.set(ours, i)
	}
	switch _, usage := at["usage_input_tokens_no_cache"]; {
	case usage:
		l.format = FormatAnthropicUsage
	case l.tokenType >= 0 && l.has(Cost):
		l.format = FormatAnthropicCost
	}
	return l, l.check(header)
}

func (l *layout) has(k Kind) bool { _, ok := l.figures[k]; return ok }

func (l *layout) set(ours string, i int) {
	switch ours {
	case columnDate:
		l.date = i
	case columnModel:
		l.model = i
	case columnTokenType:
		l.tokenType = i
	default:
		l.figures[Kind(ours)] = i
	}
}

func (l *layout) check(header []string) error {
	var missing []string
	if l.date < 0 {
		missing = append(missing, columnDate)
	}
	if l.model < 0 {
		missing = append(missing, columnModel)
	}
	if len(l.figures) == 0 {
		missing = append(missing, "any figure, such as "+string(Input))
	}
	if len(missing) > 0 {
		return fmt.Errorf("no column for %s among %s; name it with --map OURS=THEIRS", strings.Join(missing, " and "), strings.Join(header, ", "))
	}
	return nil
}
