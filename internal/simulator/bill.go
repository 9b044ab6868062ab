package simulator

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Record is how much of every request the bill keeps.
type Record int

// What a bill keeps.
const (
	RecordAll    Record = iota // everything
	RecordHashes               // no copies of bodies
	RecordCount                // nothing but the number of requests: for load tests
)

// Ending is how a request ended, as the simulator sees it.
type Ending string

// The endings of a request.
const (
	EndComplete  Ending = "complete"  // the answer was sent as planned, to its end
	EndCut       Ending = "cut"       // the script ended it early
	EndCancelled Ending = "cancelled" // the client left, or the server was closed
)

// Where the usage of a bill comes from, in the words of the ledger.
const (
	SourceFinal   = "final"   // message_delta or a JSON body was sent
	SourcePartial = "partial" // message_start was sent, no final count
	SourceNone    = "none"    // no usage was sent
)

// Credential is a credential as it was received.
type Credential struct{ Kind, Value string }

// The kinds of credential.
const (
	KindAPIKey    = "x-api-key"
	KindBearer    = "bearer"
	KindAPIKeyAlt = "api-key"
)

// Write is one write of body bytes: how many were out after it, and when.
type Write struct {
	At    time.Time
	Total int64
}

// Billed is what the simulator knows of one request that reached it.
type Billed struct {
	Seq            int // from 1, in order of arrival
	Started, Ended time.Time
	Ending         Ending // "" while it runs

	Method, Path, Query, Host         string
	Operation                         string
	Dialect                           string      // see the Dialect constants
	Header                            http.Header // as received
	Credentials                       []Credential
	Key, KeyKind                      string // of the first credential
	SessionID, AgentID, ParentAgentID string
	Conn                              uint64 // number of the connection, from 1
	Reused                            bool   // the connection had served a request before
	Model                             string // that was asked for
	Stream                            bool   // a stream was asked for
	RequestBytes                      int64
	RequestSHA256                     [sha256.Size]byte
	RequestBody                       []byte

	Status         int    // 0 = no answer was begun
	RequestID      string // the request-id header that was sent
	MessageID      string
	ResponseModel  string // that served, after a fallback the one fallen back to
	StopReason     string // of the planned answer; said only if the source is final
	ErrorType      string
	Start          Usage  // what message_start said
	Usage          Usage  // all that was said, merged; Absent where nothing was
	Charged        Usage  // what is charged: with a final source all of it, said or not; else Usage
	Source         string // see the Source constants
	ResponseBytes  int64  // of the body, as handed to the connection, before chunking
	ResponseSHA256 [sha256.Size]byte
	ResponseBody   []byte
	Writes         []Write // with Options.Trace
}

// open begins the bill of a request.
func (s *Server) open(b *Billed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	b.Seq = s.seen
	if s.record == RecordCount {
		return
	}
	s.bills = append(s.bills, *b)
}

// close ends the bill of a request.
func (s *Server) close(b *Billed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if i := b.Seq - s.base - 1; i >= 0 && i < len(s.bills) {
		s.bills[i] = *b
		s.closed++
	}
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Bill returns a bill for every request that reached the simulator, in order of arrival. Those
// of requests that still run have no ending.
func (s *Server) Bill() []Billed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bills)
}

// Requests returns how many requests reached the simulator and how many of them have ended,
// whatever was recorded.
func (s *Server) Requests() (seen, ended int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen, s.done
}

// Denied returns how many requests came without the credential that is demanded, whatever was
// recorded. Each was answered with 401.
func (s *Server) Denied() int { return int(s.denied.Load()) }

// ClearBill forgets all bills. Numbers go on; requests that still run leave no bill.
func (s *Server) ClearBill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bills, s.base, s.closed = nil, s.seen, 0
}

// WaitBills waits until at least n bills have ended and returns all bills.
func (s *Server) WaitBills(ctx context.Context, n int) ([]Billed, error) {
	for {
		s.mu.Lock()
		if s.closed >= n {
			bills := slices.Clone(s.bills)
			s.mu.Unlock()
			return bills, nil
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed, have := s.changed, s.closed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %d bills, have %d: %w", n, have, ctx.Err())
		}
	}
}

// credentials returns the credentials a request carries.
func credentials(h http.Header) []Credential {
	var list []Credential
	if v := h.Get("X-Api-Key"); v != "" {
		list = append(list, Credential{KindAPIKey, v})
	}
	const bearer = "Bearer "
	if v := h.Get("Authorization"); len(v) > len(bearer) && http.CanonicalHeaderKey(v[:len(bearer)-1]) == "Bearer" {
		list = append(list, Credential{KindBearer, v[len(bearer):]})
	} else if v != "" {
		list = append(list, Credential{"authorization", v})
	}
	if v := h.Get("Api-Key"); v != "" {
		list = append(list, Credential{KindAPIKeyAlt, v})
	}
	return list
}
