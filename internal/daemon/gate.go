package daemon

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Descriptors of the process that connections must leave alone.
const (
	ownDescriptors = 64 // journal, lock, sockets, watches, the pipes of a fold worker
	perClient      = 2  // its connection, and the one to its upstream
	fewestClients  = 8
)

const (
	// gateNotice is how often it is said that clients wait.
	gateNotice = time.Minute
	// gatePatience is how long a connection may keep a place without a whole request while others
	// wait for one.
	gatePatience = time.Second
	// gateLook is how often it is looked for such connections.
	gateLook = 200 * time.Millisecond
	// gateCrowd is how many connections may go on waiting for their clients though nobody else
	// waits: each costs some twenty kilobytes.
	gateCrowd = 512
)

// gate is a listener that admits only as many connections at a time as there are descriptors
// for. Clients beyond wait in the kernel's queue: without the gate, accepting them would take
// the descriptors that the admitted ones need for their upstreams. While somebody waits,
// connections on which nothing happens give up their places.
type gate struct {
	net.Listener
	log   zerolog.Logger
	began time.Time // what the times of guests count from

	admitted chan struct{} // one element for every connection
	closing  chan struct{}
	once     sync.Once
	said     time.Time // of Accept alone
	full     string    // what is said when clients wait

	mu       sync.Mutex
	guests   map[*guest]struct{} // guarded by mu
	thinning bool                // thin comes again; guarded by mu
}

// guest is an admitted connection. What it does is noted in itself, twice per request, and not
// in the set of all.
type guest struct {
	gate  *gate
	conn  net.Conn
	since atomic.Int64 // it has waited for its client since then, in ns of the gate; served = its request is under way
	head  atomic.Bool  // a part of the next request has come
}

// served is the time of a guest whose request is under way.
const served = -1

// tcpGuest keeps the methods of a TCP connection that the server asks for.
type tcpGuest struct {
	*net.TCPConn
	guest *guest
}

// Read implements net.Conn.
func (c tcpGuest) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.guest.came(n)
	return n, err
}

type plainGuest struct {
	net.Conn
	guest *guest
}

// Read implements net.Conn.
func (c plainGuest) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.guest.came(n)
	return n, err
}

// came notes that something came. The server says that a request is under way only when it has
// read the head; until then the connection is not to be taken for one that is idle. Only the
// beginning of a head counts: who sends it byte by byte gains no time.
func (v *guest) came(n int) {
	if since := v.since.Load(); n > 0 && since != served && v.head.CompareAndSwap(false, true) {
		v.since.CompareAndSwap(since, v.gate.now())
	}
}

func newGate(ln net.Listener, clients int, log zerolog.Logger) *gate {
	return &gate{
		Listener: ln, log: log, began: time.Now(), guests: map[*guest]struct{}{}, full: "clients wait: too few descriptors, see ulimit -n",
		admitted: make(chan struct{}, clients), closing: make(chan struct{}),
	}
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	if !g.enter() {
		return nil, net.ErrClosed
	}
	conn, err := g.Listener.Accept()
	if err != nil {
		<-g.admitted
		return nil, err
	}
	v := &guest{gate: g, conn: conn}
	v.since.Store(g.now())
	g.mu.Lock()
	g.guests[v] = struct{}{}
	crowd := len(g.guests) > gateCrowd && !g.thinning
	g.thinning = g.thinning || crowd
	g.mu.Unlock()
	if crowd {
		time.AfterFunc(gatePatience, g.thin)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		return tcpGuest{tcp, v}, nil
	}
	return plainGuest{conn, v}, nil
}

// now is the time of the gate.
func (g *gate) now() int64 { return int64(time.Since(g.began)) }

// enter waits for a place; false = the gate is closed.
func (g *gate) enter() bool {
	select {
	case g.admitted <- struct{}{}:
		return true
	default:
	}
	if now := time.Now(); now.Sub(g.said) > gateNotice {
		g.said = now
		g.log.Warn().Int(keyClients, cap(g.admitted)).Msg(g.full)
	}
	look := time.NewTicker(gateLook)
	defer look.Stop()
	for {
		g.dismiss(gatePatience, max(1, cap(g.admitted)/8))
		select {
		case g.admitted <- struct{}{}:
			return true
		case <-g.closing:
			return false
		case <-look.C:
		}
	}
}

// thin parts with the connections of a crowd on which nothing happens, until there is none.
func (g *gate) thin() {
	g.mu.Lock()
	g.thinning = len(g.guests) > gateCrowd && !g.closed()
	again := g.thinning
	g.mu.Unlock()
	if !again {
		return
	}
	if more := len(g.idle(0)) - gateCrowd; more > 0 {
		g.dismiss(gatePatience, more)
	}
	time.AfterFunc(gatePatience, g.thin)
}

// idler is a guest that waits for its client since a moment.
type idler struct {
	*guest
	at int64
}

// idle lists the guests that have waited for their clients for that long, the longest ones
// first.
func (g *gate) idle(patience time.Duration) []idler {
	var all []idler
	limit := g.now() - int64(patience)
	g.mu.Lock()
	for v := range g.guests {
		if at := v.since.Load(); at != served && at <= limit {
			all = append(all, idler{v, at})
		}
	}
	g.mu.Unlock()
	slices.SortFunc(all, func(a, b idler) int { return cmp.Compare(a.at, b.at) })
	return all
}

// dismiss closes the connections that have waited for their client for that long, the longest
// ones first, and most of them at once.
func (g *gate) dismiss(patience time.Duration, most int) {
	all := g.idle(patience)
	for _, v := range all[:min(most, len(all))] {
		// A request may be there that a busy machine has not come to; it is not to be cut off.
		if !unread(v.conn) && v.since.Load() == v.at {
			_ = v.conn.Close()
		}
	}
}

// empty tells whether every connection has gone. It is exact once the gate is closed.
func (g *gate) empty() bool { return len(g.admitted) == 0 }

// closed tells whether Close was called.
func (g *gate) closed() bool {
	select {
	case <-g.closing:
		return true
	default:
		return false
	}
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.once.Do(func() { close(g.closing) })
	return g.Listener.Close()
}

// note is the server's ConnState hook.
func (g *gate) note(conn net.Conn, state http.ConnState) {
	var v *guest
	switch c := conn.(type) {
	case tcpGuest:
		v = c.guest
	case plainGuest:
		v = c.guest
	default:
		return
	}
	switch state {
	case http.StateNew: // Accept has noted it
	case http.StateActive:
		v.since.Store(served)
	case http.StateIdle:
		v.head.Store(false)
		v.since.Store(g.now())
	case http.StateClosed, http.StateHijacked:
		g.mu.Lock()
		delete(g.guests, v)
		g.mu.Unlock()
		<-g.admitted
	}
}

// clientsFor is how many connections a limit of descriptors allows.
func clientsFor(descriptors uint64) int {
	const most = 1 << 20
	if descriptors > most {
		descriptors = most
	}
	return max(fewestClients, (int(descriptors)-ownDescriptors)/perClient)
}
