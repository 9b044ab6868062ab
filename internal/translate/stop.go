package translate

// scanner finds the stop sequence that is complete first in a text that comes in pieces, wherever
// they are cut. Of two that end at the same place, the longer one counts.
type scanner struct {
	stops []stopSequence
	held  []byte // that a stop sequence may begin with
}

// stopSequence is one stop sequence, and how much of it the text ends with (the algorithm of Knuth,
// Morris and Pratt: no byte is looked at twice).
type stopSequence struct {
	text string
	back []int // for each length: the longest shorter beginning that it ends with
	n    int
}

func (s *scanner) set(stops []string) {
	for _, text := range stops {
		if text == "" {
			continue
		}
		one := stopSequence{text: text, back: make([]int, len(text)+1)}
		for i := 1; i < len(text); i++ {
			one.step(text[i])
			one.back[i+1] = one.n
		}
		one.n = 0
		s.stops = append(s.stops, one)
	}
}

// step takes the next byte, and tells whether the sequence is complete with it.
func (s *stopSequence) step(c byte) bool {
	for s.n > 0 && s.text[s.n] != c {
		s.n = s.back[s.n]
	}
	if s.text[s.n] == c {
		s.n++
	}
	return s.n == len(s.text)
}

// feed takes the next piece. It returns the text that can be given out, and the stop sequence that
// stands right behind it, if one does.
func (s *scanner) feed(piece string) (out, hit string) {
	if len(s.stops) == 0 {
		return piece, ""
	}
	for i := range len(piece) {
		for j := range s.stops {
			if one := &s.stops[j]; one.step(piece[i]) && len(one.text) > len(hit) {
				hit = one.text
			}
		}
		if hit != "" {
			s.held = append(s.held, piece[:i+1]...)
			out = string(s.held[:len(s.held)-len(hit)])
			s.flush()
			return out, hit
		}
	}
	keep := 0
	for i := range s.stops {
		keep = max(keep, s.stops[i].n)
	}
	s.held = append(s.held, piece...)
	n := len(s.held) - keep
	out, s.held = string(s.held[:n]), s.held[n:]
	return out, ""
}

// flush returns what was held, and forgets it.
func (s *scanner) flush() string {
	held := string(s.held)
	s.held = s.held[:0]
	for i := range s.stops {
		s.stops[i].n = 0
	}
	return held
}
