package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// NameRule says what a profile may be called.
const NameRule = "use letters, digits, dots, dashes and underscores, at most 64, a letter or digit first"

// ValidName tells whether a profile may be called so.
func ValidName(name string) bool { return profileName.MatchString(name) }

var (
	// profileName is what a profile may be called: names stand in paths, /p/NAME/.
	profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	// plainText matches scalars that need no quotes.
	plainText = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9._/+:-]*$`)
	// typed matches plain scalars that YAML reads as something else than text.
	typed = regexp.MustCompile(`^(?i:null|true|false|yes|no|on|off|y|n|\.inf|\.nan|[-+]?[0-9][0-9_.,:eExXoObBa-fA-F+-]*)$|:$|:\s`)
	// decimalNumber matches the numbers that money is written in.
	decimalNumber = regexp.MustCompile(`^[0-9]{1,12}(?:\.[0-9]{1,10})?$`)
)

// place is where a value stands; the zero value means that it is absent.
type place struct {
	pos    Pos
	sealed bool // the value was sealed: it is never shown
	locked bool // a value is there and not known: sealed and not opened, or bad and reported
}

func (p place) given() bool { return !p.pos.IsZero() }

// spoil marks a value that is there and was reported, so that nobody misses it as well.
func (p *place) spoil(pos Pos) { p.pos, p.locked = pos, true }

func placeOf(s scalar) place { return place{pos: s.pos, sealed: s.sealed, locked: s.locked} }

type (
	// text is a string; numbers and booleans must be quoted to be one.
	text struct {
		place
		s string
	}
	// secretText is a string that is sealed in a sealed file.
	secretText struct {
		place
		s Secret
	}
	// decimal is a number that is kept as it was written; a float never touches money.
	decimal struct {
		place
		s string
	}
	// toggle is true or false.
	toggle struct {
		place
		on bool
	}
	// whole is a natural number.
	whole struct {
		place
		n int64
	}
	// count is a number of at least 1, or none, which is -1.
	count struct {
		place
		n int64
	}
	// period is a duration such as 90s.
	period struct {
		place
		d time.Duration
	}
	// pause is a duration that may be nothing.
	pause struct {
		place
		d time.Duration
	}
	// instant is a point in time, or a date.
	instant struct {
		place
		t time.Time
	}
	// ignored is a field that may hold anything.
	ignored struct{}
)

func (t *text) set(d *decoder, s scalar, path string) {
	t.spoil(s.pos)
	if s.kind != "text" {
		d.error(note{pos: s.pos, path: path, message: "expected text, got " + s.kind, fix: s.key + ": " + quote(s.text)})
		return
	}
	if s.text == "" && !s.locked {
		d.error(note{pos: s.pos, path: path, message: "no value", fix: "write a value, or delete the line"})
		return
	}
	if strings.ContainsAny(s.text, "\r\n\t") {
		d.error(note{pos: s.pos, path: path, message: "more than one line", fix: "write the value on one line"})
		return
	}
	t.place, t.s = placeOf(s), s.text
}

// show quotes the value for a message.
func (t *text) show() string {
	if t.sealed {
		return "a sealed value"
	}
	return show(t.s)
}

func (t *secretText) set(d *decoder, s scalar, path string) {
	t.place = placeOf(s)
	switch {
	case s.locked:
	case d.sealed && !s.sealed:
		d.secret(note{pos: s.pos, path: path, message: "a key in clear text in a sealed file", fix: "prism seal"})
	case s.text == "":
		d.secret(note{pos: s.pos, path: path, message: "the key is empty", fix: "write the key, or delete the line"})
	case strings.HasPrefix(s.text, "$"):
		d.secret(note{pos: s.pos, path: path, message: "variables are not expanded in this file", fix: "write the key itself and run prism seal"})
	case strings.ContainsFunc(s.text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		d.secret(note{pos: s.pos, path: path, message: "the key holds blanks, line breaks or characters that no header can carry", fix: "paste the key again, on one line"})
	default:
		t.s = NewSecret(s.text)
	}
}

func (v *decimal) set(d *decoder, s scalar, path string) {
	v.place = placeOf(s)
	if v.locked {
		return
	}
	if !decimalNumber.MatchString(s.text) {
		d.error(note{pos: s.pos, path: path, message: "expected a decimal number such as 0.30, got " + s.show(), fix: s.key + ": 0.30"})
		return
	}
	v.s = s.text
}

func (f *toggle) set(d *decoder, s scalar, path string) {
	f.place = placeOf(s)
	if f.locked {
		return
	}
	on, ok := map[string]bool{"true": true, "false": false}[strings.ToLower(s.text)]
	if !ok {
		d.error(note{pos: s.pos, path: path, message: "expected true or false, got " + s.show(), fix: s.key + ": true"})
	}
	f.on = on
}

func (w *whole) set(d *decoder, s scalar, path string) {
	w.place = placeOf(s)
	if w.locked {
		return
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s.text, "_", ""), 10, 64)
	if err != nil || n < 0 {
		w.locked = true
		d.error(note{pos: s.pos, path: path, message: "expected a whole number, got " + s.show(), fix: s.key + ": 1000"})
		return
	}
	w.n = n
}

func (c *count) set(d *decoder, s scalar, path string) {
	c.place = placeOf(s)
	if c.locked {
		return
	}
	n, err := strconv.ParseInt(s.text, 10, 64)
	switch {
	case s.text == "none":
		c.n = -1
	case err == nil && n > 0:
		c.n = n
	default:
		c.locked = true
		d.error(note{pos: s.pos, path: path, message: "expected a whole number from 1 on, or none, got " + s.show(), fix: s.key + ": 4"})
	}
}

func (p *period) set(d *decoder, s scalar, path string) {
	p.place = placeOf(s)
	if p.locked {
		return
	}
	t, err := time.ParseDuration(s.text)
	if err != nil {
		d.error(note{pos: s.pos, path: path, message: "expected a duration with a unit such as 90s or 5m, got " + s.show(), fix: s.key + ": 90s"})
		return
	}
	if t <= 0 || t > time.Hour {
		d.error(note{pos: s.pos, path: path, message: "expected more than 0 and at most 1h, got " + s.show(), fix: s.key + ": 90s"})
		return
	}
	p.d = t
}

// maxPause is more than anybody wants to be held up.
const maxPause = time.Minute

func (p *pause) set(d *decoder, s scalar, path string) {
	p.place = placeOf(s)
	if p.locked {
		return
	}
	t, err := time.ParseDuration(s.text)
	if err != nil || t < 0 || t > maxPause {
		p.locked = true
		d.error(note{pos: s.pos, path: path, message: "expected a duration from 0s to 1m, got " + s.show(), fix: s.key + ": 2s"})
		return
	}
	p.d = t
}

func (i *instant) set(d *decoder, s scalar, path string) {
	i.place = placeOf(s)
	if i.locked {
		return
	}
	if t, ok := instantOf(s.text); ok {
		i.t = t
		return
	}
	d.error(note{pos: s.pos, path: path, message: "expected a date such as 2026-11-01 or an RFC 3339 time, got " + s.show(), fix: s.key + ": 2026-11-01"})
}

// instantOf reads a date, which is the start of that day in UTC, or an RFC 3339 time.
func instantOf(text string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// spot is embedded by shapes that remember where they stand.
type spot struct{ at Pos }

func (s *spot) setPos(p Pos) { s.at = p }
