package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger/duckdb"
	"prism/internal/simulator"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"prism": main}) }

// TestScripts runs the sessions in testdata/script: every command, and every error that a
// user can see, through the real program.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup:         setupScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     cmdExits,
			"simulate":  cmdSimulate,
			"ready":     cmdReady,
			"stopped":   cmdStopped,
			"send":      cmdSend,
			"senduntil": cmdSendUntil,
			"hold":      cmdHold,
			"release":   cmdRelease,
			"listen":    cmdListen,
			"awaits":    cmdAwaits,

			"transcripts": cmdTranscripts,
			"retold":      cmdRetold,
		},
	})
}

// setupScript gives a script a home of its own and a port of its own; nothing of the
// machine's is seen.
func setupScript(env *testscript.Env) error {
	// Many ask for the day: it must not end in the middle of one.
	now := time.Now().UTC()
	if left := now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now); left < time.Minute {
		time.Sleep(left)
	}
	home := filepath.Join(env.WorkDir, "h")
	address, err := simulator.FreeAddress()
	if err != nil {
		return err
	}
	for _, dir := range []string{home, filepath.Join(home, "run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for k, v := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, "c"), "XDG_DATA_HOME": filepath.Join(home, "d"),
		"XDG_STATE_HOME": filepath.Join(home, "s"), "XDG_RUNTIME_DIR": filepath.Join(home, "run"),
		"CONF": filepath.Join(home, "c", "prism"), "TZ": "UTC", "PRISM_LISTEN": address, "PRISM_DASHBOARD": "off", "EDITOR": "", "VISUAL": "", "SHELL": "/bin/sh",
	} {
		env.Setenv(k, v)
	}
	env.Values[heldKey{}] = &[]*sql.DB{}
	env.Defer(func() { stopGateway(filepath.Join(home, "run", "prism", "prism.sock")) })
	return nil
}

// stopGateway ends what `prism run` has started and a script that failed has left.
func stopGateway(socket string) {
	st, err := admin.Dial(socket).Status(context.Background())
	if err != nil {
		return
	}
	if p, err := os.FindProcess(st.PID); err == nil {
		_ = p.Kill()
	}
}

// cmdExits runs a program that must end with the code: exits CODE PROGRAM ARGS...
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ended := errors.AsType[*exec.ExitError](err); ended {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// simulatedKey is what the simulated providers accept.
const simulatedKey = "sim-key-0123456789-abcdef"

// cmdSimulate starts a provider and puts its URL into SIM; with clouds also one that wraps it as
// Amazon and Google do, in CLOUD, and with tls one whose certificate ca.pem vouches for, in SIMTLS.
func cmdSimulate(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: simulate [clouds] [tls]")
	}
	s := simulator.New(simulator.Options{Key: simulatedKey, Rules: simulator.Rules{MaxTokens: "max_completion_tokens"}})
	s.Script(
		simulator.When(simulator.LastText("overload"), simulator.Overloaded()),
		simulator.When(simulator.LastText("break"), simulator.Reply(simulator.Text("half"), simulator.CutAfter(4, simulator.CutRST))),
		simulator.When(simulator.Model("nosuch*"), simulator.Error(http.StatusNotFound, "not_found_error", "The model does not exist", nil)),
		simulator.When(simulator.Model("poor*"), simulator.RateLimited("7")),
		simulator.When(simulator.Model("page*"), simulator.HTML(http.StatusOK)),
		simulator.When(simulator.All(simulator.Model("picky*"), func(r simulator.Request) bool { return r.Header.Get("Authorization") != "" }),
			simulator.Error(http.StatusUnauthorized, "authentication_error", "no: "+simulatedKey, nil)),
		simulator.Always(simulator.Reply(simulator.Text("hello"), simulator.Usage{Input: 10, CacheRead: 4000, CacheWrite5m: 500, Output: 20})),
	)
	up := func(name string, r *simulator.Running) {
		ts.Defer(r.Close)
		ts.Setenv(name, r.URL)
	}
	r, err := s.Listen("127.0.0.1:0")
	ts.Check(err)
	up("SIM", r)
	if slices.Contains(args, "clouds") {
		up("CLOUD", s.Cloud(simulator.CloudOptions{Access: "AKIATEST", Secret: "test/secret+key", Token: simulatedKey}).Start())
	}
	if slices.Contains(args, "tls") {
		r := s.StartTLS(simulator.Certificate{})
		up("SIMTLS", r)
		ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), r.CA, 0o600))
	}
}

