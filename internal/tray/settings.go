package tray

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"
)

// Settings are what the user chose in the menu.
type Settings struct {
	Language string `json:"language,omitempty"` // "" = that of the system
	Paused   bool   `json:"paused,omitempty"`   // no notices
}

// maxSettings bounds what is read, in bytes.
const maxSettings = 64 << 10

// load reads the settings; without a file, or with one that cannot be read, they are the default.
func load(file string) Settings {
	var s Settings
	if st, err := os.Stat(file); err != nil || st.Size() > maxSettings {
		return s
	}
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &s) != nil {
		return Settings{}
	}
	return s
}

// save keeps the settings; the directory must be there unless they are the default.
func (s Settings) save(file string) error {
	if s == (Settings{}) {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep the tray's settings: %w", err)
		}
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(file, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the tray's settings: %w", err)
	}
	return nil
}
