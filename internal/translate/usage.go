package translate

// Usage is what a provider reported, in tokens; -1 = it did not say.
type Usage struct {
	Prompt     int64 // all of the prompt, cached tokens included
	CacheRead  int64
	CacheWrite int64
	Output     int64 // reasoning included
	Reasoning  int64
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
