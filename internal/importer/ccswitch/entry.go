package ccswitch

import (
	"strings"
	"time"

	"prism/internal/importer"
	"prism/internal/ledger"
	"prism/internal/sqlfile"
	"prism/internal/stream"
)

// What input_tokens of a row means, in column input_token_semantics. 0 is not known; then
// Claude Code's are Anthropic's way.
const inputIncludesCache = 1

// maxCount is more tokens than any request can have.
const maxCount = 1e12

// entry makes an entry of a row, or counts why not.
func (l *Log) entry(r sqlfile.Row) *ledger.Entry {
	seconds, ok := r.Int("created_at")
	id := r.Text("request_id")
	switch {
	case id == "":
		l.Skip(importer.SkipUnreadable)
		return nil
	case !strings.HasPrefix(r.Text("app_type"), "claude"):
		l.Skip(importer.SkipOtherApp)
		return nil
	case !ok || seconds <= 0:
		l.Skip(importer.SkipNoSuchTime)
		return nil
	}
	e := &ledger.Entry{}
	l.opt.Begin(e, importer.SourceCCSwitch, id)
	l.times(e, r, instant(seconds))
	if !l.opt.Within(e.StartedAt) {
		l.Skip(importer.SkipTime)
		return nil
	}
	if !l.usage(e, r) {
		return nil
	}
	if e.Profile == "" {
		e.Profile = l.names[r.Text("app_type")+"\n"+r.Text("provider_id")]
	}
	e.SessionID, e.ResponseID = r.Text("session_id"), messageOf(id)
	e.RequestModel, e.ResponseModel = r.Text("request_model"), r.Text("model")
	if e.RequestModel == "" {
		e.RequestModel = e.ResponseModel
	}
	streams, _ := r.Int("is_streaming")
	e.Stream, e.ClientName = streams != 0, "claude-cli"
	l.opt.End(e)
	return e
}

// instant reads seconds, or milliseconds, since 1970.
func instant(n int64) time.Time {
	const inTheYear5138 = 1e11
	if n > inTheYear5138 {
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

// times fills in when it was and how long it took. The log writes a row when the answer has
// ended.
func (l *Log) times(e *ledger.Entry, r sqlfile.Row, ended time.Time) {
	e.EndedAt, e.StartedAt = ended, ended
	took, known := r.Int("duration_ms")
	if !known || took <= 0 {
		took, known = r.Int("latency_ms")
	}
	const week = 7 * 24 * 3600 * 1000
	if known && took >= 0 && took < week {
		e.StartedAt = ended.Add(-time.Duration(took) * time.Millisecond)
		e.DurationMS = stream.Count(took)
	}
	if first, known := r.Int("first_token_ms"); known && first >= 0 && first < week {
		e.TTFTMS = stream.Count(first)
	}
}

// usage fills in the tokens and the outcome, or counts why it cannot.
func (l *Log) usage(e *ledger.Entry, r sqlfile.Row) bool {
	input, _ := r.Int("input_tokens")
	output, _ := r.Int("output_tokens")
	read, _ := r.Int("cache_read_tokens")
	write, _ := r.Int("cache_creation_tokens")
	if min(input, output, read, write) < 0 || max(input, output, read, write) > maxCount {
		l.Skip(importer.SkipUnreadable)
		return false
	}
	status, known := r.Int("status_code")
	if known && status > 0 && status < 1000 {
		e.HTTPStatus = int(status)
	}
	switch {
	case known && status >= 400:
		e.Outcome = ledger.OutcomeError
	case known:
		e.Outcome = ledger.OutcomeOK
	}
	if input+output+read+write == 0 {
		if e.Outcome != ledger.OutcomeError {
			l.Skip(importer.SkipNoUsage)
			return false
		}
		return true // an error, from which nothing was billed
	}
	if semantics, _ := r.Int("input_token_semantics"); semantics == inputIncludesCache && read+write > 0 {
		input = max(input-read-write, 0)
		e.UsageNotes = append(e.UsageNotes, "cache_subtracted")
	}
	e.Usage.Input, e.Usage.Output = stream.Count(input), stream.Count(output)
	e.Usage.CacheRead, e.Usage.CacheWrite = stream.Count(read), stream.Count(write)
	e.Usage.CacheWrite5m, e.Usage.CacheWrite1h = stream.Count(write), 0
	if write > 0 {
		e.UsageNotes = append(e.UsageNotes, stream.NoteTTLAssumed)
	}
	e.UsageSource = ledger.UsageFinal
	return true
}

// messageOf finds the provider's id of the message in the id of a row: session:ID. An id with
// more parts is of another protocol, or was made because the provider used one twice.
func messageOf(id string) string {
	message, ok := strings.CutPrefix(id, "session:")
	if !ok || strings.Contains(message, ":") {
		return ""
	}
	return message
}
