package dashboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

func TestACodeIsGoodOnceAndForHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccess(time.Now, codeLife, "")
		code, until := a.issue()
		if left := time.Until(until); left != codeLife {
			t.Errorf("good for %s", left)
		}
		token, ok := a.redeem(code)
		if !ok || len(token) < 43 {
			t.Fatalf("%q, %v", token, ok)
		}
		if _, again := a.redeem(code); again {
			t.Error("it was good twice")
		}
		late, _ := a.issue()
		time.Sleep(codeLife)
		if _, ok := a.redeem(late); ok {
			t.Error("it was good after its time")
		}
	})
}

func TestOneOfManyGetsTheSession(t *testing.T) {
	a := newAccess(time.Now, codeLife, "")
	code, _ := a.issue()
	var won atomic.Int32
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, ok := a.redeem(code); ok {
				won.Add(1)
			}
		})
	}
	if all.Wait(); won.Load() != 1 {
		t.Errorf("%d sessions for one code", won.Load())
	}
}

func TestCodesAndSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccess(time.Now, codeLife, "")
		first, _ := a.issue()
		for range maxCodes {
			time.Sleep(time.Millisecond)
			a.issue()
		}
		if _, ok := a.redeem(first); ok || len(a.codes) != maxCodes {
			t.Errorf("%d codes wait, the first: %v", len(a.codes), ok)
		}
		for range 3 * maxSessions {
			code, _ := a.issue()
			if _, ok := a.redeem(code); !ok {
				t.Fatal("a new code was refused")
			}
		}
		if len(a.sessions) != maxSessions {
			t.Errorf("%d sessions", len(a.sessions))
		}
		time.Sleep(sessionLife)
		code, _ := a.issue()
		a.redeem(code)
		if len(a.sessions) != 1 {
			t.Errorf("%d sessions after those before had ended", len(a.sessions))
		}
	})
}

func TestASessionEndsAfterTwelveHoursAndWithTheSignOut(t *testing.T) {
	r := newRig(t, nil)
	status := func(session func(*http.Request)) int {
		resp, _ := r.ask(http.MethodGet, "/api/state", "", session)
		return resp.StatusCode
	}
	one, other := r.signIn(), r.signIn()
	if status(one) != http.StatusOK || status(other) != http.StatusOK {
		t.Fatal("not signed in")
	}
	resp, _ := r.ask(http.MethodPost, "/api/logout", "{}", one)
	if c := resp.Cookies(); resp.StatusCode != http.StatusNoContent || len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("sign out: %d, %v", resp.StatusCode, c)
	}
	if status(one) != http.StatusUnauthorized || status(other) != http.StatusOK {
		t.Errorf("after one signed out: %d, the other %d", status(one), status(other))
	}
	r.now = r.now.Add(sessionLife)
	if status(other) != http.StatusUnauthorized {
		t.Error("it goes on after twelve hours")
	}
}

func TestTheCookieIsForThisPortAndNoScript(t *testing.T) {
	r := newRig(t, nil)
	u := r.pages.Code()
	if !strings.HasPrefix(u.URL, "http://"+r.host+"/#code=") || strings.Contains(u.URL[:strings.Index(u.URL, "#")], u.Code) {
		t.Errorf("%s", u.URL)
	}
	resp, body := r.ask(http.MethodPost, "/api/login", `{"code":"`+u.Code+`"}`, nil)
	if body != "" || len(resp.Header.Values("Set-Cookie")) != 1 {
		t.Fatalf("%q, %v", body, resp.Header)
	}
	got := resp.Header.Get("Set-Cookie")
	for _, want := range []string{"prism_session_" + port(r.host) + "=", "; Path=/api;", "; Max-Age=43200", "; HttpOnly", "; SameSite=Strict"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	if strings.Contains(got, "Domain") {
		t.Errorf("%s", got)
	}
}

func TestAWrongCodeSaysHowToGetOne(t *testing.T) {
	r := newRig(t, nil)
	for _, body := range []string{`{"code":""}`, `{"code":"AAAAAAAAAAAAAAAAAAAAAA"}`, `{"code":"' or 1=1 --"}`} {
		resp, answer := r.ask(http.MethodPost, "/api/login", body, nil)
		var got errorReply
		if err := json.Unmarshal([]byte(answer), &got); err != nil || resp.StatusCode != http.StatusUnauthorized || got.Error.Code != codeNoCode || got.Error.Fix != "prism ui" || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", body, resp.StatusCode, answer)
		}
	}
}

