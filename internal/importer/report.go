package importer

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// Notes on the usage of rows that were made of sums.
const (
	NoteAggregate   = "aggregate"    // the row stands for several requests
	NoteTierUnknown = "tier_unknown" // no price: it depends on how long the single prompts were
)

// maxSum is more tokens than anybody uses in a day.
const maxSum = 1e15

// TagReport is the tag that says which report of ccusage a row comes from.
const TagReport = "report"

// ReportOptions are those of a report of ccusage.
type ReportOptions struct {
	Options
	Location *time.Location // in which the report's days begin; nil = UTC
}

// Report reads what ccusage prints with --json: daily, session or blocks. It makes one entry for
// each of these and each model.
type Report struct {
	Tally

	opt  ReportOptions
	path string
	size int64
}

// OpenReport looks for a report. Nothing is read yet.
func OpenReport(path string, opt ReportOptions) (*Report, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open report: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("open report %s: not a regular file", path)
	}
	opt.Options = opt.WithDefaults()
	if opt.Location == nil {
		opt.Location = time.UTC
	}
	return &Report{opt: opt, path: path, size: st.Size()}, nil
}

// Size is the length of the file.
func (r *Report) Size() int64 { return r.size }

// ErrNoReport means that a file holds none of the lists that are known, or is no JSON.
var ErrNoReport = errors.New(`no report of ccusage: there is neither a "daily", a "session" nor a "blocks" list in it`)

// Each calls fn with an entry for every part of the report; fn may keep it.
func (r *Report) Each(ctx context.Context, fn func(*ledger.Entry) error) error {
	in, err := os.Open(r.path)
	if err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	defer in.Close()
	r.Files++
	err = r.lists(ctx, bufio.NewReader(counted{in, r.opt.Progress}), fn)
	if _, broken := errors.AsType[*json.SyntaxError](err); broken || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	if err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	return nil
}

// lists goes through the members of the top level.
func (r *Report) lists(ctx context.Context, in io.Reader, fn func(*ledger.Entry) error) error {
	dec := json.NewDecoder(in)
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return cmp.Or(err, ErrNoReport)
	}
	known := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		kind := kindOf(name)
		if kind == "" {
			var other json.RawMessage
			if err := dec.Decode(&other); err != nil {
				return err
			}
			continue
		}
		known = true
		if err := r.list(ctx, dec, kind, fn); err != nil {
			return err
		}
	}
	if !known {
		return ErrNoReport
	}
	return nil
}

// kindOf names the report by its list; "" = not one that can be taken in. A month or a week is
// too coarse: nobody can say which of its days the ledger knows.
func kindOf(name json.Token) string {
	switch name {
	case "daily":
		return "daily"
	case "session", "sessions":
		return "session"
	case "blocks":
		return "blocks"
	}
	return ""
}

func (r *Report) list(ctx context.Context, dec *json.Decoder, kind string, fn func(*ledger.Entry) error) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return cmp.Or(err, fmt.Errorf("%w: %q is not a list", ErrNoReport, kind))
	}
	for dec.More() {
		if err := ctx.Err(); err != nil {
			return err
		}
		var p part
		err := dec.Decode(&p)
		if _, wrong := errors.AsType[*json.UnmarshalTypeError](err); wrong {
			r.Skip(SkipUnreadable)
			continue
		}
		if err != nil {
			return err
		}
		for _, p := range p.byAgent() {
			if err := r.part(kind, &p, fn); err != nil {
				return err
			}
		}
	}
	_, err := dec.Token()
	return err
}

// part is a day, a session or a window of a report.
type part struct {
	Agent  string `json:"agent"` // of a report over several clients; "" = Claude Code
	Agents []part `json:"agents"`

	Date         string `json:"date"`
	Period       string `json:"period"` // the date, in reports over several clients
	SessionID    string `json:"sessionId"`
	LastActivity string `json:"lastActivity"`
	ProjectPath  string `json:"projectPath"`
	StartTime    string `json:"startTime"`
	IsActive     bool   `json:"isActive"`
	IsGap        bool   `json:"isGap"`

	Models      []string `json:"models"`
	TokenCounts *counts  `json:"tokenCounts"` // of a window
	Breakdowns  []counts `json:"modelBreakdowns"`
}

