package pricing

import "math"

// lines prices the tokens of a request by class, and its whole prompt as if it were plain input.
// A provider that runs tools of its own samples the model several times for one request: which
// set of prices applies is then a matter of each sample's prompt, not of their sum.
func (p *price) lines(q *Query) (lines [classes]USD, uncached USD) {
	samples := q.Samples
	if len(samples) == 0 || p.tierOver == math.MaxInt64 { // without a tier the sum is all that matters
		samples = []Usage{q.Usage}
	}
	for i := range samples {
		use, prompt := &samples[i], samples[i].prompt()
		unit := p.unitsFor(q, prompt)
		for class, tokens := range [classes]int64{
			classInput: use.Input, classOutput: use.Output, classCacheRead: use.CacheRead,
			classCacheWrite5m: use.CacheWrite5m, classCacheWrite1h: use.CacheWrite1h,
		} {
			lines[class] = bounded(plus(lines[class], line(tokens, unit[class])))
		}
		uncached = bounded(plus(uncached, line(prompt, unit[classInput])))
	}
	return lines, uncached
}
