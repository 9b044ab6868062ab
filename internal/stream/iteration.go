package stream

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// Types of the iterations that providers are known to report in usage.iterations.
const (
	IterationMessage    = "message"          // the model was sampled once
	IterationFallback   = "fallback_message" // the same, by the model that was fallen back to
	IterationCompaction = "compaction"       // the provider summed up the conversation
	IterationAdvisor    = "advisor_message"  // another model was asked for advice
)

// Iteration is a part of an exchange that is billed beside the top level of its usage, at the
// prices of its own model: a compaction, an advisor's message, the hop of a model that declined
// and was followed by another one. Samples of the model that serves are not among them: the
// top level holds their sum.
type Iteration struct {
	Type  string
	Model string // "" = the one that serves; ModelUnnamed where the provider does not say which
	Usage Usage
}

// ModelUnnamed stands for the model of an iteration that is not that of the answer and that the
// provider did not name. No model is called so: it has no price but that of a row for all.
const ModelUnnamed = "?"

// maxIterations is how many iterations are told apart. More than that are added to an earlier
// one of their type and model.
const maxIterations = 64

// iterationLost is the type of what can neither be told apart nor added to anything: tokens
// without a model, and so without a price.
const iterationLost = "lost"

// iterations takes over a list of iterations, as it was reported: the last list counts.
func (t *tally) iterations(list gjson.Result) {
	if !list.IsArray() {
		return
	}
	t.parts = nil
	list.ForEach(func(_, v gjson.Result) bool {
		if !v.IsObject() {
			return true
		}
		part := Iteration{Usage: NoUsage()}
		v.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "type":
				setText(&part.Type, v)
			case "model":
				setText(&part.Model, v)
			default:
				t.count(&part.Usage, key.Str, v)
			}
			return true
		})
		if part.Usage != NoUsage() {
			t.addPart(&part)
		}
		return true
	})
}

// addPart keeps a part, within bounds.
func (t *tally) addPart(part *Iteration) {
	if len(t.parts) < maxIterations {
		t.parts = append(t.parts, *part)
		return
	}
	t.notes |= noteIterationsMerged
	for i := range t.parts {
		if p := &t.parts[i]; p.Type == part.Type && p.Model == part.Model {
			p.Usage.add(&part.Usage)
			return
		}
	}
	last := &t.parts[maxIterations-1]
	last.Type, last.Model = iterationLost, ModelUnnamed
	last.Usage.add(&part.Usage)
}

// fellBack tells whether a usage object says that another model than the one asked served.
func fellBack(object gjson.Result) bool {
	found := false
	object.Get("iterations").ForEach(func(_, v gjson.Result) bool {
		found = v.Get("type").Str == IterationFallback
		return !found
	})
	return found
}

// restart forgets the input that was reported before a fallback: it was that of the model which
// declined, and has an iteration of its own. Nothing of it may be left in the sum, not even its
// division by time to live.
func (t *tally) restart() {
	t.fallen = true
	t.usage.Input, t.usage.CacheRead, t.usage.CacheWrite = Unknown, Unknown, Unknown
	t.usage.CacheWrite5m, t.usage.CacheWrite1h = Unknown, Unknown
}

// serving returns the model that the top level is about. model is the one the message names.
func (t *tally) serving(model string) string {
	for i := range t.parts {
		if p := &t.parts[i]; p.Type == IterationFallback && p.Model != "" {
			model = p.Model
		}
	}
	return model
}

// within tells whether a part is a sample of the model that serves. Before a fallback the
// samples of another model are those of one that declined.
func (t *tally) within(p *Iteration, serving string) bool {
	sample := p.Type == IterationMessage || p.Type == IterationFallback
	return sample && (!t.fallen || p.Model == "" || p.Model == serving)
}

// beside returns the parts that are billed beside the top level, and completes the top level
// of a fallback from the parts within it. serving is as of [tally.serving], ttl as for divide.
func (t *tally) beside(top *Usage, serving, ttl string) ([]Iteration, notes) {
	var (
		parts, strange []Iteration
		n              notes
		sum            = NoUsage()
	)
	for _, p := range t.parts {
		switch {
		case t.within(&p, serving):
			sum.add(&p.Usage)
		case !p.known():
			n |= noteIterationUnknown
			strange = append(strange, p)
		default:
			if p.Model == "" {
				p.Model = ModelUnnamed
				if p.Type == IterationCompaction {
					p.Model = serving
				}
			}
			parts = append(parts, p)
		}
	}
	if t.fallen {
		top.complete(&sum)
	}
	parts = append(parts, outside(strange, &sum, top, serving)...)
	for i := range parts {
		var more notes
		parts[i].Usage, more = divide(parts[i].Usage, ttl)
		n |= more
	}
	return parts, n
}