func socketIn(ts *testscript.TestScript) string {
	return filepath.Join(ts.Getenv("XDG_RUNTIME_DIR"), "prism", "prism.sock")
}

const patience = 20 * time.Second

func eventually(ts *testscript.TestScript, what string, ok func() bool) {
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("it did not happen: %s", what)
		}
	}
}

// cmdReady waits until the gateway answers.
func cmdReady(ts *testscript.TestScript, _ bool, _ []string) {
	c := admin.Dial(socketIn(ts))
	eventually(ts, "the gateway answers", func() bool {
		_, err := c.Status(context.Background())
		return err == nil
	})
}

// cmdStopped stops a gateway that runs in the background and waits until it is gone.
func cmdStopped(ts *testscript.TestScript, _ bool, _ []string) {
	c := admin.Dial(socketIn(ts))
	st, err := c.Status(context.Background())
	ts.Check(err)
	p, err := os.FindProcess(st.PID)
	ts.Check(err)
	ts.Check(p.Signal(os.Interrupt))
	eventually(ts, "the gateway stops", func() bool {
		_, err := c.Status(context.Background())
		return errors.Is(err, admin.ErrNotRunning)
	})
	// The socket closes first; the lock goes with the process.
	eventually(ts, "the state directory is free", func() bool {
		lock, err := daemon.TakeLock(filepath.Join(ts.Getenv("XDG_STATE_HOME"), "prism", "lock"))
		if err != nil {
			return false
		}
		return lock.Close() == nil
	})
}

// cmdSend sends one streamed request: send PROMPT [PROFILE]. The answer is in stdout.
func cmdSend(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("prism", "env", "--json"))
	var env map[string]string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &env))
	url := env["ANTHROPIC_BASE_URL"]
	if len(args) > 1 {
		url += "/p/" + args[1]
	}
	body := fmt.Sprintf(`{"model":"claude-sonnet-5-5","max_tokens":64,"stream":true,"messages":[{"role":"user","content":%q}]}`, args[0])
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/v1/messages", strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+env["ANTHROPIC_AUTH_TOKEN"])
	req.Header.Set("X-Claude-Code-Session-Id", "session-1")
	for line := range strings.SplitSeq(env["ANTHROPIC_CUSTOM_HEADERS"], "\n") {
		if k, v, ok := strings.Cut(line, ": "); ok {
			req.Header.Set(k, v)
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	ts.Check(err)
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body) // a broken stream ends with an error, which is what some scripts want
	_, err = fmt.Fprintf(ts.Stdout(), "%d\n%s", resp.StatusCode, text)
	ts.Check(err)
}

// cmdSendUntil repeats a request until a file holds a text: senduntil FILE TEXT PROMPT [PROFILE].
// A follower is there at some moment that nobody can see from outside.
func cmdSendUntil(ts *testscript.TestScript, neg bool, args []string) {
	eventually(ts, args[1]+" in "+args[0], func() bool {
		cmdSend(ts, neg, args[2:])
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && strings.Contains(string(b), args[1])
	})
}

type heldKey struct{}

// cmdHold opens the ledger read-only, as a notebook does that somebody left open.
func cmdHold(ts *testscript.TestScript, _ bool, _ []string) {
	db, err := duckdb.OpenReader(context.Background(), filepath.Join(ts.Getenv("XDG_DATA_HOME"), "prism", "ledger.duckdb"), duckdb.ReaderOptions{})
	ts.Check(err)
	ts.Check(db.PingContext(context.Background()))
	held, ok := ts.Value(heldKey{}).(*[]*sql.DB)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	*held = append(*held, db)
}

// cmdRelease closes what hold has opened.
func cmdRelease(ts *testscript.TestScript, _ bool, _ []string) {
	held, _ := ts.Value(heldKey{}).(*[]*sql.DB)
	for _, db := range *held {
		ts.Check(db.Close())
	}
	*held = nil
}

// cmdListen takes the port that the gateway wants.
func cmdListen(ts *testscript.TestScript, _ bool, _ []string) {
	ln, err := net.Listen("tcp", ts.Getenv("PRISM_LISTEN"))
	ts.Check(err)
	ts.Defer(func() { _ = ln.Close() })
}

// cmdAwaits repeats a command until its output contains a text: awaits TEXT PROGRAM ARGS...
func cmdAwaits(ts *testscript.TestScript, _ bool, args []string) {
	eventually(ts, args[0]+" from "+strings.Join(args[1:], " "), func() bool {
		err := ts.Exec(args[1], args[2:]...)
		return err == nil && strings.Contains(ts.ReadFile("stdout"), args[0])
	})
}
