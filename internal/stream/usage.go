package stream

import "strconv"

// Count is a number of tokens (or of uses) that may be unknown. Unknown is not zero: a
// provider that reported 0 is [Count](0), one that reported nothing is [Unknown].
type Count int64

// Unknown is the Count that nobody reported. It is NULL in the ledger.
const Unknown Count = -1

// Known tells whether c was reported.
func (c Count) Known() bool { return c >= 0 }

// OrZero returns c, or 0 where it is unknown.
func (c Count) OrZero() int64 {
	if c < 0 {
		return 0
	}
	return int64(c)
}

// MarshalJSON writes the number, or null where it is unknown.
func (c Count) MarshalJSON() ([]byte, error) {
	if c < 0 {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(c), 10), nil
}

// UnmarshalJSON reads a non-negative number; null and negative numbers are Unknown.
func (c *Count) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*c = Unknown
		return nil
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return err
	}
	if n < 0 {
		n = int64(Unknown)
	}
	*c = Count(n)
	return nil
}

// Usage is what one message used, in tokens, as the provider reported it. Input is the
// uncached part only, the way the Messages API counts it.
type Usage struct {
	Input        Count // usage.input_tokens
	Output       Count // usage.output_tokens
	CacheRead    Count // usage.cache_read_input_tokens
	CacheWrite   Count // usage.cache_creation_input_tokens: the sum of the two below
	CacheWrite5m Count // usage.cache_creation.ephemeral_5m_input_tokens
	CacheWrite1h Count // usage.cache_creation.ephemeral_1h_input_tokens
	Reasoning    Count // usage.output_tokens_details.thinking_tokens, a part of Output
	WebSearches  Count // usage.server_tool_use.web_search_requests
}

// NoUsage is a Usage in which everything is unknown.
func NoUsage() Usage {
	return Usage{Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown}
}

// Prompt returns input + cache reads + cache writes: the size of the prompt, on which price
// tiers are measured. It is Unknown if none of them is known.
func (u Usage) Prompt() Count {
	if !u.Input.Known() && !u.CacheRead.Known() && !u.CacheWrite.Known() {
		return Unknown
	}
	return Count(u.Input.OrZero() + u.CacheRead.OrZero() + u.CacheWrite.OrZero())
}
