package model

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// visit is what a client did and saw.
type visit struct {
	ask     ask
	session string
	sent    bool // the request was written whole
	body    string
	left    bool // of its own will, before the end

	status int
	header http.Header
	got    []byte
	err    error // the answer has no end
}

func (a ask) run(w *world) {
	v := &visit{ask: a, session: fmt.Sprintf("session-%03d", a.id)}
	w.mu.Lock()
	w.seen = append(w.seen, v)
	w.mu.Unlock()
	addr := w.gate().addr
	w.clients.Go(func() { v.call(addr) })
}

// request is the request as bytes.
func (v *visit) request(addr string) string {
	a := &v.ask
	v.body = fmt.Sprintf(`{"model":%q,"max_tokens":100,"messages":[{"role":"user","content":%q}],"stream":%v}`, a.model, "hello "+strings.Repeat("x", a.large), a.stream)
	path, extra, bearer := "/v1/messages", "", token
	switch {
	case a.named != "" && a.path:
		path = "/p/" + a.named + path
	case a.named != "":
		extra = "X-Prism-Profile: " + a.named + "\r\n"
	}
	switch a.odd {
	case "profile":
		path, extra = "/p/nobody/v1/messages", ""
	case "json":
		v.body = v.body[:len(v.body)-1]
	case "origin":
		extra += "Origin: https://evil.example\r\n"
	case "token":
		bearer = "wrong"
	}
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nX-Claude-Code-Session-Id: %s\r\n%sContent-Length: %d\r\n\r\n%s",
		path, addr, bearer, v.session, extra, len(v.body), v.body)
}

// call sends the request and reads what comes, as long as the client stays.
func (v *visit) call(addr string) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		v.err = err // the gateway is down at this moment
		return
	}
	c := nc.(*net.TCPConn)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	if v.ask.leave == leavesAfter {
		stop := time.AfterFunc(v.ask.after, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
		defer stop.Stop()
	}
	if _, err := io.WriteString(c, v.request(addr)); err != nil {
		v.err = err
		return
	}
	v.sent = true
	if v.ask.leave == halfCloses {
		_ = c.CloseWrite()
	}
	v.err = v.read(c)
	if v.err != nil && v.ask.leave == leavesAfter {
		v.left = true
	}
	if v.left && v.ask.reset {
		_ = c.SetLinger(0)
	}
}

// errLeft is how an answer ends that the client did not want to its end.
var errLeft = fmt.Errorf("left")

// read reads the answer.
func (v *visit) read(c net.Conn) error {
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	v.status, v.header = resp.StatusCode, resp.Header
	buf := make([]byte, 2048)
	for {
		want := len(buf)
		if v.ask.leave == leavesAtByte {
			if want = min(want, v.ask.bytes-len(v.got)); want <= 0 {
				v.left = true
				return errLeft
			}
		}
		if v.ask.slow {
			want = min(want, 512)
			time.Sleep(time.Millisecond) // a slow reader is what is being simulated
		}
		n, err := resp.Body.Read(buf[:want])
		v.got = append(v.got, buf[:n]...)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
