package stream

import (
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// maxRaw is the size to which the merged usage object may grow.
const maxRaw = 16 << 10

// maxCount is more tokens than any message can have.
const maxCount = 1e12

// tally merges the usage objects of one message. Counts in them are cumulative: a later one
// replaces an earlier one and is never added. Until settle, usage holds the parts of
// cache_creation as they were reported.
type tally struct {
	usage Usage
	raw   []byte // never written to again once set: a Result may hold it
	notes notes
	seen  bool // some usage object was merged

	parts  []Iteration // usage.iterations as it was reported last, parts of cache_creation included
	fallen bool        // they say that another model than the one asked served
	totals totals

	tier, speed, geo string
}

// merge takes over every field of object that is there and not null. The output of a
// message_start is a placeholder, so there output is false.
func (t *tally) merge(object gjson.Result, output bool) {
	if !object.IsObject() {
		return
	}
	if !utf8.ValidString(object.Raw) {
		object = gjson.Parse(strings.ToValidUTF8(object.Raw, "\uFFFD"))
	}
	t.seen = true
	if !t.fallen && fellBack(object) {
		t.restart()
	}
	t.mergeRaw(object)
	object.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "input_tokens":
			t.replace(&t.usage.Input, v)
		case "cache_read_input_tokens":
			t.replace(&t.usage.CacheRead, v)
		case "cache_creation_input_tokens":
			t.replace(&t.usage.CacheWrite, v)
		case "output_tokens", "output_tokens_details":
			if output {
				t.count(&t.usage, key.Str, v)
			}
		case "iterations":
			t.iterations(v)
		case "service_tier":
			setText(&t.tier, v)
		case "speed":
			setText(&t.speed, v)
		case "inference_geo":
			setText(&t.geo, v)
		default:
			t.count(&t.usage, key.Str, v)
			t.totals.take(key.Str, v)
		}
		return true
	})
}

// count sets the counts of u that one member of a usage object is about.
func (t *tally) count(u *Usage, key string, v gjson.Result) {
	switch key {
	case "input_tokens":
		t.set(&u.Input, v)
	case "cache_read_input_tokens":
		t.set(&u.CacheRead, v)
	case "cache_creation_input_tokens":
		t.set(&u.CacheWrite, v)
	case "cache_creation":
		t.set(&u.CacheWrite5m, v.Get("ephemeral_5m_input_tokens"))
		t.set(&u.CacheWrite1h, v.Get("ephemeral_1h_input_tokens"))
	case "output_tokens":
		t.set(&u.Output, v)
	case "output_tokens_details":
		t.set(&u.Reasoning, v.Get("thinking_tokens"))
	case "server_tool_use":
		t.set(&u.WebSearches, v.Get("web_search_requests"))
	}
}

// replace sets one of the three input counts. Providers that are only compatible repeat them
// as 0 at the end of a stream; a count that was positive cannot have become 0, unless it was
// that of another model.
func (t *tally) replace(c *Count, v gjson.Result) {
	if isZero(v) && *c > 0 && !t.fallen {
		t.notes |= noteZeroIgnored
		return
	}
	t.set(c, v)
}

func isZero(v gjson.Result) bool { return v.Type == gjson.Number && v.Num == 0 }

// set takes over a count that is there and not null. Zero is zero.
func (t *tally) set(c *Count, v gjson.Result) {
	if v.Type == gjson.Null {
		return
	}
	n := v.Int()
	if v.Type != gjson.Number || v.Num < 0 || v.Num > maxCount || v.Num != float64(n) {
		t.notes |= noteCountIgnored
		return
	}
	*c = Count(n)
}

// setText takes over a text that is there and not null, bounded, and copied so that it does
// not keep the event alive.
func setText(s *string, v gjson.Result) {
	if v.Type == gjson.String {
		*s = strings.Clone(strings.ToValidUTF8(clip(v.Str, maxText), "\uFFFD"))
	}
}

