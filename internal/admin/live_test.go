package admin

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"prism/internal/stream"
)

// window is an Observer that answers what the test put in.
type window struct {
	live  Live
	line  SessionLine
	after []int64
	told  []SessionPlace
	err   error
}

func (w *window) Live(_ context.Context, after int64) (Live, error) {
	w.after = append(w.after, after)
	return w.live, w.err
}

func (w *window) Place(_ context.Context, p SessionPlace) (SessionLine, error) {
	w.told = append(w.told, p)
	return w.line, w.err
}

// observed serves with w as the observer; nil = none.
func observed(t *testing.T, w Observer) (*Client, string) {
	t.Helper()
	path := socketPath(t)
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	srv := &http.Server{Handler: Handler(Options{Control: g, Folder: g, Feed: NewFeed(), Observer: w})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return Dial(path), path
}

func TestWhatGoesOnArrivesWhole(t *testing.T) {
	at, reset := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)
	cost := "0.1250000000"
	w := &window{
		live: Live{
			At: at, StartedAt: at, Active: "work", Generation: 3, Seq: 41,
			InFlight: []Flight{{RequestID: "r", StartedAt: at, Stage: StageWaiting, Profile: "work", TTFTMS: stream.Unknown, AgentID: "a"}},
			Recent:   []Exchange{{RequestID: "q", CostUSD: &cost, TTFTMS: 5, DurationMS: 6, PromptTokens: stream.Unknown, CacheRead: stream.Unknown, OutputTokens: 9}},
			Windows:  []Window{{Profile: "work", Name: Window5h, Used: 0.58, ResetsAt: &reset, SeenAt: at}},
		},
		line: SessionLine{Active: "work", Profile: "kimi", Model: "kimi-k3", Session: &SessionView{SessionID: "s", Totals: Totals{Requests: 1, CostUSD: &cost}}},
	}
	c, _ := observed(t, w)
	l, err := c.Live(t.Context(), 40)
	if err != nil || len(w.after) != 1 || w.after[0] != 40 {
		t.Fatalf("%v, asked for what came after %v", err, w.after)
	}
	f, x := l.InFlight[0], l.Recent[0]
	if l.Seq != 41 || f.RequestID != "r" || f.TTFTMS.Known() || f.Stage != StageWaiting || f.AgentID != "a" || *x.CostUSD != cost || x.PromptTokens.Known() ||
		x.OutputTokens != 9 || l.Windows[0].Used != 0.58 || !l.Windows[0].ResetsAt.Equal(reset) {
		t.Errorf("%+v", l)
	}
	p := SessionPlace{SessionID: "s", Project: "shop", Cwd: "/home/u/shop", GitBranch: "fix", Model: "claude-sonnet-5-5"}
	line, err := c.Place(t.Context(), p)
	if err != nil || len(w.told) != 1 || w.told[0] != p {
		t.Fatalf("%v, told %+v", err, w.told)
	}
	if line.Profile != "kimi" || line.Model != "kimi-k3" || *line.Session.Totals.CostUSD != cost {
		t.Errorf("%+v", line)
	}
}

func TestARefusalOfTheObserverReachesTheClient(t *testing.T) {
	for name, w := range map[string]Observer{"none": nil, "one that fails": &window{err: &Error{Code: CodeNotFound, Message: "nothing"}}} {
		t.Run(name, func(t *testing.T) {
			c, _ := observed(t, w)
			for _, call := range []func() error{
				func() error { _, err := c.Live(t.Context(), 0); return err },
				func() error { _, err := c.Place(t.Context(), SessionPlace{SessionID: "s"}); return err },
			} {
				var e *Error
				if err := call(); !errors.As(err, &e) || e.Code != CodeNotFound {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestANumberThatIsNoneIsRefused(t *testing.T) {
	w := &window{}
	c, _ := observed(t, w)
	_, err := c.do(t.Context(), request{http.MethodGet, "/v1/live?after=x", nil})
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeUsage || len(w.after) != 0 {
		t.Errorf("%v, asked %v", err, w.after)
	}
}

func TestAWindowEndsWhenItIsReset(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		resets *time.Time
		want   bool
	}{{nil, true}, {new(at.Add(time.Second)), true}, {&at, false}, {new(at.Add(-time.Second)), false}} {
		if got := (Window{ResetsAt: c.resets}).Current(at); got != c.want {
			t.Errorf("a window that is reset at %v runs: %v, want %v", c.resets, got, c.want)
		}
	}
}
