package simulator

import "strconv"

// Absent is the count that is not reported: its key is left out of the usage object, and in
// the bill it means that the simulator never said the number. Null is reported as null.
const (
	Absent = -1
	Null   = -2
)

// UsageForm is how much of a usage object one event says.
type UsageForm int

// The forms of a usage object.
const (
	UsageFull       UsageForm = iota // every key, with its value
	UsageOutputOnly                  // output_tokens alone
	UsageZero                        // every key, all zero
	UsageNull                        // "usage": null
	UsageAbsent                      // no usage key at all
	UsageNoSplit                     // every key but cache_creation (the 5m/1h split)
)

// Usage is what a message uses, in tokens, as the simulator reports and bills it. Input is the
// uncached part only. A field that is 0 is reported as 0; see [Absent] and [Null].
type Usage struct {
	Input        int64
	Output       int64
	CacheRead    int64
	CacheWrite   int64 // 0 = the sum of the two below
	CacheWrite5m int64
	CacheWrite1h int64
	Thinking     int64 // output_tokens_details.thinking_tokens, a part of Output
	WebSearches  int64
	WebFetches   int64

	StartOutput  int64  // output_tokens of message_start; 0 = 1, the usual placeholder
	ServiceTier  string // "" = standard
	Speed        string // "" = standard
	InferenceGeo string // "" = global
	InStart      UsageForm
	InDelta      UsageForm
	Iterations   []Iteration
	CacheInside  bool   // input_tokens is reported with the cached tokens in it, as other APIs do
	Total        bool   // total_tokens is reported as well: the prompt and the output
	Extra        string // more members, verbatim, in every full usage object: `"iterations":[]`
	Start        *Usage // what message_start says where it differs; nil = the values above
}

// Iteration is one entry of usage.iterations: compaction and advisor_message are charged beside
// the top level, message and fallback_message make it up.
type Iteration struct {
	Type  string
	Model string // "" = null
	Usage Usage  // its counts; UsageNoSplit in InStart leaves the split out
}

// Part makes Usage a part of an answer.
func (u Usage) part(p *plan) { p.usage = &u }

// write returns the total of cache writes.
func (u *Usage) write() int64 {
	if u.CacheWrite != 0 {
		return u.CacheWrite
	}
	return max(u.CacheWrite5m, 0) + max(u.CacheWrite1h, 0)
}

// started returns the usage as message_start tells it.
func (u *Usage) started() Usage {
	s := *u
	if u.Start != nil {
		s = *u.Start
		s.InStart = u.InStart
	}
	s.Output = 1
	if s.StartOutput != 0 {
		s.Output = s.StartOutput
	}
	s.Thinking, s.WebSearches, s.WebFetches = Null, Null, Null
	s.Iterations = nil
	return s
}