func TestAPageMayAskWhetherItIsSignedIn(t *testing.T) {
	r := newRig(t, nil)
	for want, by := range map[string]func(*http.Request){`{"signed_in":false}`: nil, `{"signed_in":true}`: r.signIn()} {
		resp, body := r.ask(http.MethodGet, "/api/session", "", by)
		if resp.StatusCode != http.StatusOK || strings.TrimSpace(body) != want {
			t.Errorf("%d %s, want %s", resp.StatusCode, body, want)
		}
	}
}

func TestNoTextOfACodeOrSessionIsKept(t *testing.T) {
	a := newAccess(time.Now, codeLife, "")
	code, _ := a.issue()
	for key := range a.codes {
		if strings.Contains(string(key[:]), code) {
			t.Error("the code itself is kept")
		}
	}
}

func TestTheUserBehindAConnectionIsKnownOnLinux(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			continue // a machine without that family
		}
		defer ln.Close()
		near, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		far, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		uid, known := peerUser(far.RemoteAddr().String(), far.LocalAddr().String())
		if _, err := os.Stat("/proc/net/tcp"); err == nil && (!known || uid != os.Getuid()) {
			t.Errorf("%s: user %d, known %v", address, uid, known)
		}
	}
	if _, known := peerUser("@", "pipe"); known {
		t.Error("what is no address has a user")
	}
}

// strangers counts how often it is asked whose a connection is, and says that it is another user's.
func strangers(r *rig) *atomic.Int32 {
	var asked atomic.Int32
	r.pages.whose = func(string, string) (int, bool) {
		asked.Add(1)
		return os.Getuid() + 4711, true
	}
	return &asked
}

func TestAnotherUserGetsNothingForACodeOrACookie(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, func(o *Options) { o.Logger = zerolog.New(&log) })
	session := r.signIn()
	code := r.pages.Code().Code
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() // those so far are our own
	asked := strangers(r)
	for range 3 {
		resp, body := r.ask(http.MethodPost, "/api/login", `{"code":"`+code+`"}`, nil)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "another user") || !strings.Contains(body, "prism ui, as") || len(resp.Cookies()) != 0 {
			t.Errorf("with the code: %d %s", resp.StatusCode, body)
		}
	}
	for _, path := range []string{"/api/state", "/api/profiles", "/api/presets", "/api/requests/1"} {
		if resp, body := r.ask(http.MethodGet, path, "", session); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "another user") {
			t.Errorf("%s with the cookie: %d %s", path, resp.StatusCode, body)
		}
	}
	if _, body := r.ask(http.MethodGet, "/api/session", "", session); strings.TrimSpace(body) != `{"signed_in":false}` {
		t.Errorf("whether it is signed in: %s", body)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times whose the one connection is", n)
	}
	if resp, _ := r.ask(http.MethodPost, "/api/use", `{"name":"kimi"}`, session); resp.StatusCode != http.StatusForbidden || len(r.gateway.used) != 0 {
		t.Errorf("a switch with the cookie: %d, used %v", resp.StatusCode, r.gateway.used)
	}
	if n := strings.Count(log.String(), "another user"); n != 1 {
		t.Errorf("%d lines for what is one attempt after the other:\n%s", n, log.String())
	}
	r.now = r.now.Add(strangerQuiet)
	if r.ask(http.MethodGet, "/api/state", "", session); strings.Count(log.String(), "another user") != 2 {
		t.Errorf("later:\n%s", log.String())
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	r.pages.whose = peerUser
	if resp, body := r.ask(http.MethodPost, "/api/login", `{"code":"`+code+`"}`, nil); resp.StatusCode != http.StatusNoContent {
		t.Errorf("the code is not good any more for its own user: %d %s", resp.StatusCode, body)
	}
}

