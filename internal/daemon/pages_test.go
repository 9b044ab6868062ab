package daemon

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/simulator"
)

// signIn opens the dashboard as prism ui and a browser do, and returns the cookie.
func (r *rig) signIn() *http.Cookie {
	r.t.Helper()
	u, err := admin.Dial(r.paths.Socket).UI(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	page, code, found := strings.Cut(u.URL, "#code=")
	if !found || page != "http://"+r.d.dashboard+"/" || code != u.Code || time.Until(u.ExpiresAt) > 30*time.Second {
		r.t.Fatalf("%+v", u)
	}
	resp, err := r.client.Post(page+"api/login", "application/json", strings.NewReader(`{"code":"`+code+`"}`))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent || len(resp.Cookies()) != 1 {
		r.t.Fatalf("sign in: %d", resp.StatusCode)
	}
	return resp.Cookies()[0]
}

// page asks as a page that is signed in.
func (r *rig) page(method, path, body string, cookie *http.Cookie) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.d.dashboard+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.AddCookie(cookie)
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// dashRig is a running daemon with a dashboard port.
func dashRig(t *testing.T, file func(*rig) string) *rig {
	t.Helper()
	r := newRig(t)
	r.write(r.seal(file(r)))
	r.settings.Dashboard = "127.0.0.1:0"
	r.start()
	return r
}

func TestTheDashboardSwitchesAsPrismUseDoes(t *testing.T) {
	r := dashRig(t, func(r *rig) string { return r.two("a # mine") })
	cookie := r.signIn()
	before, err := os.ReadFile(r.paths.Profiles)
	if err != nil {
		t.Fatal(err)
	}
	status, body := r.page(http.MethodPost, "/api/use", `{"name":"b"}`, cookie)
	var v admin.Verdict
	if err := json.Unmarshal([]byte(body), &v); err != nil || status != http.StatusOK || !v.OK || v.Active != "b" || v.Trigger != "use" {
		t.Fatalf("%d %s", status, body)
	}
	after, err := os.ReadFile(r.paths.Profiles)
	if err != nil {
		t.Fatal(err)
	}
	one, other := strings.Split(string(before), "\n"), strings.Split(string(after), "\n")
	changed := 0
	for i := range one {
		if i >= len(other) || one[i] != other[i] {
			changed++
		}
	}
	if changed != 1 || len(one) != len(other) || !strings.Contains(string(after), "active: b # mine") {
		t.Errorf("%d lines changed:\n%s", changed, after)
	}
	r.answers()
	if seen, _ := r.b.Requests(); seen != 1 {
		t.Errorf("b was asked %d times", seen)
	}
	if status, body := r.page(http.MethodPost, "/api/use", `{"name":"nobody"}`, cookie); status != http.StatusNotFound || !strings.Contains(body, "prism profiles list") {
		t.Errorf("%d %s", status, body)
	}
}

// What the pages show holds no key, whatever happened.
func TestThePagesShowMaskedKeysOnly(t *testing.T) {
	r := dashRig(t, func(r *rig) string { return r.two("a") })
	cookie := r.signIn()
	r.answers()
	r.write(r.seal(strings.Replace(r.two("a"), "provider: anthropic", "dialect: "+keyB, 1)))
	r.until("the file is refused", func() bool { return !r.status().File.OK })
	for _, path := range []string{"/", "/api/state", "/api/profiles", "/api/presets"} {
		status, body := r.page(http.MethodGet, path, "", cookie)
		if status != http.StatusOK || strings.Contains(body, keyA) || strings.Contains(body, keyB) || strings.Contains(body, token) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	var got struct {
		Swaps   []admin.Swap   `json:"swaps"`
		Notices []admin.Notice `json:"notices"`
		Live    admin.Live     `json:"live"`
	}
	_, body := r.page(http.MethodGet, "/api/state", "", cookie)
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Swaps) != 2 || got.Swaps[0].OK || got.Swaps[0].Trigger != "file" || len(got.Swaps[0].Problems) == 0 || got.Swaps[0].Problems[0].Excerpt == "" || !got.Swaps[1].OK || got.Swaps[0].At.Before(got.Swaps[1].At) {
		t.Errorf("swaps: %+v", got.Swaps)
	}
	if len(got.Notices) != 1 || got.Notices[0].Kind != admin.NoticeFileRefused || len(got.Live.Recent) != 1 {
		t.Errorf("notices: %+v, %d exchanges", got.Notices, len(got.Live.Recent))
	}
}

func TestARequestIsSeenWhileItStreams(t *testing.T) {
	r := dashRig(t, func(r *rig) string { return r.two("a") })
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six seven eight nine ten", 10), simulator.EventDelay(300*time.Millisecond))))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.d.dashboard+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(r.signIn())
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := r.open(1)
	var flights, exchange string
	for sc := bufio.NewScanner(resp.Body); sc.Scan() && exchange == ""; {
		switch line := sc.Text(); {
		case strings.HasPrefix(line, "data: ") && strings.Contains(line, `"stage":"streaming"`) && !strings.Contains(line, `"output_tokens":0`):
			flights = line
		case strings.HasPrefix(line, "data: ") && strings.Contains(line, `"outcome":"ok"`):
			exchange = line
		}
	}
	if !strings.Contains(flights, `"profile":"a"`) || !strings.Contains(exchange, `"cost_usd":"`) {
		t.Errorf("under way: %s\nfinished: %s", flights, exchange)
	}
	<-out
}

func TestATrialIsNoRequestOfTheLedger(t *testing.T) {
	r := dashRig(t, func(r *rig) string { return r.two("a") })
	status, body := r.page(http.MethodPost, "/api/test", `{"profile":"b"}`, r.signIn())
	if status != http.StatusOK || !strings.Contains(body, `"ok":true`) || strings.Contains(body, keyB) {
		t.Errorf("%d %s", status, body)
	}
	if st := r.status(); st.Requests != 0 || st.Today.Requests != 0 {
		t.Errorf("%+v", st.Today)
	}
}

func TestWithoutADashboardPrismUISaysSo(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	if _, err := admin.Dial(r.paths.Socket).UI(t.Context()); err == nil || !strings.Contains(err.Error(), "no dashboard port") {
		t.Errorf("%v", err)
	}
}

// hook is a webhook that keeps what it gets.
type hook struct {
	mu   sync.Mutex
	said []map[string]any
}

func (h *hook) ServeHTTP(_ http.ResponseWriter, q *http.Request) {
	var v map[string]any
	_ = json.NewDecoder(q.Body).Decode(&v)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, v)
}

