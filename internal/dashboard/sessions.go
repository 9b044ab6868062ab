package dashboard

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"time"

	"github.com/google/renameio/v2"
)

// load reads the sessions of an earlier run: a gateway that is restarted does not send everybody to
// the terminal. What cannot be read is forgotten, and whoever it was signs in again.
func (a *access) load() {
	if a.file == "" {
		return
	}
	text, err := os.ReadFile(a.file)
	if err != nil {
		return
	}
	var kept map[string]time.Time
	if json.Unmarshal(text, &kept) != nil {
		return
	}
	last := a.now().Add(sessionLife)
	for name, until := range kept {
		raw, err := hex.DecodeString(name)
		if err != nil || len(raw) != len(hash{}) || until.After(last) {
			continue
		}
		admit(a.sessions, hash(raw), until, maxSessions, a.now())
	}
}

// save needs a.mu. The file holds what a session is recognised by, not what it is: nobody can sign
// in with it. A disk that is full costs no more than the sessions after the next start.
func (a *access) save() {
	if a.file == "" {
		return
	}
	kept := make(map[string]time.Time, len(a.sessions))
	for key, until := range a.sessions {
		kept[hex.EncodeToString(key[:])] = until
	}
	if text, err := json.Marshal(kept); err == nil {
		_ = renameio.WriteFile(a.file, text, 0o600)
	}
}
