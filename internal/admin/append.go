package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"prism/internal/ledger"
)

// Recorder puts records that others made into the journal.
type Recorder interface {
	Close(e *ledger.Entry) error
	Correct(c *ledger.Correction) error
}

// AppendResult counts what was appended.
type AppendResult struct {
	Entries     int `json:"entries"`
	Corrections int `json:"corrections"`
}

// Appended is one line of what [Client.Append] sends: an entry or a correction, and which.
type Appended struct {
	Kind       ledger.Kind        `json:"kind"` // close or correction
	Entry      *ledger.Entry      `json:"entry,omitempty"`
	Correction *ledger.Correction `json:"correction,omitempty"`
}

// maxAppended bounds a line of records, in bytes; no entry comes near it.
const maxAppended = 1 << 20

// ImportPrefix begins the source of every entry that did not pass through the gateway.
const ImportPrefix = "import:"

// AppendLine appends one line of records to dst.
func AppendLine(dst []byte, v ledger.Appendable) ([]byte, error) {
	var kind ledger.Kind
	member := "entry"
	switch v.(type) {
	case *ledger.Entry:
		kind = ledger.KindClose
	case *ledger.Correction:
		kind, member = ledger.KindCorrection, "correction"
	default:
		return dst, fmt.Errorf("a %T is no record that can be appended", v)
	}
	dst = append(dst, `{"kind":"`...)
	dst = append(dst, kind...)
	dst = append(dst, `","`...)
	dst = append(dst, member...)
	dst = append(dst, `":`...)
	dst = v.AppendJSON(dst)
	return append(dst, '}', '\n'), nil
}

// Append sends records to the gateway, which writes them to its journal as they come; r holds
// lines made by [AppendLine]. What came before an error is written. The call lasts as long as
// r does, or until ctx ends.
func (c *Client) Append(ctx context.Context, r io.Reader) (AppendResult, error) {
	var res AppendResult
	resp, err := c.do(ctx, request{http.MethodPost, "/v1/append", r})
	if err != nil {
		return res, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(&res); err != nil {
		return res, fmt.Errorf("read the answer of the gateway: %w", err)
	}
	return res, nil
}

// append writes the records of the body to the journal, one by one.
func (s *server) append(w http.ResponseWriter, r *http.Request) {
	if s.recorder == nil {
		reply(w, nil, &Error{Code: CodeNotFound, Message: "nothing can be appended here"})
		return
	}
	res, err := appendAll(s.recorder, r.Body)
	if err != nil {
		// Who is still sending would otherwise see a broken pipe in place of the reason.
		_, _ = io.Copy(io.Discard, r.Body)
	}
	reply(w, res, err)
}

func appendAll(to Recorder, body io.Reader) (AppendResult, error) {
	var res AppendResult
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxAppended)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := appendOne(to, lines.Bytes(), &res); err != nil {
			if e, known := errors.AsType[*Error](err); known {
				e.Message = fmt.Sprintf("record %d: %s", n, e.Message)
				return res, e
			}
			return res, fmt.Errorf("record %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return res, fmt.Errorf("read the records behind number %d: %w", res.Entries+res.Corrections, err)
	}
	return res, nil
}

func appendOne(to Recorder, line []byte, res *AppendResult) error {
	var v Appended
	if err := json.Unmarshal(line, &v); err != nil {
		return &Error{Code: CodeUsage, Message: fmt.Sprintf("not a record: %v", err)}
	}
	switch {
	case v.Kind == ledger.KindClose && v.Entry != nil:
		if err := CheckImported(v.Entry); err != nil {
			return err
		}
		res.Entries++
		return to.Close(v.Entry)
	case v.Kind == ledger.KindCorrection && v.Correction != nil:
		if v.Correction.RequestID == "" {
			return &Error{Code: CodeUsage, Message: "a correction without a request_id"}
		}
		res.Corrections++
		return to.Correct(v.Correction)
	}
	return &Error{Code: CodeUsage, Message: fmt.Sprintf("a record of kind %q cannot be appended", v.Kind)}
}

// CheckImported refuses an entry that could be taken for one that the gateway served itself,
// or that has no place in the ledger.
func CheckImported(e *ledger.Entry) error {
	switch {
	case e.RequestID == "":
		return &Error{Code: CodeUsage, Message: "an entry without a request_id"}
	case !strings.HasPrefix(e.Source, ImportPrefix) || len(e.Source) == len(ImportPrefix):
		return &Error{Code: CodeUsage, Message: fmt.Sprintf("an entry of source %q; what is appended is marked import:NAME", e.Source)}
	case e.StartedAt.IsZero():
		return &Error{Code: CodeUsage, Message: "an entry without a started_at"}
	}
	return nil
}