// of returns the messages of a kind.
func (h *hook) of(kind string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, v := range h.said {
		if v["kind"] == kind {
			out = append(out, v["message"].(string))
		}
	}
	return out
}

func TestPeopleAreToldOnceOfWhatTheyShouldKnow(t *testing.T) {
	h := &hook{}
	server := httptest.NewServer(h)
	defer server.Close()
	r := newRig(t)
	withFallback := func() string {
		return strings.Replace(r.two("a"), "provider: anthropic\n", "provider: anthropic\n    fallback: [b]\n", 1)
	}
	good := r.seal(withFallback())
	r.write(good)
	r.settings.Notify.Webhook = server.URL
	r.a.Script(simulator.Always(simulator.Reply(simulator.Status(http.StatusServiceUnavailable))))
	r.start()
	var seen []admin.Notice
	var mu sync.Mutex
	following := make(chan error, 1)
	go func() {
		following <- admin.Dial(r.paths.Socket).Events(t.Context(), func(ev admin.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if ev.Notice != nil {
				seen = append(seen, *ev.Notice)
			}
			return nil
		})
	}()
	r.until("somebody follows", r.d.feed.Followed)
	for range 3 {
		r.answers()
	}
	r.until("the fallback is told", func() bool { return len(h.of(admin.NoticeFallback)) == 1 })
	if got := h.of(admin.NoticeFallback)[0]; got != "b answers in place of a" {
		t.Errorf("%s", got)
	}
	// The same twice, and another one.
	for n, text := range []string{"active: nobody\n", "active: nobody # again\n", "active: [\n"} {
		r.write([]byte(text))
		r.until("the file is refused", func() bool { return strings.Count(r.log.String(), "profiles refused") > n })
	}
	r.until("both refusals are told", func() bool { return len(h.of(admin.NoticeFileRefused)) == 2 })
	// The key of a beside the host of b: nobody confirmed that.
	r.write(r.seal(strings.Replace(withFallback(), r.upA.URL, "http://127.0.0.1:9", 1)))
	r.until("the host is told", func() bool { return len(h.of(admin.NoticeHostWaits)) == 1 })
	if got := len(h.of(admin.NoticeFallback)) + len(h.of(admin.NoticeFileRefused)); got != 3 {
		t.Errorf("told %d times of three things", got)
	}
	// Once the file is well again, what was wrong before is news.
	r.write(good)
	r.until("the file is taken", func() bool { return r.status().File.OK })
	r.write([]byte("active: nobody\n"))
	r.until("the refusal is told again", func() bool { return len(h.of(admin.NoticeFileRefused)) == 3 })
	r.halt()
	if err := <-following; !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("following: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 5 || seen[0].Kind != admin.NoticeFallback || seen[0].Profile != "a" {
		t.Errorf("followers saw %+v", seen)
	}
}

func TestMoneyAloneIsToldWhereThatIsWanted(t *testing.T) {
	h := &hook{}
	server := httptest.NewServer(h)
	defer server.Close()
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Notify.Webhook, r.settings.Notify.About = server.URL, aboutMoney
	r.start()
	r.write([]byte("active: nobody\n"))
	r.until("the file is refused", func() bool { return !r.status().File.OK })
	r.halt()
	if got := h.of(admin.NoticeFileRefused); len(got) != 0 {
		t.Errorf("told %v", got)
	}
}
