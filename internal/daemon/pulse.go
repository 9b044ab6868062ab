package daemon

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
)

// keptRecent is how many finished exchanges are remembered for who looks on.
const keptRecent = 200

// pulse is what has just happened. It begins anew with the process.
type pulse struct {
	mu      sync.Mutex
	recent  []admin.Exchange           // a ring of keptRecent; guarded by mu
	seq     int64                      // number of the last one; guarded by mu
	windows map[windowKey]admin.Window // guarded by mu
}

type windowKey struct{ profile, name string }

// see notes a finished exchange.
func (p *pulse) see(e *ledger.Entry, now time.Time) {
	x := admin.ExchangeOf(e)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	if len(p.recent) < keptRecent {
		p.recent = append(p.recent, x)
	} else {
		p.recent[(p.seq-1)%keptRecent] = x
	}
	p.window(admin.Window{Profile: e.Profile, Name: admin.Window5h, Used: e.RL5hUsed, ResetsAt: instant(e.RL5hResetAt), SeenAt: now})
	p.window(admin.Window{Profile: e.Profile, Name: admin.Window7d, Used: e.RL7dUsed, ResetsAt: instant(e.RL7dResetAt), SeenAt: now})
}

// window needs p.mu.
func (p *pulse) window(w admin.Window) {
	if w.Used < 0 { // not reported
		return
	}
	if p.windows == nil {
		p.windows = map[windowKey]admin.Window{}
	}
	p.windows[windowKey{w.Profile, w.Name}] = w
}

// since returns the exchanges after the one with that number, the oldest first, and the number
// of the last one. A number that was never given belongs to an earlier process.
func (p *pulse) since(after int64) ([]admin.Exchange, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if after < 0 || after > p.seq {
		after = 0
	}
	out := []admin.Exchange{}
	for n := max(after, p.seq-int64(len(p.recent))); n < p.seq; n++ {
		out = append(out, p.recent[n%keptRecent])
	}
	return out, p.seq
}

// last returns the last exchange of the session's main conversation with that model.
func (p *pulse) last(session, model string) (admin.Exchange, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := p.seq - 1; n >= p.seq-int64(len(p.recent)); n-- {
		x := p.recent[n%keptRecent]
		if x.SessionID == session && x.AgentID == "" && x.RequestModel == model && x.Operation == ledger.OpMessages {
			return x, true
		}
	}
	return admin.Exchange{}, false
}

// running returns the windows that have not ended, of one profile or of all ("").
func (p *pulse) running(profile string, now time.Time) []admin.Window {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []admin.Window{}
	for _, w := range p.windows {
		if (profile == "" || w.Profile == profile) && w.Current(now) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b admin.Window) int {
		return cmp.Or(cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Name, b.Name))
	})
	return out
}
