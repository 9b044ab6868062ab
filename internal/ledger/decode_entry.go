package ledger

import (
	"fmt"

	"prism/internal/stream"
)

// UnmarshalJSON reads what [Entry.AppendJSON] wrote. Members that are absent are unknown,
// members it does not know are passed over.
func (e *Entry) UnmarshalJSON(b []byte) error {
	e.Reset()
	lex := newLexer(b)
	lex.entry(e)
	if lex.bad {
		return fmt.Errorf("decode entry: %w", errSyntax)
	}
	return nil
}

// entry reads one object into e, which must have been reset.
func (x *lexer) entry(e *Entry) {
	if !x.open('{') {
		return
	}
	for x.more('}') {
		key := x.key()
		if x.identity(key, e) || x.route(key, e) || x.usage(key, &e.Usage) || x.result(key, e) || x.cost(key, e) {
			continue
		}
		x.skip(0)
	}
}

// identity reads the members that say who asked.
func (x *lexer) identity(key []byte, e *Entry) bool {
	switch string(key) {
	case "request_id":
		e.RequestID = x.text()
	case "started_at":
		e.StartedAt = x.time()
	case "ended_at":
		e.EndedAt = x.time()
	case "source":
		e.Source = x.name()
	case "generation":
		e.Generation = uint64(x.int())
	case "host_name":
		e.HostName = x.name()
	case "gateway_version":
		e.GatewayVersion = x.name()
	case "session_id":
		e.SessionID = x.name()
	case "agent_id":
		e.AgentID = x.name()
	case "parent_agent_id":
		e.ParentAgentID = x.name()
	case "client_name":
		e.ClientName = x.name()
	case "client_version":
		e.ClientVersion = x.name()
	case "request_class":
		e.RequestClass = x.name()
	case "prompt_id":
		e.PromptID = x.text()
	case "project":
		e.Project = x.name()
	case "cwd":
		e.Cwd = x.name()
	case "git_branch":
		e.GitBranch = x.name()
	case "tags":
		x.tags(e)
	default:
		return false
	}
	return true
}

// route reads the members that say who answered.
func (x *lexer) route(key []byte, e *Entry) bool {
	switch string(key) {
	case "profile":
		e.Profile = x.name()
	case "provider":
		e.Provider = x.name()
	case "server_address":
		e.ServerAddress = x.name()
	case "route_reason":
		e.RouteReason = x.name()
	case "operation":
		e.Operation = x.name()
	case "request_model":
		e.RequestModel = x.name()
	case "upstream_model":
		e.UpstreamModel = x.name()
	case "response_model":
		e.ResponseModel = x.name()
	case "response_id":
		e.ResponseID = x.text()
	case "upstream_request_id":
		e.UpstreamRequestID = x.text()
	case "stop_reason":
		e.StopReason = x.name()
	case "service_tier":
		e.ServiceTier = x.name()
	case "speed":
		e.Speed = x.name()
	case "inference_geo":
		e.InferenceGeo = x.name()
	case "stream":
		e.Stream = x.bool()
	case "max_tokens":
		e.MaxTokens = x.count()
	case "attempts":
		x.attempts(e)
	case "iterations":
		x.iterations(e)
	case "retry_of":
		e.RetryOf = x.text()
	case "retry_count":
		e.RetryCount = x.count()
	default:
		return false
	}
	return true
}

func (x *lexer) usage(key []byte, u *stream.Usage) bool {
	switch string(key) {
	case "input_tokens":
		u.Input = x.count()
	case "cache_read_tokens":
		u.CacheRead = x.count()
	case "cache_write_tokens":
		u.CacheWrite = x.count()
	case "cache_write_5m_tokens":
		u.CacheWrite5m = x.count()
	case "cache_write_1h_tokens":
		u.CacheWrite1h = x.count()
	case "output_tokens":
		u.Output = x.count()
	case "reasoning_tokens":
		u.Reasoning = x.count()
	case "web_search_requests":
		u.WebSearches = x.count()
	default:
		return false
	}
	return true
}

// result reads the members that say how it went.
func (x *lexer) result(key []byte, e *Entry) bool {
	switch string(key) {
	case "http_status":
		e.HTTPStatus = int(x.int())
	case "outcome":
		e.Outcome = x.name()
	case "error_type":
		e.ErrorType = x.name()
	case "error_message":
		e.ErrorMessage = x.text()
	case "usage_source":
		e.UsageSource = x.name()
	case "usage_notes":
		e.UsageNotes = x.texts(e.UsageNotes)
	case "translation_notes":
		e.TranslationNotes = x.texts(e.TranslationNotes)
	case "usage_raw":
		e.UsageRaw = append(e.UsageRaw[:0], x.raw()...)
	case "prompt_tokens":
		e.PromptTokens = x.count()
	case "overhead_us":
		e.OverheadUS = x.count()
	case "ttfb_ms":
		e.TTFBMS = x.count()
	case "ttft_ms":
		e.TTFTMS = x.count()
	case "duration_ms":
		e.DurationMS = x.count()
	case "longest_gap_ms":
		e.LongestGapMS = x.count()
	case "request_bytes":
		e.RequestBytes = x.count()
	case "response_bytes":
		e.ResponseBytes = x.count()
	default:
		return false
	}
	return true
}

// cost reads the members about money and limits.
func (x *lexer) cost(key []byte, e *Entry) bool {
	switch string(key) {
	case "price_id":
		e.PriceID = x.name()
	case "cost_input_usd":
		e.CostInput = x.money()
	case "cost_cache_read_usd":
		e.CostCacheRead = x.money()
	case "cost_cache_write_usd":
		e.CostCacheWrite = x.money()
	case "cost_output_usd":
		e.CostOutput = x.money()
	case "cost_other_usd":
		e.CostOther = x.money()
	case "cost_list_usd":
		e.CostList = x.money()
	case "cost_usd":
		e.Cost = x.money()
	case "cost_uncached_usd":
		e.CostUncached = x.money()
	case "rl_5h_used":
		e.RL5hUsed = x.share()
	case "rl_5h_reset_at":
		e.RL5hResetAt = x.time()
	case "rl_7d_used":
		e.RL7dUsed = x.share()
	case "rl_7d_reset_at":
		e.RL7dResetAt = x.time()
	default:
		return false
	}
	return true
}
