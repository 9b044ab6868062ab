package daemon

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Descriptors of the process that connections must leave alone.
const (
	ownDescriptors = 64 // journal, lock, sockets, watches, the pipes of a fold worker
	perClient      = 2  // its connection, and the one to its upstream
	fewestClients  = 8
)

// gateNotice is how often it is said that clients wait.
const gateNotice = time.Minute

// gate is a listener that admits only as many connections at a time as there are descriptors
// for. Clients beyond wait in the kernel's queue: without the gate, accepting them would take
// the descriptors that the admitted ones need for their upstreams.
type gate struct {
	net.Listener
	log zerolog.Logger

	admitted chan struct{} // one element for every connection
	closing  chan struct{}
	once     sync.Once
	said     time.Time // of Accept alone
}

func newGate(ln net.Listener, clients int, log zerolog.Logger) *gate {
	return &gate{Listener: ln, log: log, admitted: make(chan struct{}, clients), closing: make(chan struct{})}
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case g.admitted <- struct{}{}:
	default:
		if now := time.Now(); now.Sub(g.said) > gateNotice {
			g.said = now
			g.log.Warn().Int(keyClients, cap(g.admitted)).Msg("clients wait: too few descriptors, see ulimit -n")
		}
		select {
		case g.admitted <- struct{}{}:
		case <-g.closing:
			return nil, net.ErrClosed
		}
	}
	conn, err := g.Listener.Accept()
	if err != nil {
		<-g.admitted
	}
	return conn, err
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.once.Do(func() { close(g.closing) })
	return g.Listener.Close()
}

// left is the server's ConnState hook.
func (g *gate) left(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
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
