package importer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

const (
	// maxOpen is how many messages of a file are kept open. The lines of one message stand
	// together, but for what sub-agents and tools write in between.
	maxOpen = 256
	// settling is how long after its last line a message without a stop reason may still get
	// another one.
	settling = 10 * time.Minute
	// fresh is how long a message is left alone in any case: what passes through the gateway is
	// in the transcript a moment before it is in the ledger, and would be taken for new.
	fresh = time.Minute
	// progressStep is how many bytes are read before anybody is told.
	progressStep = 1 << 20
)

// session is the state of reading one transcript.
type session struct {
	t     *Transcripts
	fn    func(*ledger.Entry) error
	path  string
	open  map[string]*message
	order []string             // keys of open, oldest first
	asked map[string]time.Time // when requests were made whose answer has not been seen
	told  int64                // bytes that Progress knows of
}

// message is one answer of the model. The client writes a line for each block of it, and every
// line carries the usage.
type message struct {
	entry   ledger.Entry
	stopped bool // a line with a stop reason was seen
}

// line is what matters of a line of a transcript.
type line struct {
	Type                 string          `json:"type"`
	ID                   string          `json:"id"` // of a request
	UUID                 string          `json:"uuid"`
	Timestamp            time.Time       `json:"timestamp"`
	SessionID            string          `json:"sessionId"`
	AgentID              string          `json:"agentId"`
	IsSidechain          bool            `json:"isSidechain"`
	Cwd                  string          `json:"cwd"`
	GitBranch            string          `json:"gitBranch"`
	Version              string          `json:"version"`
	RequestID            string          `json:"requestId"`
	RequestRef           string          `json:"requestRef"` // the id of its request
	RequestedModel       string          `json:"requestedModel"`
	PromptCacheRequested string          `json:"promptCacheRequested"` // 5m or 1h
	IsAPIErrorMessage    bool            `json:"isApiErrorMessage"`
	Message              json.RawMessage `json:"message"`
}

// modelSynthetic is the model of what the client says itself, such as an error of the API.
const modelSynthetic = "<synthetic>"

func (s *session) read(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, whole, fit, err := s.t.lines.next()
		if errors.Is(err, io.EOF) {
			s.tell(0)
			return s.flush(0)
		}
		if err != nil {
			return err
		}
		s.tell(progressStep)
		switch {
		case !fit:
			s.t.Skip(SkipTooLong)
			continue
		case !matters(text):
			continue
		}
		if err := s.line(text, whole); err != nil {
			return err
		}
	}
}

// tell passes on how far the reading has come, in steps.
func (s *session) tell(step int64) {
	if n := s.t.lines.read - s.told; n > step {
		s.t.opt.Progress(n)
		s.told += n
	}
}

// matters sees from afar whether a line can be an answer or a request. Most lines of a
// transcript are neither, and the longest of them are what tools said.
func matters(text []byte) bool {
	return bytes.Contains(text, []byte(`"usage"`)) && bytes.Contains(text, []byte(`"assistant"`)) ||
		bytes.Contains(text, []byte(`"api-request"`))
}

func (s *session) line(text []byte, whole bool) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		if whole {
			s.t.Skip(SkipUnreadable)
		} else {
			s.t.Skip(SkipUnfinished) // the client is writing it
		}
		return nil
	}
	switch {
	case l.Type == "api-request" && l.ID != "":
		if len(s.asked) >= maxOpen { // answers that never came
			clear(s.asked)
		}
		s.asked[l.ID] = l.Timestamp
	case l.Type == "assistant" && len(l.Message) > 0:
		return s.answer(&l)
	}
	return nil
}

