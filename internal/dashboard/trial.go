package dashboard

import (
	"fmt"
	"net/http"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/trial"
)

const (
	// maxTrials bounds the trials under way: each has connections of its own.
	maxTrials = 2

	// trialWithin is how long a trial may take, less than an answer of this port may.
	trialWithin = 20 * time.Second
)

type trialRequest struct {
	Profile string `json:"profile"`
}

// trialReply is what came of a trial. Of a profile with several keys the first one that fails gives
// the verdict.
type trialReply struct {
	Profile string       `json:"profile"`
	OK      bool         `json:"ok"`
	Verdict string       `json:"verdict"` // a few words for a person
	Fix     string       `json:"fix,omitempty"`
	Step    string       `json:"step"` // where it ended
	Status  int          `json:"status,omitempty"`
	Steps   []trialStep  `json:"steps"`
	Error   *admin.Error `json:"error"`
}

type trialStep struct {
	Key string `json:"key,omitempty"` // its name, where the profile has several
	trial.Step
}

// try asks the provider of a profile with each of its keys, for a count of tokens where that tells
// something and for one word elsewhere. It leaves no row in the ledger, and says nothing about the
// health of the profile, which requests alone decide.
func (s *Server) try(w http.ResponseWriter, r *http.Request) {
	var q trialRequest
	if err := decode(r, &q); err != nil {
		s.reply(w, nil, err)
		return
	}
	var p *config.Profile
	if live := s.opt.Profiles(); live != nil {
		p = live.Profile(q.Profile)
	}
	if p == nil {
		s.reply(w, nil, &admin.Error{Code: admin.CodeNotFound, Message: fmt.Sprintf("no profile is named %q", q.Profile), Fix: "prism profiles list"})
		return
	}
	select {
	case s.trials <- struct{}{}:
		defer func() { <-s.trials }()
	default:
		s.reply(w, nil, &admin.Error{Code: codeBusy, Message: "other profiles are being tried", Fix: "try again in a few seconds"})
		return
	}
	results := trial.Ask(r.Context(), p, trial.Options{Free: true, Within: trialWithin, Agent: "prism/" + s.opt.Version, Clouds: s.opt.Clouds})
	s.reply(w, s.trialReply(p, results), nil)
}

// trialReply is what the page is told of the results, without any key: providers quote the one that
// they refuse.
func (s *Server) trialReply(p *config.Profile, results []trial.Result) trialReply {
	out := trialReply{Profile: p.Name, OK: true, Steps: []trialStep{}}
	for i := range results {
		t := &results[i]
		t.Redact(func(text string) string { return string(s.opt.Redact([]byte(text))) })
		for _, step := range t.Steps {
			out.Steps = append(out.Steps, trialStep{t.Key.Name, step})
		}
		if i > 0 && (t.OK || !out.OK) {
			continue
		}
		out.OK, out.Verdict, out.Fix, out.Step, out.Status = t.OK, t.What, t.Fix, t.Step, t.Status
		if !t.OK && t.Key.Name != "" {
			out.Verdict = t.Key.Name + ": " + t.What
		}
	}
	if !out.OK {
		out.Error = &admin.Error{Code: "unhealthy", Message: out.Verdict, Fix: out.Fix}
	}
	return out
}
