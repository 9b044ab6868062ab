package dashboard

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"prism/internal/admin"
)

// strangerQuiet is how long nothing more is logged of strangers: they could fill the disk.
const strangerQuiet = 10 * time.Second

// nobody is the user of a connection that no program holds any more.
const nobody = -1

type strangerKey struct{}

// ConnContext is for [http.Server.ConnContext]. It has the kernel asked whose a connection is: once,
// and not before something valid comes on it, so that it costs nothing to knock.
func (s *Server) ConnContext(ctx context.Context, c net.Conn) context.Context {
	remote, local := c.RemoteAddr().String(), c.LocalAddr().String()
	return context.WithValue(ctx, strangerKey{}, sync.OnceValue(func() bool {
		uid, known := s.whose(remote, local)
		return known && uid != os.Getuid() && uid != 0
	}))
}

// stranger tells whether a program of another user asks, where that can be known. A code or a cookie
// that got into wrong hands is worth nothing there.
func (s *Server) stranger(r *http.Request) bool {
	ask, _ := r.Context().Value(strangerKey{}).(func() bool)
	if ask == nil || !ask() {
		return false
	}
	now, last := s.opt.Now().UnixNano(), s.warned.Load()
	if (last == 0 || now-last >= int64(strangerQuiet)) && s.warned.CompareAndSwap(last, now) {
		s.opt.Logger.Warn().Msg("another user of this machine tried to get into the dashboard")
	}
	return true
}

func notYours() *admin.Error {
	return &admin.Error{Code: codeRefused, Message: "the dashboard belongs to another user of this machine", Fix: "prism ui, as the user who runs the gateway"}
}
