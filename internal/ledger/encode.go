package ledger

import (
	"strconv"
	"time"
	"unicode/utf8"

	"prism/internal/stream"
)

// Caps on what one field may hold. What is longer is cut and ends with [cutMark].
const (
	capName    = 512   // ids, names, models, hosts
	capPath    = 4096  // working directories
	capMessage = 2000  // error messages: 500 characters of up to four bytes
	capNote    = 256   // one note, one tag
	capList    = 64    // notes, tags
	capTries   = 32    // attempts
	capRaw     = 16384 // the usage object as reported

	cutMark = "…[cut]"
)

// moneyScale is the number of [Money] units in a dollar.
const moneyScale = 10_000_000_000

const hexDigits = "0123456789abcdef"

// encoder appends the members of one JSON object. Unknown values are left out: an absent
// member is NULL.
type encoder struct{ b []byte }

// key starts a member.
func (e *encoder) key(name string) {
	if n := len(e.b); n > 0 && e.b[n-1] != '{' && e.b[n-1] != '[' {
		e.b = append(e.b, ',')
	}
	e.b = append(e.b, '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, '"', ':')
}

func (e *encoder) text(name, v string, limit int) {
	if v == "" {
		return
	}
	e.key(name)
	e.b = appendText(e.b, v, limit)
}

func (e *encoder) int(name string, v int64) {
	e.key(name)
	e.b = strconv.AppendInt(e.b, v, 10)
}

func (e *encoder) nonZero(name string, v int64) {
	if v != 0 {
		e.int(name, v)
	}
}

func (e *encoder) count(name string, v stream.Count) {
	if v.Known() {
		e.int(name, int64(v))
	}
}

func (e *encoder) bool(name string, v bool) {
	e.key(name)
	e.b = strconv.AppendBool(e.b, v)
}

// money writes dollars as a string, so that no reader makes a float of them.
func (e *encoder) money(name string, v Money) {
	if !v.Known() {
		return
	}
	e.key(name)
	e.b = append(e.b, '"')
	e.b = appendMoney(e.b, v)
	e.b = append(e.b, '"')
}

// share writes a ratio; negative ones and NaN are unknown.
func (e *encoder) share(name string, v float64) {
	if v >= 0 && v <= 1e9 {
		e.key(name)
		e.b = strconv.AppendFloat(e.b, v, 'g', -1, 64)
	}
}

func (e *encoder) time(name string, t time.Time) {
	if y := t.Year(); t.IsZero() || y < 1 || y > 9999 {
		return
	}
	e.key(name)
	e.b = appendTime(e.b, t)
}

// texts writes notes and names.
func (e *encoder) texts(name string, list []string) {
	if len(list) == 0 {
		return
	}
	e.key(name)
	e.b = append(e.b, '[')
	for i, v := range list[:min(len(list), capList)] {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b = appendText(e.b, v, capNote)
	}
	e.b = append(e.b, ']')
}

// appendMoney appends v as dollars with all ten decimals.
func appendMoney(b []byte, v Money) []byte {
	u := uint64(v)
	if v < 0 {
		b, u = append(b, '-'), -u
	}
	b = strconv.AppendUint(b, u/moneyScale, 10)
	b = append(b, '.')
	return appendPadded(b, u%moneyScale, 10)
}

// appendPadded appends v with leading zeros to width digits.
func appendPadded(b []byte, v uint64, width int) []byte {
	var digits [20]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(b, digits[:width]...)
}

// appendTime appends t in UTC, quoted, to the microsecond: what a TIMESTAMPTZ holds.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(b, '"')
	b = append(appendPadded(b, uint64(year), 4), '-')
	b = append(appendPadded(b, uint64(month), 2), '-')
	b = append(appendPadded(b, uint64(day), 2), 'T')
	b = append(appendPadded(b, uint64(hour), 2), ':')
	b = append(appendPadded(b, uint64(minute), 2), ':')
	b = append(appendPadded(b, uint64(second), 2), '.')
	b = appendPadded(b, uint64(t.Nanosecond()/1000), 6)
	return append(b, 'Z', '"')
}

// appendText appends v as a JSON string of at most limit bytes of v. Bytes that are not UTF-8
// become U+FFFD.
func appendText(b []byte, v string, limit int) []byte {
	mark := ""
	if len(v) > limit {
		v, mark = cut(v, limit-len(cutMark)), cutMark
	}
	b = append(b, '"')
	start := 0
	for i := 0; i < len(v); {
		c := v[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < 0x7f {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(v[i:])
			// U+2028 and U+2029 are legal JSON, and ends of lines for some readers.
			if (r != utf8.RuneError || size > 1) && r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
			b = append(b, v[start:i]...)
			b = appendEscape(b, r)
			i += size
			start = i
			continue
		}
		b = append(b, v[start:i]...)
		b = appendEscape(b, rune(c))
		i++
		start = i
	}
	b = append(b, v[start:]...)
	b = append(b, mark...)
	return append(b, '"')
}

// appendEscape appends one character of the Basic Multilingual Plane as an escape sequence.
func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case utf8.RuneError: // as it is, so that reading and writing again changes nothing
		return utf8.AppendRune(b, r)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// cut returns at most limit bytes of v without splitting a character.
func cut(v string, limit int) string {
	limit = max(min(limit, len(v)), 0)
	for limit > 0 && limit < len(v) && !utf8.RuneStart(v[limit]) {
		limit--
	}
	return v[:limit]
}