// answer takes in one block of an answer.
func (s *session) answer(l *line) error {
	m := &s.t.meter
	m.Reset(stream.KindJSON)
	m.SetTTL(l.PromptCacheRequested)
	_, _ = m.Write(l.Message) // never fails
	m.Finish()
	res := m.Result()
	switch {
	case l.IsAPIErrorMessage || res.Model == modelSynthetic:
		s.t.Skip(SkipSynthetic)
		return nil
	case res.Source == stream.SourceNone:
		s.t.Skip(SkipNoUsage)
		return nil
	case l.Timestamp.IsZero():
		s.t.Skip(SkipNoSuchTime)
		return nil
	}
	key := originalID(l, res.ID)
	was := s.open[key]
	if was == nil {
		if err := s.flush(maxOpen - 1); err != nil {
			return err
		}
		was = &message{}
		s.describe(&was.entry, l, key)
		s.open[key] = was
		s.order = append(s.order, key)
	}
	// The last line counts: earlier ones may have been written before the usage was final. A
	// line without a stop reason is such an earlier one, wherever it stands.
	if res.Complete || !was.stopped {
		was.take(res)
	}
	if l.Timestamp.After(was.entry.EndedAt) {
		was.entry.EndedAt = l.Timestamp
	}
	return nil
}

// originalID is what a message is known by: the provider's id of it, and that of the request,
// because there are providers that use the former twice. A message without any is known by its
// line.
func originalID(l *line, id string) string {
	request := cmp.Or(l.RequestID, l.RequestRef)
	if id == "" && request == "" {
		return "line " + l.UUID
	}
	return id + " " + request
}

// describe fills in what the first line of a message says.
func (s *session) describe(e *ledger.Entry, l *line, key string) {
	o := &s.t.opt
	o.Begin(e, SourceTranscripts, key)
	e.StartedAt, e.EndedAt = l.Timestamp, l.Timestamp
	if at, ok := s.asked[l.RequestRef]; ok && !at.IsZero() && !at.After(l.Timestamp) {
		e.StartedAt = at
	}
	delete(s.asked, l.RequestRef)
	e.SessionID, e.AgentID = l.SessionID, l.AgentID
	if l.IsSidechain || l.AgentID != "" {
		e.RequestClass = "subagent"
	}
	e.ClientName, e.ClientVersion = "claude-cli", l.Version
	e.RequestModel, e.UpstreamRequestID = l.RequestedModel, l.RequestID
	e.Stream, e.HTTPStatus = true, 200
	if o.Places {
		e.Cwd, e.Project, e.GitBranch = l.Cwd, o.ProjectOf(l.Cwd), branchOf(l.GitBranch)
	}
}

// take takes over what the meter read.
func (m *message) take(res *stream.Result) {
	e := &m.entry
	e.Usage, e.UsageSource = res.Usage, res.Source
	e.ResponseID, e.ResponseModel, e.StopReason = res.ID, res.Model, res.StopReason
	if e.RequestModel == "" {
		e.RequestModel = res.Model
	}
	e.ServiceTier, e.Speed, e.InferenceGeo = res.ServiceTier, res.Speed, res.InferenceGeo
	e.UsageNotes = append(e.UsageNotes[:0], res.Notes...)
	e.UsageRaw = append(e.UsageRaw[:0], res.Raw...)
	e.Iterations = e.Iterations[:0]
	for _, it := range res.Iterations {
		e.Iterations = append(e.Iterations, ledger.Iteration{Type: it.Type, Model: it.Model, Usage: it.Usage, CostList: ledger.NoMoney})
	}
	if m.stopped = m.stopped || res.Complete; m.stopped {
		e.Outcome = ledger.OutcomeOK
	}
}

// flush hands out the oldest messages until at most keep are open.
func (s *session) flush(keep int) error {
	for len(s.order) > keep {
		key := s.order[0]
		s.order = s.order[1:]
		m := s.open[key]
		delete(s.open, key)
		age := s.t.opt.Now().Sub(m.entry.EndedAt)
		if age < fresh || !m.stopped && age < settling {
			s.t.Skip(SkipUnfinished)
			continue
		}
		pass := s.t.part
		if m.stopped {
			pass = s.t.whole
		}
		if err := pass(&m.entry, s.fn); err != nil {
			return err
		}
	}
	return nil
}