// known tells whether the type of an iteration says what it is.
func (p *Iteration) known() bool {
	switch p.Type {
	case IterationMessage, IterationFallback, IterationCompaction, IterationAdvisor, iterationLost:
		return true
	}
	return false
}

// complete takes over input counts that u lacks from the sum of its parts, and their division
// by time to live where the sums agree.
func (u *Usage) complete(sum *Usage) {
	for _, c := range [...]struct {
		to   *Count
		from Count
	}{{&u.Input, sum.Input}, {&u.CacheRead, sum.CacheRead}, {&u.CacheWrite, sum.CacheWrite}} {
		if !c.to.Known() {
			*c.to = c.from
		}
	}
	if !u.CacheWrite5m.Known() && !u.CacheWrite1h.Known() && u.CacheWrite == sum.CacheWrite {
		u.CacheWrite5m, u.CacheWrite1h = sum.CacheWrite5m, sum.CacheWrite1h
	}
}

// outside returns those iterations of types that nobody knows which are billed beside the top
// level. They are within it if it takes them to make up its sum, and beside it if the others
// do; where neither shows, a model of their own says that they are beside it.
func outside(strange []Iteration, within, top *Usage, serving string) []Iteration {
	if len(strange) == 0 {
		return nil
	}
	all := *within
	for i := range strange {
		all.add(&strange[i].Usage)
	}
	var out []Iteration
	for _, p := range strange {
		other := p.Model != "" && p.Model != serving
		if within.sameCounts(top) || other && !all.sameCounts(top) {
			if p.Model == "" {
				p.Model = serving
			}
			out = append(out, p)
		}
	}
	return out
}

// add adds the counts of v to those of u. What is unknown in both stays so.
func (u *Usage) add(v *Usage) {
	for _, c := range [...]struct {
		to   *Count
		from Count
	}{
		{&u.Input, v.Input},
		{&u.Output, v.Output},
		{&u.CacheRead, v.CacheRead},
		{&u.CacheWrite, v.CacheWrite},
		{&u.CacheWrite5m, v.CacheWrite5m},
		{&u.CacheWrite1h, v.CacheWrite1h},
		{&u.Reasoning, v.Reasoning},
		{&u.WebSearches, v.WebSearches},
	} {
		if c.from.Known() {
			*c.to = Count(c.to.OrZero()) + c.from
		}
	}
}

// sameCounts tells whether two usages have the same tokens, whatever their time to live.
func (u *Usage) sameCounts(v *Usage) bool {
	return u.Input.OrZero() == v.Input.OrZero() && u.Output.OrZero() == v.Output.OrZero() &&
		u.CacheRead.OrZero() == v.CacheRead.OrZero() && u.CacheWrite.OrZero() == v.CacheWrite.OrZero()
}

// Samples returns the single samples of the model that make up top, the usage of an answer whose
// usage object was raw, and nil where there is only one or they do not add up. A provider that
// runs tools of its own samples the model several times for one request; a long-prompt price
// is measured on each of these prompts, not on their sum.
func Samples(raw []byte, top Usage) []Usage {
	if !bytes.Contains(raw, []byte(`"iterations"`)) || !gjson.ValidBytes(raw) {
		return nil
	}
	object := gjson.ParseBytes(raw)
	t := tally{fallen: fellBack(object)}
	t.iterations(object.Get("iterations"))
	serving := t.serving("")
	var samples []Usage
	sum := NoUsage()
	for i := range t.parts {
		if t.within(&t.parts[i], serving) {
			u, _ := divide(t.parts[i].Usage, "")
			sum.add(&u)
			samples = append(samples, u)
		}
	}
	if len(samples) < 2 || t.notes&noteIterationsMerged != 0 || !sum.sameCounts(&top) {
		return nil
	}
	lend(samples, top.CacheWrite1h.OrZero()-sum.CacheWrite1h.OrZero())
	return samples
}

// lend makes n more of the cache writes of samples live for an hour: the division of their sum
// is known better than that of each.
func lend(samples []Usage, n int64) {
	for i := range samples {
		u := &samples[i]
		m := Count(max(min(n, u.CacheWrite5m.OrZero()), 0))
		if m > 0 {
			u.CacheWrite5m, u.CacheWrite1h = u.CacheWrite5m-m, Count(u.CacheWrite1h.OrZero())+m
			n -= int64(m)
		}
	}
}
