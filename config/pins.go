package config

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// How a pin came to be.
const (
	PinFirstUse = "first_use" // the pair was seen for the first time
	PinTrusted  = "trusted"   // the user confirmed it
)

// pinsVersion is the version of the shape of the pins file.
const pinsVersion = 1

// maxPins bounds the file; a user has some dozens.
const maxPins = 10_000

// Pin is the remembered pair of a key and the origin it may be sent to.
type Pin struct {
	Key     string    `json:"key"`     // HMAC of the key; "" for a profile without one
	Origin  string    `json:"origin"`  // https://api.anthropic.com:443
	Profile string    `json:"profile"` // that had the pair when it was pinned
	How     string    `json:"how"`
	Since   time.Time `json:"since"`
}

// PinReport is what [Pins.Check] found.
type PinReport struct {
	New     []Pin    // pairs to announce; kept by [Pins.Commit]
	Refused Problems // pairs that must not be used
}

// Pins bind keys to the origins they were confirmed for, by HMAC with a salt of this machine:
// the file names no key. They stand behind the MAC of the sealed file, which covers neither
// the borders of lists nor, by default, the base URLs. Pins are safe for concurrent use, and
// notice when another process wrote the file.
type Pins struct {
	path string

	mu    sync.Mutex // guards the rest
	state FileState
	salt  []byte
	pins  []Pin
}

// pinsFile is the shape of pins.json.
type pinsFile struct {
	Version int    `json:"version"`
	Salt    string `json:"salt"` // base64
	Pins    []Pin  `json:"pins"`
}

// LoadPins reads the pins file. A file that does not exist is an empty set with a new salt;
// a damaged one is an error, because forgetting the pins would trust every host anew.
func LoadPins(path string) (*Pins, error) {
	p := &Pins{path: path}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refresh(); err != nil {
		return nil, err
	}
	return p, nil
}

// Check compares the profiles with the pins. A known key beside an origin it was not confirmed
// for is refused. A pair of a new key, or of no key, is new; with strict it is refused too if
// its origin was never seen. Nothing is kept before [Pins.Commit].
func (p *Pins) Check(profiles []Profile, strict bool) (PinReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refresh(); err != nil {
		return PinReport{}, err
	}
	var report PinReport
	for i := range profiles {
		pin := p.pinOf(&profiles[i], PinFirstUse)
		known, seen := p.origins(pin.Key), p.seen(pin.Origin)
		switch {
		case slices.Contains(known, pin.Origin) || slices.ContainsFunc(report.New, pin.same):
		case pin.Key != "" && len(known) > 0:
			report.Refused = append(report.Refused, mismatch(&profiles[i], known))
		case strict && !seen:
			report.Refused = append(report.Refused, waits(&profiles[i]))
		default:
			report.New = append(report.New, pin)
		}
	}
	return report, nil
}

// Commit keeps the new pins of a report.
func (p *Pins) Commit(report PinReport) error {
	if len(report.New) == 0 {
		return nil
	}
	return p.update(func() {
		for _, pin := range report.New {
			p.add(pin)
		}
	})
}

// Trust confirms the pair of the profile's key and origin; other origins of the key stay.
func (p *Pins) Trust(profile Profile) error {
	return p.update(func() { p.add(p.pinOf(&profile, PinTrusted)) })
}

// Revoke forgets the pairs that were pinned under a profile's name and returns how many.
func (p *Pins) Revoke(profile string) (int, error) {
	var n int
	err := p.update(func() {
		before := len(p.pins)
		p.pins = slices.DeleteFunc(p.pins, func(pin Pin) bool { return pin.Profile == profile })
		n = before - len(p.pins)
	})
	return n, err
}

// List returns the pins, oldest first.
func (p *Pins) List() []Pin {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.pins)
}

// Pinned tells whether the pair of the profile's key and origin is pinned, and how.
func (p *Pins) Pinned(profile Profile) (how string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	want := p.pinOf(&profile, "")
	for _, pin := range p.pins {
		if pin.same(want) {
			return pin.How, true
		}
	}
	return "", false
}

func (p Pin) same(other Pin) bool { return p.Key == other.Key && p.Origin == other.Origin }

func (p *Pins) pinOf(profile *Profile, how string) Pin {
	pin := Pin{Origin: profile.Origin(), Profile: profile.Name, How: how, Since: time.Now().UTC().Truncate(time.Second)}
	if !profile.APIKey.IsZero() {
		mac := hmac.New(sha256.New, p.salt)
		mac.Write([]byte(profile.APIKey.Reveal()))
		pin.Key = hex.EncodeToString(mac.Sum(nil))
	}
	return pin
}

func (p *Pins) origins(key string) []string {
	var out []string
	for _, pin := range p.pins {
		if pin.Key == key {
			out = append(out, pin.Origin)
		}
	}
	return out
}

func (p *Pins) seen(origin string) bool {
	return slices.ContainsFunc(p.pins, func(pin Pin) bool { return pin.Origin == origin })
}

func (p *Pins) add(pin Pin) {
	p.pins = append(slices.DeleteFunc(p.pins, pin.same), pin)
}

// update changes the set under the lock and writes it; if it cannot be written, the change is
// forgotten.
func (p *Pins) update(change func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refresh(); err != nil {
		return err
	}
	before := slices.Clone(p.pins)
	change()
	if err := p.save(); err != nil {
		p.pins = before
		return fmt.Errorf("save pins: %w", err)
	}
	return nil
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

func mismatch(profile *Profile, known []string) Problem {
	last := known[len(known)-1]
	return Problem{
		Severity: SeverityError, Code: CodePinMismatch,
		Line: profile.BaseURLPos.Line, Column: profile.BaseURLPos.Column,
		Path:    "profiles[" + profile.Name + "].base_url",
		Message: fmt.Sprintf("the key of this profile is pinned to %s and would go to %s", displayHost(last), profile.Host()),
		Fix:     "prism trust " + profile.Name,
	}
}

func waits(profile *Profile) Problem {
	return Problem{
		Severity: SeverityError, Code: CodePinMismatch,
		Line: profile.BaseURLPos.Line, Column: profile.BaseURLPos.Column,
		Path:    "profiles[" + profile.Name + "].base_url",
		Message: fmt.Sprintf("the host %s was never seen and waits to be trusted (trust: strict)", profile.Host()),
		Fix:     "prism trust " + profile.Name,
	}
}
