package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"prism/internal/simulator"
)

// step is one thing that happens.
type step interface {
	run(w *world)
	String() string
}

// schedule is what happens, in order.
type schedule []step

func (s schedule) String() string {
	var b strings.Builder
	for i, st := range s {
		fmt.Fprintf(&b, "  %2d %s\n", i, st)
	}
	return b.String()
}

// hosts is how many providers there are.
const hosts = 3

// dice draws random things.
type dice struct{ *rand.Rand }

func newDice(seed, stream uint64) dice { return dice{rand.New(rand.NewPCG(seed, stream))} }

func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

func (d dice) upTo(most time.Duration) time.Duration { return time.Duration(d.Int64N(int64(most))) }

// newSchedule makes the schedule of a seed.
func newSchedule(seed uint64) schedule {
	d := newDice(seed, 0)
	var list schedule
	if d.oneIn(2) {
		for h := range hosts {
			list = append(list, newScript(d, h))
		}
	}
	asked := 0
	for len(list) < 8+d.IntN(20) {
		switch n := d.IntN(100); {
		case n < 50:
			list = append(list, newAsk(d, asked))
			asked++
		case n < 68:
			list = append(list, newScript(d, d.IntN(hosts)))
		case n < 78:
			list = append(list, swap{seed: d.Uint64()})
		case n < 84:
			list = append(list, rest{d.upTo(40 * time.Millisecond)})
		case n < 88:
			list = append(list, crash{torn: d.oneIn(3)})
		case n < 91:
			list = append(list, jump{[]time.Duration{time.Hour, -time.Hour, -10 * 365 * 24 * time.Hour, time.Second, -time.Second}[d.IntN(5)]})
		case n < 94:
			list = append(list, drop{host: d.IntN(hosts), how: []simulator.Cut{simulator.CutFIN, simulator.CutRST}[d.IntN(2)]})
		case n < 96:
			list = append(list, freeze{host: d.IntN(hosts), until: d.upTo(60 * time.Millisecond)})
		default:
			list = append(list, settle{})
		}
	}
	return append(list, newAsk(d, asked))
}

// ask is a client with a request of its own.
type ask struct {
	id     int
	stream bool
	model  string
	named  string // a profile, by header
	path   bool   // or by path
	large  int    // bytes of its prompt
	odd    string // what is wrong with it, for which it must be refused
	leave  leaving
	after  time.Duration // leaves after so long, or
	bytes  int           // after so many bytes
	reset  bool          // leaves by a reset
	slow   bool          // reads slowly
}

// leaving is how a client leaves.
type leaving int

const (
	stays leaving = iota
	leavesAfter
	leavesAtByte
	halfCloses
)

func (a ask) String() string {
	how := [...]string{"", fmt.Sprintf(", leaves after %v", a.after), fmt.Sprintf(", leaves after %d bytes", a.bytes), ", half closes"}[a.leave]
	return fmt.Sprintf("ask %d: stream %v, model %s, named %q (path %v), %d bytes, odd %q, reset %v, slow %v%s", a.id, a.stream, a.model, a.named, a.path, a.large, a.odd, a.reset, a.slow, how)
}

func newAsk(d dice, id int) ask {
	a := ask{id: id, stream: !d.oneIn(4), model: []string{"claude-opus-5-5", "alias-one", "claude-haiku-5-5"}[d.IntN(3)], reset: d.oneIn(2), slow: d.oneIn(12)}
	if d.oneIn(6) {
		a.named, a.path = profileName(d.IntN(hosts)), d.oneIn(2)
	}
	if d.oneIn(8) {
		a.large = d.IntN(200_000)
	}
	if d.oneIn(15) {
		a.odd = []string{"profile", "json", "origin", "token"}[d.IntN(4)]
	}
	switch d.IntN(8) {
	case 0:
		a.leave, a.after = leavesAfter, d.upTo(80*time.Millisecond)
	case 1:
		a.leave, a.bytes = leavesAtByte, d.IntN(3000)
	case 2:
		a.leave = halfCloses
	}
	return a
}

// script changes what a provider does from now on.
type script struct {
	host  int
	seed  uint64
	fault string // "" = it is well; mixed = anything, by the request
	names []string
}

func (s script) String() string { return fmt.Sprintf("provider %d: %q (%d)", s.host, s.fault, s.seed) }

func newScript(d dice, host int) script {
	s := script{host: host, seed: d.Uint64(), names: faultNames()}
	switch d.IntN(4) {
	case 0:
	case 1:
		s.fault = mixed
	default:
		s.fault = s.names[d.IntN(len(s.names))]
	}
	return s
}

// swap makes another table live.
type swap struct{ seed uint64 }

func (s swap) String() string { return fmt.Sprintf("swap %d", s.seed) }

// rest lets time pass.
type rest struct{ d time.Duration }

func (s rest) String() string { return fmt.Sprintf("rest %v", s.d) }

// crash ends the gateway as kill -9 does, and starts another on what it left.
type crash struct{ torn bool }

func (s crash) String() string { return fmt.Sprintf("crash, torn %v", s.torn) }

// jump sets the wall clock.
type jump struct{ by time.Duration }

func (s jump) String() string { return fmt.Sprintf("clock %+v", s.by) }

// drop ends all connections of a provider.
type drop struct {
	host int
	how  simulator.Cut
}

func (s drop) String() string {
	return fmt.Sprintf("provider %d drops its connections (%d)", s.host, s.how)
}

// freeze stops a provider for a while.
type freeze struct {
	host  int
	until time.Duration
}

func (s freeze) String() string {
	return fmt.Sprintf("provider %d stands still for %v", s.host, s.until)
}

// settle waits until no client is left.
type settle struct{}

func (settle) String() string { return "settle" }