// orStandard returns s, or def where it is empty.
func orStandard(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// appendMember appends one counted member, or nothing where the count is absent.
func appendMember(dst []byte, name string, n int64) []byte {
	if n == Absent {
		return dst
	}
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	if n == Null {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendDetail appends a member that is an object of counts, null where no count is known.
func appendDetail(dst []byte, name string, keys []string, counts ...int64) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	known := false
	for _, n := range counts {
		known = known || n >= 0
	}
	if !known {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	for i, n := range counts {
		dst = appendMember(dst, keys[i], n)
	}
	return append(dst, '}')
}

// appendUsage appends the usage object in form, the whole one (message_start, JSON bodies) or
// the smaller one of message_delta, which has neither the split nor tier, speed and geo.
func (u *Usage) appendUsage(dst []byte, form UsageForm, whole bool) []byte {
	v := *u
	switch form {
	case UsageNull, UsageAbsent:
		return append(dst, "null"...)
	case UsageOutputOnly:
		dst = append(dst, '{')
		return append(appendMember(dst, "output_tokens", u.Output), '}')
	case UsageZero:
		v = Usage{}
	case UsageFull, UsageNoSplit:
	}
	dst = append(dst, '{')
	dst = appendMember(dst, "input_tokens", v.input())
	dst = appendMember(dst, "cache_creation_input_tokens", v.write())
	dst = appendMember(dst, "cache_read_input_tokens", v.CacheRead)
	if whole && form != UsageNoSplit {
		dst = appendDetail(dst, "cache_creation", []string{"ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"}, v.CacheWrite5m, v.CacheWrite1h)
	}
	dst = appendMember(dst, "output_tokens", v.Output)
	dst = appendDetail(dst, "output_tokens_details", []string{"thinking_tokens"}, v.Thinking)
	dst = appendDetail(dst, "server_tool_use", []string{"web_search_requests", "web_fetch_requests"}, v.WebSearches, v.WebFetches)
	if whole {
		dst = append(dst, `,"service_tier":`...)
		dst = appendString(dst, orStandard(v.ServiceTier, "standard"))
		dst = append(dst, `,"speed":`...)
		dst = appendString(dst, orStandard(v.Speed, "standard"))
		dst = append(dst, `,"inference_geo":`...)
		dst = appendString(dst, orStandard(v.InferenceGeo, "global"))
	}
	if v.Total {
		dst = appendMember(dst, "total_tokens", v.Input+v.CacheRead+v.write()+v.Output)
	}
	dst = v.appendIterations(dst)
	if v.Extra != "" {
		dst = append(append(dst, ','), v.Extra...)
	}
	return append(dst, '}')
}

// input returns input_tokens as it is reported.
func (u *Usage) input() int64 {
	if u.CacheInside {
		return u.Input + u.CacheRead + u.write()
	}
	return u.Input
}

// appendIterations appends the list of iterations, or nothing where there is none.
func (u *Usage) appendIterations(dst []byte) []byte {
	if u.Iterations == nil {
		return dst
	}
	dst = append(dst, `,"iterations":[`...)
	for i := range u.Iterations {
		it := &u.Iterations[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"type":`...), it.Type)
		dst = appendOrNull(append(dst, `,"model":`...), it.Model)
		dst = appendMember(dst, "input_tokens", it.Usage.input())
		dst = appendMember(dst, "output_tokens", it.Usage.Output)
		dst = appendMember(dst, "cache_read_input_tokens", it.Usage.CacheRead)
		dst = appendMember(dst, "cache_creation_input_tokens", it.Usage.write())
		if it.Usage.InStart != UsageNoSplit {
			dst = appendDetail(dst, "cache_creation", []string{"ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"}, it.Usage.CacheWrite5m, it.Usage.CacheWrite1h)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// charged is what the provider charges for: the usage as it was scripted, whatever the answer
// shows of it.
func (u *Usage) charged() Usage {
	c := Usage{
		Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.write(),
		CacheWrite5m: u.CacheWrite5m, CacheWrite1h: u.CacheWrite1h, Thinking: u.Thinking, WebSearches: u.WebSearches, WebFetches: u.WebFetches,
		ServiceTier: orStandard(u.ServiceTier, "standard"), Speed: orStandard(u.Speed, "standard"), InferenceGeo: orStandard(u.InferenceGeo, "global"),
	}
	c.CacheWrite5m = max(c.CacheWrite-max(c.CacheWrite1h, 0), 0)
	for _, it := range u.Iterations {
		c.Iterations = append(c.Iterations, Iteration{Type: it.Type, Model: it.Model, Usage: it.Usage.charged()})
	}
	return c
}

// unsaid is the usage of which nothing was said yet.
func unsaid() Usage {
	return Usage{
		Input: Absent, Output: Absent, CacheRead: Absent, CacheWrite: Absent, CacheWrite5m: Absent, CacheWrite1h: Absent,
		Thinking: Absent, WebSearches: Absent, WebFetches: Absent,
	}
}

// say merges into u what one usage object says of v: values replace values, null and absent
// ones do not, and a 0 does not replace a prompt count that was reported before.
func (u *Usage) say(v *Usage, form UsageForm, whole bool) {
	w := *v
	switch form {
	case UsageNull, UsageAbsent:
		return
	case UsageOutputOnly:
		replace(&u.Output, w.Output)
		return
	case UsageZero:
		w = Usage{}
	case UsageFull, UsageNoSplit:
	}
	replacePositive(&u.Input, w.input())
	replacePositive(&u.CacheRead, w.CacheRead)
	replacePositive(&u.CacheWrite, w.write())
	if whole && form != UsageNoSplit {
		replace(&u.CacheWrite5m, w.CacheWrite5m)
		replace(&u.CacheWrite1h, w.CacheWrite1h)
	}
	replace(&u.Output, w.Output)
	replace(&u.Thinking, w.Thinking)
	replace(&u.WebSearches, w.WebSearches)
	replace(&u.WebFetches, w.WebFetches)
	if whole {
		u.ServiceTier = orStandard(w.ServiceTier, "standard")
		u.Speed = orStandard(w.Speed, "standard")
		u.InferenceGeo = orStandard(w.InferenceGeo, "global")
	}
}

// replace overwrites old with a value that was reported.
func replace(old *int64, n int64) {
	if n >= 0 {
		*old = n
	}
}

// replacePositive is replace for prompt counts.
func replacePositive(old *int64, n int64) {
	if n > 0 || n == 0 && *old <= 0 {
		*old = n
	}
}