// counts are tokens of one model. Windows name the cache counts differently.
type counts struct {
	ModelName     string `json:"modelName"`
	Input         int64  `json:"inputTokens"`
	Output        int64  `json:"outputTokens"`
	CacheCreation int64  `json:"cacheCreationTokens"`
	CacheRead     int64  `json:"cacheReadTokens"`
	WindowWrite   int64  `json:"cacheCreationInputTokens"`
	WindowRead    int64  `json:"cacheReadInputTokens"`
}

// byAgent takes a part over several clients apart.
func (p part) byAgent() []part {
	if len(p.Agents) == 0 {
		return []part{p}
	}
	for i := range p.Agents {
		if p.Agents[i].Date == "" {
			p.Agents[i].Date = p.when()
		}
	}
	return p.Agents
}

func (p *part) when() string {
	for _, s := range []string{p.Date, p.Period, p.StartTime, p.LastActivity} {
		if s != "" {
			return s
		}
	}
	return ""
}

// part makes the entries of one part, one for each model.
func (r *Report) part(kind string, p *part, fn func(*ledger.Entry) error) error {
	at, ends, ok := r.instant(p.when())
	switch {
	case p.IsGap:
		return nil
	case p.Agent != "" && p.Agent != "claude":
		r.Skip(SkipOtherApp)
		return nil
	case !ok:
		r.Skip(SkipNoSuchTime)
		return nil
	case p.IsActive || ends.After(r.opt.Now()):
		r.Skip(SkipUnfinished)
		return nil
	case !r.opt.Within(at):
		r.Skip(SkipTime)
		return nil
	}
	if p.TokenCounts != nil && len(p.Breakdowns) == 0 {
		if len(p.Models) != 1 {
			r.Skip(SkipAggregate)
			return nil
		}
		p.TokenCounts.ModelName = p.Models[0]
		p.Breakdowns = []counts{*p.TokenCounts}
	}
	if len(p.Breakdowns) == 0 {
		r.Skip(SkipAggregate)
	}
	for i := range p.Breakdowns {
		e := r.entry(kind, p, &p.Breakdowns[i], at)
		if e == nil {
			continue
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// instant reads a day, of which it takes the noon, or a time. ends is when the day is over.
func (r *Report) instant(s string) (at, ends time.Time, ok bool) {
	if day, err := time.ParseInLocation(time.DateOnly, s, r.opt.Location); err == nil {
		return day.Add(12 * time.Hour), day.AddDate(0, 0, 1), true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, t, true
	}
	return at, ends, false
}

// entry makes the entry of one model, or nil.
func (r *Report) entry(kind string, p *part, c *counts, at time.Time) *ledger.Entry {
	write, read := c.CacheCreation+c.WindowWrite, c.CacheRead+c.WindowRead
	switch {
	case c.ModelName == modelSynthetic:
		r.Skip(SkipSynthetic)
		return nil
	case c.ModelName == "" || min(c.Input, c.Output, write, read) < 0 || max(c.Input, c.Output, write, read) > maxSum:
		r.Skip(SkipUnreadable)
		return nil
	case c.Input+c.Output+write+read == 0:
		r.Skip(SkipNoUsage)
		return nil
	}
	e := &ledger.Entry{}
	r.opt.Begin(e, SourceCCUsage, strings.Join([]string{kind, p.when(), p.SessionID, p.ProjectPath, c.ModelName}, "\n"))
	e.StartedAt, e.SessionID = at, p.SessionID
	e.RequestModel, e.ResponseModel = c.ModelName, c.ModelName
	e.Tags = map[string]string{TagReport: kind}
	if r.opt.Places {
		e.Project = r.opt.ProjectOf(p.ProjectPath)
	}
	e.Usage = stream.NoUsage()
	e.Usage.Input, e.Usage.Output = stream.Count(c.Input), stream.Count(c.Output)
	e.Usage.CacheRead, e.Usage.CacheWrite = stream.Count(read), stream.Count(write)
	e.Usage.CacheWrite5m, e.Usage.CacheWrite1h = stream.Count(write), 0
	e.UsageSource, e.UsageNotes = ledger.UsageFinal, []string{NoteAggregate}
	if write > 0 {
		e.UsageNotes = append(e.UsageNotes, stream.NoteTTLAssumed)
	}
	r.opt.End(e)
	r.Entries++
	return e
}
