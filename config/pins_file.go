package config

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// pinsVersion is the version of the shape of the pins file.
const pinsVersion = 1

// maxPins bounds the file; a user has some dozens.
const maxPins = 10_000

// pinsFile is the shape of pins.json.
type pinsFile struct {
	Version int    `json:"version"`
	Salt    string `json:"salt"` // base64
	Pins    []Pin  `json:"pins"`
}

// refresh reads the file if it is not the one that was read or written last.
func (p *Pins) refresh() error {
	state, err := Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if p.salt == nil {
			p.salt = make([]byte, 32)
			_, _ = rand.Read(p.salt) // never fails
		}
		p.state, p.pins = FileState{}, nil
		return nil
	case err != nil:
		return fmt.Errorf("open pins: %w", err)
	case p.salt != nil && state == p.state:
		return nil
	}
	if info, err := os.Lstat(p.path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fileProblem(p.path, "the pins are a symbolic link", "rm "+p.path)
	}
	data, state, err := ReadFile(p.path)
	if err != nil {
		return fmt.Errorf("open pins: %w", err)
	}
	if !privateMode(state.Mode) {
		return fileProblem(p.path, "other users can read the pins", "chmod 600 "+p.path)
	}
	file, salt, err := decodePins(data)
	if err != nil {
		return fileProblem(p.path, "the pins cannot be read: "+err.Error(),
			"mv "+p.path+" "+p.path+".bad, check every base_url, then prism reload")
	}
	p.state, p.salt, p.pins = state, salt, file.Pins
	return nil
}

func decodePins(data []byte) (pinsFile, []byte, error) {
	var file pinsFile
	if err := json.Unmarshal(data, &file); err != nil {
		return file, nil, errors.New("not JSON of the expected shape")
	}
	salt, err := base64.StdEncoding.DecodeString(file.Salt)
	switch {
	case file.Version != pinsVersion:
		return file, nil, fmt.Errorf("version %d is not known", file.Version)
	case err != nil || len(salt) < 16:
		return file, nil, errors.New("the salt is missing")
	}
	return file, salt, nil
}

func (p *Pins) save() error {
	if len(p.pins) > maxPins {
		return fmt.Errorf("more than %d pins", maxPins)
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return err
	}
	data, err := json.MarshalIndent(pinsFile{Version: pinsVersion, Salt: base64.StdEncoding.EncodeToString(p.salt), Pins: p.pins}, "", "  ")
	if err != nil {
		return err
	}
	if err := WriteFileAtomic(p.path, append(data, '\n'), p.state); err != nil {
		return err
	}
	p.state, err = Stat(p.path)
	return err
}
