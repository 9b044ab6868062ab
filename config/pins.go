package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"
)

// How a pin came to be.
const (
	PinFirstUse = "first_use" // the pair was seen for the first time
	PinTrusted  = "trusted"   // the user confirmed it
)

// Pin is the remembered pair of a key and the origin it may be sent to.
type Pin struct {
	Key     string    `json:"key"`                // HMAC of the key; "" for a profile without one
	Origin  string    `json:"origin"`             // https://api.anthropic.com:443
	Profile string    `json:"profile"`            // that had the pair when it was pinned
	Name    string    `json:"key_name,omitempty"` // of the key, where the profile has several
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
		p.check(&profiles[i], strict, &report)
	}
	return report, nil
}

// check compares each key of one profile.
func (p *Pins) check(profile *Profile, strict bool, report *PinReport) {
	waiting := false
	for _, pin := range p.pinsOf(profile, PinFirstUse) {
		known, seen := p.origins(pin.Key), p.seen(pin.Origin)
		switch {
		case slices.Contains(known, pin.Origin) || slices.ContainsFunc(report.New, pin.same):
		case pin.Key != "" && len(known) > 0:
			report.Refused = append(report.Refused, mismatch(profile, pin, known))
		case strict && !seen:
			if !waiting { // the host waits, whichever key is meant for it
				report.Refused = append(report.Refused, waits(profile))
			}
			waiting = true
		default:
			report.New = append(report.New, pin)
		}
	}
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

// Trust confirms the pairs of the profile's keys and its origin; other origins of the keys stay.
func (p *Pins) Trust(profile Profile) error {
	return p.update(func() {
		for _, pin := range p.pinsOf(&profile, PinTrusted) {
			p.add(pin)
		}
	})
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

// Pinned tells whether the pair of every key of the profile and its origin is pinned. It was
// confirmed by the user only if each of them was. Where the file cannot be read, nothing is.
func (p *Pins) Pinned(profile Profile) (how string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refresh() != nil {
		return "", false
	}
	how = PinTrusted
	for _, want := range p.pinsOf(&profile, "") {
		i := slices.IndexFunc(p.pins, want.same)
		if i < 0 {
			return "", false
		}
		if p.pins[i].How != PinTrusted {
			how = p.pins[i].How
		}
	}
	return how, true
}

func (p Pin) same(other Pin) bool { return p.Key == other.Key && p.Origin == other.Origin }

// pinsOf returns a pair for each key of the profile, or the one of a profile without a key.
func (p *Pins) pinsOf(profile *Profile, how string) []Pin {
	pin := Pin{Origin: profile.Origin(), Profile: profile.Name, How: how, Since: time.Now().UTC().Truncate(time.Second)}
	var out []Pin
	for _, key := range profile.AllKeys() {
		if key.Secret.IsZero() {
			continue
		}
		mac := hmac.New(sha256.New, p.salt)
		mac.Write([]byte(key.Secret.Reveal()))
		pin.Key, pin.Name = hex.EncodeToString(mac.Sum(nil)), key.Name
		out = append(out, pin)
	}
	if out == nil {
		out = append(out, pin)
	}
	return out
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

func mismatch(profile *Profile, pin Pin, known []string) Problem {
	last := known[len(known)-1]
	message := fmt.Sprintf("the key of this profile is pinned to %s and would go to %s", displayHost(last), profile.Host())
	if pin.Name != "" {
		message = fmt.Sprintf("the key %s of this profile is pinned to %s and would go to %s", pin.Name, displayHost(last), profile.Host())
	}
	return Problem{
		Severity: SeverityError, Code: CodePinMismatch,
		Line: profile.BaseURLPos.Line, Column: profile.BaseURLPos.Column,
		Path:    "profiles[" + profile.Name + "].base_url",
		Message: message,
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
