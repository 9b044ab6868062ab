package translate

// Calibration is how far the estimates of one model's prompts are off, learned from what its
// provider has reported. The zero value knows nothing and changes nothing. It is not safe for
// concurrent use.
type Calibration struct {
	scale float64 // what was reported by what was estimated, smoothed; 0 = nothing was observed
}

// What is believed, and how fast.
const (
	// Who reports less or more than this counts something else: the part of a prompt that was not
	// cached, for example.
	leastScale, mostScale = 0.25, 4

	// smoothing is the share of the newest observation. A session sends the same system prompt and
	// tools with every turn, so that a few say nearly all there is to say.
	smoothing = 0.5

	// minObserved is how many tokens a prompt must have to say anything: in a small one, what the
	// provider adds by itself outweighs the rest.
	minObserved = 64
)

// Observe learns from a prompt: how many tokens [Estimate] gave it, before any correction, and how
// many its provider has reported.
func (c *Calibration) Observe(estimated, reported int64) {
	if estimated < minObserved || reported < minObserved {
		return
	}
	ratio := float64(reported) / float64(estimated)
	switch {
	case ratio < leastScale || ratio > mostScale:
	case c.scale == 0:
		c.scale = ratio
	default:
		c.scale += smoothing * (ratio - c.scale)
	}
}

// Correct returns how many tokens a prompt probably has that [Estimate] gave n.
func (c *Calibration) Correct(n int64) int64 {
	if c.scale == 0 || n <= 0 {
		return n
	}
	return max(1, int64(float64(n)*c.scale+0.5))
}
