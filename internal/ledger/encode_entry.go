package ledger

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"prism/internal/stream"
)

// AppendJSON appends e as one JSON object on one line, unknown fields left out. The names are
// the column names of table requests; money is text with ten decimals.
func (e *Entry) AppendJSON(dst []byte) []byte {
	enc := encoder{append(dst, '{')}
	enc.entry(e)
	return append(enc.b, '}')
}

// MarshalJSON is [Entry.AppendJSON].
func (e *Entry) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// entry appends the members of e; request_id comes first, the recovery relies on it.
func (e *encoder) entry(v *Entry) {
	e.key("request_id")
	e.b = appendText(e.b, v.RequestID, capName)
	e.time("started_at", v.StartedAt)
	e.time("ended_at", v.EndedAt)
	e.text("source", v.Source, capName)
	e.nonZero("generation", int64(v.Generation))
	e.text("host_name", v.HostName, capName)
	e.text("gateway_version", v.GatewayVersion, capName)
	e.client(v)
	e.route(v)
	e.nonZero("http_status", int64(v.HTTPStatus))
	e.text("outcome", v.Outcome, capName)
	e.text("error_type", v.ErrorType, capName)
	e.text("error_message", v.ErrorMessage, capMessage)
	e.usage(&v.Usage)
	e.text("usage_source", v.UsageSource, capName)
	e.texts("usage_notes", v.UsageNotes)
	e.texts("translation_notes", v.TranslationNotes)
	e.raw("usage_raw", v.UsageRaw)
	e.count("prompt_tokens", v.PromptTokens)
	e.count("overhead_us", v.OverheadUS)
	e.count("ttfb_ms", v.TTFBMS)
	e.count("ttft_ms", v.TTFTMS)
	e.count("duration_ms", v.DurationMS)
	e.count("longest_gap_ms", v.LongestGapMS)
	e.count("request_bytes", v.RequestBytes)
	e.count("response_bytes", v.ResponseBytes)
	e.attempts(v.Attempts)
	e.iterations(v.Iterations)
	e.text("retry_of", v.RetryOf, capName)
	e.count("retry_count", v.RetryCount)
	e.cost(v)
	e.share("rl_5h_used", v.RL5hUsed)
	e.time("rl_5h_reset_at", v.RL5hResetAt)
	e.share("rl_7d_used", v.RL7dUsed)
	e.time("rl_7d_reset_at", v.RL7dResetAt)
	e.int("schema_version", SchemaVersion)
}

func (e *encoder) client(v *Entry) {
	e.text("session_id", v.SessionID, capName)
	e.text("agent_id", v.AgentID, capName)
	e.text("parent_agent_id", v.ParentAgentID, capName)
	e.text("client_name", v.ClientName, capName)
	e.text("client_version", v.ClientVersion, capName)
	e.text("request_class", v.RequestClass, capName)
	e.text("prompt_id", v.PromptID, capName)
	e.text("project", v.Project, capName)
	e.text("cwd", v.Cwd, capPath)
	e.text("git_branch", v.GitBranch, capName)
	e.tags(v.Tags)
}

func (e *encoder) route(v *Entry) {
	e.text("profile", v.Profile, capName)
	e.text("provider", v.Provider, capName)
	e.text("server_address", v.ServerAddress, capName)
	e.text("route_reason", v.RouteReason, capName)
	e.text("operation", v.Operation, capName)
	e.text("request_model", v.RequestModel, capName)
	e.text("upstream_model", v.UpstreamModel, capName)
	e.text("response_model", v.ResponseModel, capName)
	e.text("response_id", v.ResponseID, capName)
	e.text("upstream_request_id", v.UpstreamRequestID, capName)
	e.text("stop_reason", v.StopReason, capName)
	e.text("service_tier", v.ServiceTier, capName)
	e.text("speed", v.Speed, capName)
	e.text("inference_geo", v.InferenceGeo, capName)
	e.bool("stream", v.Stream)
	e.count("max_tokens", v.MaxTokens)
}

