package spend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"prism/internal/ledger"
)

// fileVersion changes with the shape of the file. One of another version is made again.
const fileVersion = 1

// saved is the file: a checksum on the first line, and this as JSON on the second.
type saved struct {
	Version  int                 `json:"version"`
	SavedAt  time.Time           `json:"saved_at"`
	Mark     ledger.Watermark    `json:"watermark"`
	Watched  []string            `json:"watched"`
	Accounts []savedAccount      `json:"accounts"`
	Sessions []*Session          `json:"sessions"`
	Firings  []savedFiring       `json:"firings"`
	Alerts   []ledger.AlertEvent `json:"alerts"`
}

type savedAccount struct {
	Kind string    `json:"kind"`
	Name string    `json:"name,omitempty"`
	Per  Period    `json:"per"`
	From time.Time `json:"from"`
	Sum  Sum       `json:"sum"`
}

type savedFiring struct {
	Name     string       `json:"name"`
	Scope    string       `json:"scope"`
	Per      Period       `json:"per"`
	Start    time.Time    `json:"start"`
	Limit    ledger.Money `json:"limit"`
	Warned   bool         `json:"warned,omitempty"`
	Reached  bool         `json:"reached,omitempty"`
	Blocked  bool         `json:"blocked,omitempty"`
	Fallback bool         `json:"fallback,omitempty"`
}

// save replaces the file.
func (s *sheet) save(path string, now time.Time) error {
	v := saved{Version: fileVersion, SavedAt: now, Mark: s.mark, Watched: names(s.watched)}
	for of, a := range s.accounts {
		for i, p := range periods() {
			if w := a[i]; w.start.Equal(s.spans[i].start) {
				v.Accounts = append(v.Accounts, savedAccount{of.Kind, of.Name, p, w.start, w.sum})
			}
		}
	}
	from := s.horizon(now)
	for _, x := range s.sessions {
		if x.Last.After(from) {
			v.Sessions = append(v.Sessions, x)
		}
	}
	for key, f := range s.firings {
		if f.start.Equal(s.span(key.per).start) || f.reached {
			v.Firings = append(v.Firings, savedFiring{key.name, key.scope, key.per, f.start, f.limit, f.warned, f.reached, f.blocked, f.fallback})
		}
	}
	for _, ev := range s.alerts {
		v.Alerts = append(v.Alerts, ev)
	}
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keep the sums: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep the sums: %w", err)
	}
	text := append(fmt.Appendf(nil, "%08x\n", checksum(body)), body...)
	if err := renameio.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the sums: %w", err)
	}
	return nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func names(scopes []Scope) []string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = s.String()
	}
	return out
}

// load reads the file. It is of no use where it is missing or damaged, lacks a scope that is
// watched now, or was made where days have other borders.
func load(path string, watched []Scope, now time.Time) (*sheet, bool) {
	v, ok := parse(path)
	if !ok || v.SavedAt.After(now) {
		return nil, false
	}
	for _, name := range names(watched) {
		if !slices.Contains(v.Watched, name) {
			return nil, false
		}
	}
	s := newSheet(watched, now)
	s.mark = v.Mark
	for _, a := range v.Accounts {
		i := slices.Index(allPeriods(), a.Per)
		if i < 0 {
			return nil, false
		}
		switch start := s.spans[i].start; {
		case a.From.Equal(start):
			s.account(Scope{a.Kind, a.Name})[i] = window{start, a.Sum}
		case !v.SavedAt.Before(start):
			return nil, false
		}
	}
	for _, x := range v.Sessions {
		s.sessions[x.ID] = x
	}
	for _, f := range v.Firings {
		s.firings[firingKey{f.Name, f.Scope, f.Per}] = firing{f.Start, f.Limit, f.Warned, f.Reached, f.Blocked, f.Fallback}
	}
	for _, ev := range v.Alerts {
		s.alerts[ev.Name] = ev
	}
	return s, true
}

// maxFile bounds what is read of the file; 4,096 sessions are some megabytes.
const maxFile = 64 << 20

// read returns the text of a file that ends: a pipe, or a device, would make the reader wait.
func read(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrInvalid
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

func parse(path string) (saved, bool) {
	var v saved
	text, err := read(path)
	if err != nil {
		return v, false
	}
	sum, body, found := bytes.Cut(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'})
	if !found || string(sum) != fmt.Sprintf("%08x", checksum(body)) || json.Unmarshal(body, &v) != nil {
		return v, false
	}
	return v, v.Version == fileVersion && !slices.Contains(v.Sessions, nil)
}
