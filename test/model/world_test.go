package model

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"prism/config"
	"prism/internal/pricing"
	"prism/internal/simulator"
)

// token is what clients present.
const token = "canary-client-token-0123456789"

// limit is how long anything may take before a schedule counts as stuck.
const limit = 15 * time.Second

// host is one provider.
type host struct {
	*simulator.Server
	up   *simulator.Running
	does atomic.Pointer[script]
}

// lane is where a profile of a generation leads.
type lane struct {
	host    int
	keys    []string
	renames bool // alias-* is claude-sonnet-5 there
}

// generation is what a table says, for the check of what was done by it.
type generation struct {
	active string
	lanes  map[string]lane
	chain  map[string][]string // profile -> itself and its fallbacks
}

// world is everything that a schedule happens to.
type world struct {
	dir   string
	ip    string // of its gateways: a port that was free may soon be another world's
	book  *pricing.Book
	hosts [hosts]*host
	shift atomic.Int64 // of the wall clock

	gates   []*gateway // the last one lives
	tables  map[uint64]generation
	next    uint64
	profile []config.Profile // of the live table
	active  string

	clients sync.WaitGroup
	thaws   sync.WaitGroup
	mu      sync.Mutex // guards seen and wrong
	seen    []*visit
	wrong   []string
}

// newWorld makes a world with its first gateway.
func newWorld(dir string, seed uint64) (*world, error) {
	book, err := pricing.Embedded()
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, ip: ownAddress(seed), book: book, tables: map[uint64]generation{}}
	for i := range w.hosts {
		h := &host{Server: simulator.New(simulator.Options{Name: fmt.Sprintf("host%d", i), Seed: seed, Record: simulator.RecordAll})}
		h.does.Store(&script{host: i, seed: seed})
		h.Script(simulator.Always(simulator.AnswerFunc(func(r simulator.Request) simulator.Answer { return h.does.Load().answer(r) })))
		h.up = h.Start()
		w.hosts[i] = h
	}
	w.draw(seed)
	return w, w.start()
}

// ownAddress is a loopback address that no other world has, where the system has more than one. A
// client that is late then finds nobody, or the next gateway of its own world.
func ownAddress(seed uint64) string {
	ip := fmt.Sprintf("127.%d.%d.%d", 1+seed%254, (seed>>8)%256, 1+(seed>>16)%254)
	ln, err := net.Listen("tcp", ip+":0")
	if err != nil {
		return "127.0.0.1"
	}
	_ = ln.Close()
	return ip
}

// now is the wall clock. Like a real one it may be set; unlike it the monotonic clock moves along,
// which is why only what stands in records may depend on it.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.shift.Load())) }

func profileName(host int) string { return [...]string{"main", "spare", "third"}[host] }

func keyName(host, n int) string { return fmt.Sprintf("canary-key-%d-of-host-%d-0123456789", n, host) }

// draw draws another configuration.
func (w *world) draw(seed uint64) {
	d := newDice(seed, 1)
	g := generation{lanes: map[string]lane{}, chain: map[string][]string{}}
	w.profile = nil
	for i := range hosts {
		name := profileName(i)
		// Profiles change their hosts, and keys change with them.
		l := lane{host: (i + d.IntN(2)) % hosts, renames: d.oneIn(2)}
		p := config.Profile{
			Name: name, BaseURL: w.hosts[l.host].up.URL, Dialect: config.DialectAnthropic, Auth: config.AuthXAPIKey, Provider: "anthropic", Multiplier: "1",
			InputIncludesCache: "no", FallbackOnAuth: d.oneIn(2), OnTruncate: []string{"", "error", "abort"}[d.IntN(3)],
		}
		for n := range 1 + d.IntN(2) {
			key := keyName(l.host, d.IntN(2)*2+n)
			l.keys = append(l.keys, key)
			p.Keys = append(p.Keys, config.Key{Name: fmt.Sprint("k", n), Secret: config.NewSecret(key)})
		}
		p.APIKey = p.Keys[0].Secret
		if l.renames {
			p.Models = []config.ModelRule{{Match: "alias-*", Use: "claude-sonnet-5"}}
		}
		g.lanes[name], g.chain[name] = l, []string{name}
		w.profile = append(w.profile, p)
	}
	for i, j := range d.Perm(hosts)[:d.IntN(hosts)] {
		if from, to := profileName(i), profileName(j); from != to {
			w.profile[i].Fallback = append(w.profile[i].Fallback, to)
			g.chain[from] = append(g.chain[from], to)
		}
	}
	w.active = profileName(d.IntN(hosts))
	g.active = w.active
	w.next++
	w.tables[w.next] = g
}

// gate is the gateway that lives.
func (w *world) gate() *gateway { return w.gates[len(w.gates)-1] }

// fail notes what is wrong.
func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

func (s swap) run(w *world) {
	w.draw(s.seed)
	if err := w.load(w.gate()); err != nil {
		w.fail("swap: %v", err)
	}
}

func (s script) run(w *world) { w.hosts[s.host].does.Store(&s) }

func (s rest) run(*world) { time.Sleep(s.d) }

func (s jump) run(w *world) { w.shift.Add(int64(s.by)) }

func (s drop) run(w *world) { w.hosts[s.host].up.CloseConnections(s.how) }

func (s freeze) run(w *world) {
	thaw := w.hosts[s.host].Freeze()
	w.thaws.Add(1)
	time.AfterFunc(s.until, func() {
		defer w.thaws.Done()
		thaw()
	})
}

func (settle) run(w *world) { w.clients.Wait() }

func (s crash) run(w *world) {
	if err := w.gate().end(true); err != nil {
		w.fail("crash: %v", err)
	}
	if s.torn {
		w.tear()
	}
	if err := w.start(); err != nil {
		w.fail("start after a crash: %v", err)
	}
}

// tear leaves half a record at the end of the newest segment, as a crash of the machine may.
func (w *world) tear() {
	list, err := filepath.Glob(filepath.Join(w.dir, "journal", "*.jsonl"))
	if err != nil || len(list) == 0 {
		w.fail("no segment to tear: %v", err)
		return
	}
	slices.Sort(list)
	f, err := os.OpenFile(list[len(list)-1], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		w.fail("tear: %v", err)
		return
	}
	defer f.Close()
	_, _ = f.WriteString(`{"seq":99,"kind":"open","request_id":"01TO`)
}

// finish waits for everything, and ends the world.
func (w *world) finish() {
	w.clients.Wait()
	w.thaws.Wait()
	if err := w.gate().end(false); err != nil {
		w.fail("end: %v", err)
	}
	for _, h := range w.hosts {
		h.up.Close()
	}
}