// MaxErrorMessage is the length in characters to which an answer's texts are cut, the message of an
// error among them.
const MaxErrorMessage = 500

const maxText = MaxErrorMessage

// clip returns at most n characters of s.
func clip(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// mergeRaw keeps the object as it was reported, and on later ones replaces member by member.
func (t *tally) mergeRaw(object gjson.Result) {
	if len(object.Raw) > maxRaw {
		t.notes |= noteRawCut
		return
	}
	if t.raw == nil {
		t.raw = []byte(object.Raw)
		return
	}
	later := make(map[string]gjson.Result)
	object.ForEach(func(key, v gjson.Result) bool {
		later[key.Str] = v
		return true
	})
	out := rawObject{b: append(make([]byte, 0, len(t.raw)+len(object.Raw)), '{')}
	gjson.ParseBytes(t.raw).ForEach(func(key, v gjson.Result) bool {
		if v2, ok := later[key.Str]; ok {
			if !t.keeps(key.Str, v, v2) {
				v = v2
			}
			delete(later, key.Str)
		} else if key.Str == "cache_creation" && t.fallen {
			return true // that of the model which declined
		}
		out.add(key, v)
		return true
	})
	object.ForEach(func(key, _ gjson.Result) bool {
		if last, ok := later[key.Str]; ok {
			delete(later, key.Str)
			out.add(key, last)
		}
		return true
	})
	if out.cut {
		t.notes |= noteRawCut
	}
	t.raw = append(out.b, '}')
}

// keeps tells whether the value of a member of the usage object stays when later is reported.
func (t *tally) keeps(key string, old, later gjson.Result) bool {
	switch key {
	case "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens":
		return later.Type == gjson.Null || isZero(later) && old.Num > 0 && !t.fallen
	default:
		return later.Type == gjson.Null
	}
}

// rawObject writes a JSON object of at most [maxRaw] bytes and leaves out what does not fit.
type rawObject struct {
	b   []byte
	cut bool
}

func (o *rawObject) add(key, v gjson.Result) {
	if len(o.b)+len(key.Raw)+len(v.Raw)+len(",:}") > maxRaw {
		o.cut = true
		return
	}
	if len(o.b) > 1 {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, key.Raw...)
	o.b = append(o.b, ':')
	o.b = append(o.b, v.Raw...)
}

// settle returns the usage of the message and of what is billed beside it, with the cache
// writes divided by their time to live. model is the one that answered.
func (t *tally) settle(model, ttl string) (Usage, []Iteration, notes) {
	top := t.usage
	parts, n := t.beside(&top, model, ttl)
	top, more := divide(top, ttl)
	return top, parts, t.notes | n | more
}

// divide returns the usage with the cache writes divided by their time to live, of which u
// holds what was reported. ttl is what the request asked for. The sum is trusted more than its
// parts: what they lack is 5m.
func divide(u Usage, ttl string) (Usage, notes) {
	var n notes
	reported5m, reported1h := u.CacheWrite5m, u.CacheWrite1h
	split := reported5m.Known() || reported1h.Known()
	if !u.CacheWrite.Known() {
		if !split {
			return u, n
		}
		u.CacheWrite = Count(reported5m.OrZero() + reported1h.OrZero())
	}
	if !split && ttl == "1h" {
		u.CacheWrite1h = u.CacheWrite
	} else {
		u.CacheWrite1h = Count(min(reported1h.OrZero(), int64(u.CacheWrite)))
	}
	u.CacheWrite5m = u.CacheWrite - u.CacheWrite1h
	switch {
	case split && (u.CacheWrite5m.OrZero() != reported5m.OrZero() || u.CacheWrite1h.OrZero() != reported1h.OrZero()):
		n |= noteSplitAdjusted
	case split || u.CacheWrite == 0:
	case ttl == "1h" || ttl == "5m":
		n |= noteTTLInferred
	default:
		n |= noteTTLAssumed
	}
	return u, n
}
