package daemon

import (
	"encoding/json"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/ledger"
	"prism/internal/pricing"
)

// unpriced remembers the models that were seen without a price, or with a row that has none for a
// kind of token they used. It names each once in the log, and lets them go when the price book
// knows them. It outlives the process: what has no price is said until it has one.
type unpriced struct {
	log  zerolog.Logger
	path string // "" = is not kept

	mu   sync.Mutex
	list []nameless
}

// nameless is a model that no row of the price book fits, or one that does not say enough.
type nameless struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Profile  string `json:"profile,omitempty"`  // that asked for it first
	PriceID  string `json:"price_id,omitempty"` // of the row that does not say enough
}

const maxUnpriced = 100

// see notes the models of an entry that have no price: the one that served, and those of its
// iterations.
func (u *unpriced) see(e *ledger.Entry) {
	if e.CostList.Known() || e.Operation != ledger.OpMessages || e.UsageSource == ledger.UsageNone || e.UsageSource == "" {
		return
	}
	model := e.ResponseModel
	if model == "" {
		model = e.UpstreamModel
	}
	if model == "" {
		model = e.RequestModel
	}
	if e.PriceID == "" || lacksPrice(e) {
		u.add(nameless{e.Provider, model, e.Profile, e.PriceID})
	}
	for i := range e.Iterations {
		if it := &e.Iterations[i]; !it.CostList.Known() && it.Model != "" && it.Model != model {
			u.add(nameless{e.Provider, it.Model, e.Profile, it.PriceID})
		}
	}
}

// lacksPrice tells whether the row that priced an entry has no price for something that its top
// level used.
func lacksPrice(e *ledger.Entry) bool {
	for _, part := range [...]ledger.Money{e.CostInput, e.CostCacheRead, e.CostCacheWrite, e.CostOutput} {
		if !part.Known() {
			return true
		}
	}
	beside := slices.ContainsFunc(e.Iterations, func(it ledger.Iteration) bool { return !it.CostList.Known() })
	return !e.CostOther.Known() && !beside // then it is the searches
}

func (u *unpriced) add(n nameless) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if slices.ContainsFunc(u.list, n.same) || len(u.list) >= maxUnpriced {
		return
	}
	u.list = append(u.list, n)
	u.keep()
	log := u.log.With().Str(keyModel, n.Model).Str(keyProvider, n.Provider).Logger()
	if n.PriceID != "" {
		log = log.With().Str(keyPrice, n.PriceID).Logger()
	}
	log.Warn().Str(keyFix, "prism prices").Msg("model has no price")
}

func (n nameless) same(o nameless) bool { return n.Provider == o.Provider && n.Model == o.Model }

// settle drops what the book has a price for by now: a row, or another one than that which did
// not say enough.
func (u *unpriced) settle(book *pricing.Book, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := len(u.list)
	u.list = slices.DeleteFunc(u.list, func(n nameless) bool {
		row, ok := book.Find(&pricing.Query{Provider: n.Provider, Model: n.Model, Profile: n.Profile, At: now})
		return ok && row.ID != n.PriceID
	})
	if len(u.list) != before {
		u.keep()
	}
}

// open reads what an earlier run left. A file that cannot be read is none: its models are seen
// again.
func (u *unpriced) open(path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.path = path
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &u.list) != nil || len(u.list) > maxUnpriced {
		u.list = nil
	}
}

// keep writes the list. It happens once per model, and a list that is lost is made anew.
func (u *unpriced) keep() {
	if u.path == "" {
		return
	}
	data, err := json.Marshal(u.list)
	if err == nil {
		err = os.WriteFile(u.path+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(u.path+".new", u.path)
	}
	if err != nil {
		u.log.Error().Err(err).Msg("models without a price not kept")
	}
}

// all returns the names for the status: provider/model.
func (u *unpriced) all() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	names := make([]string, len(u.list))
	for i, n := range u.list {
		names[i] = n.Provider + "/" + n.Model
	}
	return names
}
