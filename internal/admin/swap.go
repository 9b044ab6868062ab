package admin

import (
	"encoding/json"
	"time"
)

// Swap is a reload that changed the routes, or was refused: what came of it, and when.
type Swap struct {
	At time.Time
	Verdict
}

type wireSwap struct {
	At time.Time `json:"at"`
	wireVerdict
}

// MarshalJSON writes the fields of the verdict beside the time.
func (s Swap) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireSwap{s.At, wireVerdict{plainVerdict(s.Verdict), wire(s.Problems)}})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Swap) UnmarshalJSON(b []byte) error {
	var w wireSwap
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	s.At, s.Verdict = w.At, Verdict(w.plainVerdict)
	s.Problems = unwire(w.Problems)
	return nil
}
