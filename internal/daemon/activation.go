package daemon

import (
	"net"

	"prism/internal/admin"
)

// Sockets are listeners that were opened before prism started and stay open when it ends:
// between two processes connections wait in the kernel, and nobody is refused. Nil = prism
// opens it itself.
type Sockets struct {
	Data      net.Listener
	Dashboard net.Listener
	Control   net.Listener
}

// Close closes what is there. Whoever opened the sockets still has them.
func (s Sockets) Close() {
	for _, ln := range []net.Listener{s.Data, s.Dashboard, s.Control} {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// openSocket makes the control socket, or takes the one that was made for us.
func (d *Daemon) openSocket() (err error) {
	if d.opt.Control == nil {
		d.sock, err = admin.Listen(d.socket())
		return err
	}
	at := d.opt.Control.Addr().String()
	if d.sock, err = admin.Inherit(d.opt.Control); err != nil {
		return err
	}
	if want := d.wantedSocket(); at != want {
		d.log.Warn().Str(keySocket, at).Str(keyFix, "set socket: "+at+" in prism.yaml, or ListenStream="+want+" in the socket unit").
			Msg("the inherited control socket is not where clients look for it")
	}
	return nil
}

// sameAddress tells whether two addresses of this machine lead to the same port by the same
// protocol.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB {
		return false
	}
	known := func(host string) string {
		if host == "localhost" {
			return "127.0.0.1"
		}
		return host
	}
	return known(hostA) == known(hostB)
}

// socket is where the control socket is.
func (d *Daemon) socket() string {
	if d.opt.Control != nil {
		return d.opt.Control.Addr().String()
	}
	return d.wantedSocket()
}

// wantedSocket is where clients look for it.
func (d *Daemon) wantedSocket() string {
	if s := d.opt.Settings.Socket; s != "" {
		return s
	}
	return d.opt.Paths.Socket
}
