package spend

import (
	"math"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// Sum is what a number of exchanges used and cost. Tokens and amounts that are not known are
// not in it.
type Sum struct {
	Requests  int64        `json:"requests"`
	Unpriced  int64        `json:"unpriced"` // billable, and without a known cost
	Priced    int64        `json:"priced"`   // with a known cost
	Prompt    int64        `json:"prompt"`
	CacheRead int64        `json:"cache_read"`
	Output    int64        `json:"output"`
	Cost      ledger.Money `json:"cost"` // paid
	List      ledger.Money `json:"list"`
	Saved     ledger.Money `json:"saved"` // by caching; negative where writing it cost more
}

// add adds o to s. Sums stop at what they can hold: an absurd figure of a provider must not
// turn what was spent into a debt that opens a budget again.
func (s *Sum) add(o *Sum) {
	s.Requests += o.Requests
	s.Unpriced += o.Unpriced
	s.Priced += o.Priced
	s.Prompt = plus(s.Prompt, o.Prompt)
	s.CacheRead = plus(s.CacheRead, o.CacheRead)
	s.Output = plus(s.Output, o.Output)
	s.Cost = ledger.Money(plus(int64(s.Cost), int64(o.Cost)))
	s.List = ledger.Money(plus(int64(s.List), int64(o.List)))
	s.Saved = ledger.Money(plus(int64(s.Saved), int64(o.Saved)))
}

func plus(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64+1-b: // the least number means unknown
		return math.MinInt64 + 1
	}
	return a + b
}

// Scope is whose spending is counted.
type Scope struct {
	Kind string // all, profile, project, tag
	Name string // "" for all; KEY=VALUE for a tag
}

// The kinds of a [Scope].
const (
	ScopeAll     = "all"
	ScopeProfile = "profile"
	ScopeProject = "project"
	ScopeTag     = "tag"
)

// String writes the scope as the ledger has it: all, profile:NAME, project:NAME, tag:KEY=VALUE.
func (s Scope) String() string {
	if s.Kind == ScopeAll {
		return ScopeAll
	}
	return s.Kind + ":" + s.Name
}

// covers tells whether f counts for s.
func (s Scope) covers(f *fact) bool {
	switch s.Kind {
	case ScopeProfile:
		return s.Name == f.profile
	case ScopeProject:
		return s.Name == f.project
	case ScopeTag:
		key, value, _ := strings.Cut(s.Name, "=")
		got, ok := f.tags[key]
		return ok && got == value
	}
	return s.Kind == ScopeAll
}

// fact is what one exchange adds.
type fact struct {
	id               string
	at, ended        time.Time
	profile, project string
	session, model   string
	cwd, branch      string
	tags             map[string]string
	usage            string // where its token counts come from
	sum              Sum
}

// factOf takes what is needed from e. Entries that did not pass through the gateway have none:
// what was imported was spent elsewhere, and is history.
func factOf(e *ledger.Entry) (fact, bool) {
	if e.Operation != ledger.OpMessages || strings.HasPrefix(e.Source, "import:") {
		return fact{}, false
	}
	f := fact{
		id: e.RequestID, at: e.StartedAt, ended: e.EndedAt, profile: e.Profile, project: e.Project, session: e.SessionID,
		model: e.UpstreamModel, cwd: e.Cwd, branch: e.GitBranch, tags: e.Tags, usage: e.UsageSource,
		sum: Sum{Requests: 1, Prompt: known(e.PromptTokens), CacheRead: known(e.Usage.CacheRead), Output: known(e.Usage.Output)},
	}
	if f.ended.IsZero() {
		f.ended = f.at
	}
	f.cost(e.Cost, e.CostList, e.CostUncached)
	return f, true
}

// cost sets what the exchange cost, in place of what is there.
func (f *fact) cost(paid, list, uncached ledger.Money) {
	s := &f.sum
	s.Unpriced, s.Priced, s.Cost, s.List, s.Saved = 0, 0, 0, 0, 0
	billable := f.usage != ledger.UsageNone && f.usage != ""
	switch {
	case paid.Known():
		s.Priced, s.Cost = 1, paid
	case billable:
		s.Unpriced = 1
	}
	if list.Known() {
		s.List = list
		if uncached.Known() {
			s.Saved = uncached - list
		}
	}
}

func known(c stream.Count) int64 { return max(c.OrZero(), 0) }
