package simulator

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Step is one line of a script: an answer, which requests it is for, and how often. An
// [Answer] or [AnswerFunc] by itself is for the next request of /v1/messages, once.
type Step interface{ step() *rule }

// Replier is an [Answer], or a function that makes one for a request.
type Replier interface {
	reply(r Request, server string) *plan
	static(server string) *plan // nil where the answer depends on the request
}

// AnswerFunc makes an answer for a request. It may be called by many requests at once.
type AnswerFunc func(Request) Answer

func (f AnswerFunc) reply(r Request, server string) *plan { return f(r).build(server) }
func (f AnswerFunc) static(string) *plan                  { return nil }
func (f AnswerFunc) step() *rule                          { return &rule{replier: f, limit: 1} }

func (a Answer) reply(_ Request, server string) *plan { return a.build(server) }
func (a Answer) static(server string) *plan           { return a.prepare(server) }
func (a Answer) step() *rule                          { return &rule{replier: a, limit: 1} }

// rule is a step of a running script.
type rule struct {
	replier   Replier
	plan      *plan // set where the answer is static
	match     Match // nil = every request
	operation string
	limit     int64 // 0 = none
	used      atomic.Int64
}

func (r *rule) step() *rule {
	return &rule{replier: r.replier, match: r.match, operation: r.operation, limit: r.limit}
}

// When answers every request of /v1/messages that m matches.
func When(m Match, a Replier) Step { return &rule{replier: a, match: m} }

// Always answers every request of /v1/messages.
func Always(a Replier) Step { return &rule{replier: a} }

// On makes a step answer the requests of another operation; "*" is all of them.
func On(operation string, s Step) Step {
	r := s.step()
	r.operation = operation
	return r
}

// Once makes a step answer a single request.
func Once(s Step) Step { return Times(1, s) }

// Times makes a step answer n requests.
func Times(n int, s Step) Step {
	r := s.step()
	r.limit = int64(n)
	return r
}

// Turns answers by the number of assistant messages in the history: the first answer begins a
// conversation. The last one repeats.
func Turns(answers ...Replier) AnswerFunc {
	return pick(answers, func(r Request) int { return r.Turns })
}

// Rounds answers by the number of tool rounds since the last prompt: the first answer is for
// the prompt, the second for the results of the tools it called. The last one repeats.
func Rounds(answers ...Replier) AnswerFunc {
	return pick(answers, func(r Request) int { return r.Rounds })
}

// Sequence answers the requests of each conversation (session and agent) in the order they
// arrive, also repeated ones. The last answer repeats.
func Sequence(answers ...Replier) AnswerFunc {
	var mu sync.Mutex // guards seen
	seen := map[[2]string]int{}
	return pick(answers, func(r Request) int {
		mu.Lock()
		defer mu.Unlock()
		key := [2]string{r.SessionID, r.AgentID}
		seen[key]++
		return seen[key] - 1
	})
}

func pick(answers []Replier, number func(Request) int) AnswerFunc {
	return func(r Request) Answer {
		n := min(number(r), len(answers)-1)
		switch a := answers[n].(type) {
		case Answer:
			return a
		case AnswerFunc:
			return a(r)
		}
		return Answer{}
	}
}

// Script adds steps. A request is answered by the first step that is for it and is not used
// up, else by the default answer.
func (s *Server) Script(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := slices.Clone(*s.rules.Load())
	for _, step := range steps {
		r := step.step()
		if r.operation == "" {
			r.operation = OpMessages
		}
		r.plan = r.replier.static(s.name)
		rules = append(rules, r)
	}
	s.rules.Store(&rules)
}

// ClearScript takes all steps away.
func (s *Server) ClearScript() { s.rules.Store(&[]*rule{}) }

// Unused returns how many answers of limited steps were not asked for.
func (s *Server) Unused() int {
	n := int64(0)
	for _, r := range *s.rules.Load() {
		n += max(r.limit-r.used.Load(), 0)
	}
	return int(n)
}

// take claims one use of the rule for the request.
func (r *rule) take(req *Request) bool {
	if r.operation != req.Operation && r.operation != "*" {
		return false
	}
	if r.limit > 0 && r.used.Load() >= r.limit || r.match != nil && !r.match(*req) {
		return false
	}
	for {
		n := r.used.Load()
		if r.limit > 0 && n >= r.limit {
			return false
		}
		if r.used.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// needsBody tells whether finding the answer takes more of the body than a peek.
func needsBody(rules []*rule) bool {
	for _, r := range rules {
		if r.match != nil || r.plan == nil {
			return true
		}
	}
	return false
}

// answer finds the answer to the request; giveBack makes the step as if it had not been used.
func (s *Server) answer(rules []*rule, req *Request) (p *plan, giveBack func()) {
	for _, r := range rules {
		if !r.take(req) {
			continue
		}
		giveBack = func() { r.used.Add(-1) }
		if r.plan != nil {
			return r.plan, giveBack
		}
		return r.replier.reply(*req, s.name), giveBack
	}
	return nil, func() {}
}