func (e *encoder) usage(u *stream.Usage) {
	e.count("input_tokens", u.Input)
	e.count("cache_read_tokens", u.CacheRead)
	e.count("cache_write_tokens", u.CacheWrite)
	e.count("cache_write_5m_tokens", u.CacheWrite5m)
	e.count("cache_write_1h_tokens", u.CacheWrite1h)
	e.count("output_tokens", u.Output)
	e.count("reasoning_tokens", u.Reasoning)
	e.count("web_search_requests", u.WebSearches)
}

func (e *encoder) cost(v *Entry) {
	e.text("price_id", v.PriceID, capName)
	e.money("cost_input_usd", v.CostInput)
	e.money("cost_cache_read_usd", v.CostCacheRead)
	e.money("cost_cache_write_usd", v.CostCacheWrite)
	e.money("cost_output_usd", v.CostOutput)
	e.money("cost_other_usd", v.CostOther)
	e.money("cost_list_usd", v.CostList)
	e.money("cost_usd", v.Cost)
	e.money("cost_uncached_usd", v.CostUncached)
}

// tags appends the tags in the order of their names, so that equal entries have equal bytes.
func (e *encoder) tags(tags map[string]string) {
	if len(tags) == 0 {
		return
	}
	names := make([]string, 0, len(tags))
	for name := range tags {
		names = append(names, name)
	}
	slices.Sort(names)
	e.key("tags")
	e.b = append(e.b, '{')
	for i, name := range names[:min(len(names), capList)] {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b = append(appendText(e.b, name, capNote), ':')
		e.b = appendText(e.b, tags[name], capNote)
	}
	e.b = append(e.b, '}')
}

func (e *encoder) attempts(list []Attempt) {
	if len(list) == 0 {
		return
	}
	e.key("attempts")
	e.b = append(e.b, '[')
	for i := range list[:min(len(list), capTries)] {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.attempt(&list[i])
	}
	e.b = append(e.b, ']')
}

func (e *encoder) attempt(a *Attempt) {
	e.b = append(e.b, '{')
	e.int("n", int64(a.N))
	e.text("profile", a.Profile, capName)
	e.text("server_address", a.ServerAddress, capName)
	e.text("model", a.Model, capName)
	e.time("started_at", a.StartedAt)
	e.nonZero("http_status", int64(a.HTTPStatus))
	e.text("error_type", a.ErrorType, capName)
	e.count("ttfb_ms", a.TTFBMS)
	e.count("duration_ms", a.DurationMS)
	e.text("outcome", a.Outcome, capName)
	e.text("key", a.Key, capName)
	e.text("why", a.Why, capName)
	e.bool("maybe_billed", a.MaybeBilled)
	if a.Usage != stream.NoUsage() {
		e.key("usage")
		e.b = append(e.b, '{')
		e.usage(&a.Usage)
		e.b = append(e.b, '}')
	}
	e.money("cost_list_usd", a.CostList)
	e.b = append(e.b, '}')
}

func (e *encoder) iterations(list []Iteration) {
	if len(list) == 0 {
		return
	}
	e.key("iterations")
	e.b = append(e.b, '[')
	for i := range list[:min(len(list), capTries)] {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		it := &list[i]
		e.b = append(e.b, '{')
		e.text("type", it.Type, capName)
		e.text("model", it.Model, capName)
		e.usage(&it.Usage)
		e.text("price_id", it.PriceID, capName)
		e.money("cost_list_usd", it.CostList)
		e.b = append(e.b, '}')
	}
	e.b = append(e.b, ']')
}

// raw appends JSON as it is. What is no JSON is appended as a string, what is too long is
// replaced by its length.
func (e *encoder) raw(name string, v []byte) {
	if len(v) == 0 {
		return
	}
	e.key(name)
	switch {
	case len(v) > capRaw:
		e.b = append(e.b, '{')
		e.int("cut_bytes", int64(len(v)))
		e.b = append(e.b, '}')
	case !json.Valid(v) || !utf8.Valid(v) || bytes.Contains(v, []byte(`\ud`)) || bytes.Contains(v, []byte(`\uD`)):
		// Half a surrogate pair is valid to some readers and an error to others.
		e.b = appendText(e.b, string(v), capMessage)
	default:
		start := len(e.b)
		e.b = append(e.b, v...)
		for i, c := range e.b[start:] {
			if c == '\n' || c == '\r' { // only white space can be one in valid JSON
				e.b[start+i] = ' '
			}
		}
	}
}
