package alert

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/ledger"
)

// line is a transport that answers by itself.
type line struct {
	mu       sync.Mutex
	statuses []int // 0 = no answer; the last one again and again
	bodies   []string
	at       []time.Duration
	began    time.Time
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	l.bodies = append(l.bodies, string(b))
	l.at = append(l.at, time.Since(l.began))
	status := l.statuses[min(len(l.bodies), len(l.statuses))-1]
	if status == 0 {
		return nil, errors.New("no route to secret-path")
	}
	h := http.Header{}
	if status/100 == 3 {
		h.Set("Location", "https://elsewhere.example/")
	}
	return &http.Response{StatusCode: status, Header: h, Body: http.NoBody, Request: r}, nil
}

func notice(name string) *ledger.AlertEvent {
	return &ledger.AlertEvent{EventAt: time.Now(), Name: name, Rule: "budget", Scope: "all", State: ledger.AlertReached, Action: "block", Amount: 5, Limit: ledger.NoMoney, Message: "used \"up\"\n<b>"}
}

func TestAWebhookIsTriedAgainWhereThatCanHelp(t *testing.T) {
	for _, tt := range []struct {
		name     string
		statuses []int
		tries    int
		logged   bool
	}{
		{"at once", []int{204}, 1, false},
		{"busy at first", []int{503, 0, 429, 200}, 4, false},
		{"never", []int{500}, 4, true},
		{"nobody there", []int{0}, 4, true},
		{"refused", []int{403}, 1, true},
		{"sent elsewhere", []int{307}, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wire := &line{statuses: tt.statuses, began: time.Now()}
				var log strings.Builder
				n, err := NewNotifier(NotifierOptions{Logger: zerolog.New(&log), Webhook: "https://hooks.example/secret-path", Host: "box", Transport: wire})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { defer close(done); n.Run(ctx) }()
				n.Tell(notice("month"))
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				cancel()
				<-done
				if len(wire.bodies) != tt.tries {
					t.Errorf("tried at %v, want %d tries", wire.at, tt.tries)
				}
				if got := strings.Contains(log.String(), "notice not sent"); got != tt.logged {
					t.Errorf("log: %s", log.String())
				}
				if strings.Contains(log.String(), "secret-path") {
					t.Errorf("the log quotes the address: %s", log.String())
				}
				var body map[string]any
				if err := json.Unmarshal([]byte(wire.bodies[0]), &body); err != nil {
					t.Fatal(err)
				}
				if body["text"] != "prism: used \"up\"\n<b>" || body["host_name"] != "box" || body["name"] != "month" || body["amount_usd"] != "0.0000000005" || body["limit_usd"] != nil {
					t.Errorf("%v", body)
				}
			})
		})
	}
}

func TestTellingNeverWaits(t *testing.T) {
	var log strings.Builder
	n, err := NewNotifier(NotifierOptions{Logger: zerolog.New(&log), Webhook: "https://hooks.example/x"})
	if err != nil {
		t.Fatal(err)
	}
	for range queueLength + 3 { // nobody runs it
		n.Tell(notice("month"))
	}
	if n.dropped.Load() != 3 || !strings.Contains(log.String(), `"dropped":3`) {
		t.Errorf("%d dropped: %s", n.dropped.Load(), log.String())
	}
}

func TestADesktopThatHangsDoesNotKeepTheWebhookWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := &line{statuses: []int{200}, began: time.Now()}
		hang := func(ctx context.Context, title, _ string) error {
			if title != "prism: budget month" {
				t.Errorf("title %q", title)
			}
			<-ctx.Done()
			return ctx.Err()
		}
		n, err := NewNotifier(NotifierOptions{Logger: zerolog.Nop(), Webhook: "https://hooks.example/x", Transport: wire, Desktop: hang})
		if err != nil {
			t.Fatal(err)
		}
		go n.Run(t.Context())
		n.Tell(notice("month"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(wire.at) != 1 || wire.at[0] != desktopTimeout {
			t.Errorf("sent after %v", wire.at)
		}
	})
}

func TestADesktopNoticeIsArgumentsAndNeverAScript(t *testing.T) {
	const title, text = `prism: budget "x"`, `"; rm -rf ~ & <b>--flag</b>`
	got, err := desktopCommand("linux", title, text)
	if err != nil || strings.Join(got, "|") != `notify-send|--app-name=prism|--|prism: budget "x"|"; rm -rf ~ &amp; &lt;b&gt;--flag&lt;/b&gt;` {
		t.Errorf("%q, %v", got, err)
	}
	// What notify-send makes of the text: \074 would become a <, and a \ alone would vanish.
	got, err = desktopCommand("linux", title, `C:\new \074a href="x"\076 <b>`)
	if err != nil || got[len(got)-1] != `C:\\new \\074a href="x"\\076 &lt;b&gt;` {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := desktopCommand("darwin", title, text); err != nil || got[len(got)-1] != text || got[len(got)-2] != title {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := desktopCommand("plan9", title, text); !errors.Is(err, ErrNoDesktop) {
		t.Errorf("%v", err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if err := Desktop(t.Context(), title, text); err == nil {
		t.Error("no program, and no error")
	}
	script := "#!/bin/sh\nprintf '%s|' \"$@\" > " + filepath.Join(dir, "said") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "notify-send"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Desktop(t.Context(), title, text); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "said")); !strings.HasPrefix(string(b), `--app-name=prism|--|prism: budget "x"|`) {
		t.Errorf("%s", b)
	}
}

func TestWhatIsNotAboutMoneyIsToldInTheSameWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := &line{statuses: []int{204}, began: time.Now()}
		var shown []string
		n, err := NewNotifier(NotifierOptions{
			Logger: zerolog.Nop(), Webhook: "https://hooks.example/x", Host: "box", Transport: wire,
			Desktop: func(_ context.Context, title, text string) error { shown = append(shown, title+"|"+text); return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); n.Run(ctx) }()
		n.Say(Notice{Kind: "fallback", Message: "b answers in place of a", Fix: "prism status"})
		synctest.Wait()
		cancel()
		<-done
		if len(shown) != 1 || shown[0] != "prism|b answers in place of a\nfix: prism status" {
			t.Errorf("shown %q", shown)
		}
		want := `{"text":"prism: b answers in place of a\nfix: prism status","host_name":"box","kind":"fallback","message":"b answers in place of a","fix":"prism status"}`
		if len(wire.bodies) != 1 || wire.bodies[0] != want {
			t.Errorf("sent %s", wire.bodies)
		}
	})
}
