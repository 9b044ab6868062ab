package admin

import (
	"encoding/json"

	"prism/config"
)

// problem is a [config.Problem] on the wire. The config package only writes JSON; a client
// has to read it back whole, the excerpt included.
type problem struct {
	Severity config.Severity `json:"severity"`
	Code     string          `json:"code"`
	Message  string          `json:"message"`
	Fix      string          `json:"fix,omitempty"`
	At       Position        `json:"at"`
	Excerpt  string          `json:"excerpt,omitempty"`
}

func wire(ps []config.Problem) []problem {
	out := make([]problem, 0, len(ps))
	for _, p := range ps {
		out = append(out, problem{p.Severity, p.Code, p.Message, p.Fix, Position{p.File, p.Line, p.Column, p.Path}, p.Excerpt})
	}
	return out
}

func unwire(ps []problem) []config.Problem {
	out := make([]config.Problem, 0, len(ps))
	for _, p := range ps {
		out = append(out, config.Problem{
			Severity: p.Severity, Code: p.Code, File: p.At.File, Line: p.At.Line, Column: p.At.Column,
			Path: p.At.Path, Message: p.Message, Fix: p.Fix, Excerpt: p.Excerpt,
		})
	}
	return out
}

// The plain types have the fields without the methods; the outer field hides the inner one.
type (
	plainVerdict    Verdict
	plainFileStatus FileStatus
	wireVerdict     struct {
		plainVerdict
		Problems []problem `json:"problems"`
	}
	wireFileStatus struct {
		plainFileStatus
		Problems []problem `json:"problems"`
	}
)

// MarshalJSON writes the problems with their place under "at".
func (v Verdict) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireVerdict{plainVerdict(v), wire(v.Problems)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Verdict) UnmarshalJSON(b []byte) error {
	var w wireVerdict
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*v = Verdict(w.plainVerdict)
	v.Problems = unwire(w.Problems)
	return nil
}

// MarshalJSON writes the problems with their place under "at".
func (f FileStatus) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireFileStatus{plainFileStatus(f), wire(f.Problems)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *FileStatus) UnmarshalJSON(b []byte) error {
	var w wireFileStatus
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*f = FileStatus(w.plainFileStatus)
	f.Problems = unwire(w.Problems)
	return nil
}
