package translate

import "prism/internal/stream"

// Usage is what a provider reported, in tokens; -1 = it did not say.
type Usage struct {
	Prompt     int64 // all of the prompt, cached tokens included
	CacheRead  int64
	CacheWrite int64
	Output     int64 // reasoning included
	Reasoning  int64
}

// Counts returns u as the Messages API counts, the input without what is cached; what was not said is
// unknown. Without a prompt nothing of it is known.
func (u Usage) Counts() stream.Usage {
	in, read, write, out, details := u.parts()
	c := stream.NoUsage()
	if u.Prompt >= 0 {
		c.Input = stream.Count(in)
		if u.CacheRead >= 0 {
			c.CacheRead = stream.Count(read)
		}
		if u.CacheWrite >= 0 {
			c.CacheWrite = stream.Count(write)
		}
	}
	if u.Output >= 0 {
		c.Output = stream.Count(out)
	}
	if details != nil {
		c.Reasoning = stream.Count(details.Thinking)
	}
	return c
}

// NoUsage is a Usage in which nothing is known.
func NoUsage() Usage { return Usage{-1, -1, -1, -1, -1} }

// Aside is what a provider said that the Messages API has no field for.
type Aside struct {
	Model     string // that answered, as the provider names it
	Cost      string // in US dollars, a decimal; "" = not stated
	Estimated bool   // usage was made up from lengths
	ID        string // of the answer
}