// Reading the kernel's table and writing to the log cost something: nobody makes us do it for nothing.
func TestKnockingWithoutACodeCostsNothing(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, func(o *Options) { o.Logger = zerolog.New(&log) })
	asked := strangers(r)
	r.pages.Code()
	for _, body := range []string{`{"code":""}`, `{"code":"AAAAAAAAAAAAAAAAAAAAAA"}`, "{", `{"code":"x","more":1}`} {
		r.ask(http.MethodPost, "/api/login", body, nil)
	}
	for _, path := range []string{"/api/state", "/api/session", "/api/events", "/", "/healthz"} {
		r.ask(http.MethodGet, path, "", func(q *http.Request) { q.Header.Set("Cookie", r.pages.cookie+"=AAAA") })
	}
	if n := asked.Load(); n != 0 || log.Len() != 0 {
		t.Errorf("asked %d times whose the connection is, log: %s", n, log.String())
	}
}

func TestAStartingGatewayAsksPagesToWait(t *testing.T) {
	ready := false
	r := newRig(t, func(o *Options) { o.Ready = func() bool { return ready } })
	session := r.signIn()
	for _, path := range []string{"/api/state", "/api/profiles", "/api/presets", "/api/requests/1"} {
		resp, body := r.ask(http.MethodGet, path, "", session)
		var got errorReply
		if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != http.StatusServiceUnavailable || got.Error.Code != codeStarting || got.Error.Fix == "" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	if resp, _ := r.ask(http.MethodPost, "/api/use", `{"name":"kimi"}`, session); resp.StatusCode != http.StatusServiceUnavailable || len(r.gateway.used) != 0 || r.gateway.looked() != 0 {
		t.Errorf("a switch: %d, used %v, looked %d times", resp.StatusCode, r.gateway.used, r.gateway.looked())
	}
	if resp, _ := r.ask(http.MethodGet, "/", "", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("the page itself: %d", resp.StatusCode)
	}
	ready = true
	if resp, body := r.ask(http.MethodGet, "/api/state", "", session); resp.StatusCode != http.StatusOK {
		t.Errorf("then: %d %s", resp.StatusCode, body)
	}
}

func TestSessionsOutliveARestartAndNobodySignsInWithTheirFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dashboard.json")
	now := time.Now()
	clock := func() time.Time { return now }
	a := newAccess(clock, codeLife, file)
	code, _ := a.issue()
	token, _ := a.redeem(code)
	left, _ := a.issue()
	other, _ := a.issue()
	gone, _ := a.redeem(other)
	a.end(sha256.Sum256([]byte(gone)))
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), token) {
		t.Fatalf("%s, %v", text, err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	again := newAccess(clock, codeLife, file)
	if !again.holds(sha256.Sum256([]byte(token))) || again.holds(sha256.Sum256([]byte(gone))) {
		t.Error("a session is lost, or one came back that was ended")
	}
	if _, ok := again.redeem(left); ok {
		t.Error("a code outlived the process")
	}
	for key := range again.sessions {
		if again.holds(sha256.Sum256([]byte(hex.EncodeToString(key[:])))) {
			t.Error("what the file holds is a session")
		}
	}
	now = now.Add(sessionLife)
	if newAccess(clock, codeLife, file).holds(sha256.Sum256([]byte(token))) {
		t.Error("a session outlived its time")
	}
	for _, broken := range []string{"", "{", "null", `{"zz":"2026-11-20T12:00:00Z"}`, `{"` + strings.Repeat("ab", 32) + `":"9999-11-20T12:00:00Z"}`} {
		if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if b := newAccess(clock, codeLife, file); len(b.sessions) != 0 {
			t.Errorf("%s: %d sessions", broken, len(b.sessions))
		}
	}
}
