package daemon

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/spend"
)

// A key that was put into the wrong place is quoted by what is wrong with the file.
func TestAKeyInTheWrongPlaceIsToldToNobody(t *testing.T) {
	h := &hook{}
	server := httptest.NewServer(h)
	defer server.Close()
	r := newRig(t)
	r.settings.Notify.Webhook = server.URL
	r.write(r.seal(r.two("a")))
	r.start()
	r.write(r.seal(strings.Replace(r.two("a"), "provider: anthropic", "dialect: "+keyB, 1)))
	r.until("the refusal is told", func() bool { return len(h.of(admin.NoticeFileRefused)) == 1 })
	client := admin.Dial(r.paths.Socket)
	verdict, err := client.Reload(t.Context(), true)
	if err != nil || verdict.OK {
		t.Fatalf("%+v, %v", verdict, err)
	}
	use, err := client.Use(t.Context(), "b")
	if err != nil || use.OK {
		t.Fatalf("%+v, %v", use, err)
	}
	status := r.status()
	r.halt()
	events := r.events()
	said, err := json.Marshal(h.said)
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]any{"the webhook": string(said), "the verdict": verdict, "the verdict of a switch": use, "the status": status, "the ledger": events} {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), keyB) || !strings.Contains(string(b), "redacted:b") {
			t.Errorf("%s: %s", where, b)
		}
	}
}

func TestWhatWasToldFirstIsForgottenFirst(t *testing.T) {
	var n news
	now := time.Now()
	for i := range keptNews + 1 {
		if !n.due(piece{text: fmt.Sprint(i)}, time.Hour, now.Add(time.Duration(i))) {
			t.Fatalf("%d was told before", i)
		}
	}
	if len(n.told) != keptNews || n.due(piece{text: "1"}, time.Hour, now) || !n.due(piece{text: "0"}, time.Hour, now) {
		t.Errorf("%d things are remembered, the second %v", len(n.told), n.told[piece{text: "1"}])
	}
}

// notices are what followers of a daemon that does not run are told by tell.
func notices(t *testing.T, tell func(*Daemon)) []admin.Notice {
	t.Helper()
	r := newRig(t)
	d, err := New(r.options())
	if err != nil {
		t.Fatal(err)
	}
	var done cleanups
	defer done.run()
	mustMake(t, d.claim(t.Context(), &done))
	mustMake(t, d.prepare(&done))
	ch, stop := d.feed.Subscribe()
	defer stop()
	tell(d)
	var out []admin.Notice
	for {
		select {
		case ev := <-ch:
			out = append(out, *ev.Notice)
		default:
			return out
		}
	}
}

func TestAHostThatIsNewIsToldOnceForAllKeys(t *testing.T) {
	report := config.PinReport{New: []config.Pin{
		{Key: "1", Name: "k1", Origin: "https://a.example:443", Profile: "a"},
		{Key: "2", Name: "k2", Origin: "https://a.example:443", Profile: "a"},
		{Origin: "http://127.0.0.1:9", Profile: "local"},
	}}
	var got []string
	for _, n := range notices(t, func(d *Daemon) { d.tellHosts(&admin.Verdict{Trigger: "file"}, report) }) {
		got = append(got, n.String())
	}
	want := []string{"the key of a may now be sent to https://a.example:443, for the first time", "requests of local may now be sent to http://127.0.0.1:9, for the first time"}
	if !slices.Equal(got, want) {
		t.Errorf("told %q", got)
	}
}

func TestTheFixOfAnAlertShowsIt(t *testing.T) {
	for rule, want := range map[string]string{spend.RuleBudget: "prism spend --budget", "query": "prism status"} {
		got := notices(t, func(d *Daemon) { d.tellMoney(&ledger.AlertEvent{Rule: rule, State: ledger.AlertReached, Message: "m"}) })
		if len(got) != 1 || got[0].Fix != want {
			t.Errorf("%s: %+v", rule, got)
		}
	}
}

// profile is the status of profile a.
func (r *rig) profile() admin.ProfileStatus {
	r.t.Helper()
	for _, p := range r.status().Profiles {
		if p.Name == "a" {
			return p
		}
	}
	r.t.Fatal("profile a is not there")
	return admin.ProfileStatus{}
}

func TestTheStatusSaysWhichHostWasConfirmed(t *testing.T) {
	r := newRig(t)
	good := r.seal(r.two("a"))
	r.write(good)
	r.start()
	if p := r.profile(); !p.Pinned || p.Waits != "" {
		t.Errorf("at first: %+v", p)
	}
	r.write(r.seal(strings.Replace(r.two("a"), r.upA.URL, "http://127.0.0.1:9", 1)))
	r.until("it waits", func() bool { return r.profile().Waits != "" })
	if p := r.profile(); !p.Pinned || !strings.Contains(p.Waits, "is pinned to") || !strings.Contains(p.Waits, "127.0.0.1:9") {
		t.Errorf("with another host: %+v", p)
	}
	r.write(good)
	r.until("it waits no more", func() bool { return r.profile().Waits == "" })
	pins, err := config.LoadPins(r.paths.Pins) // as prism trust --revoke does, in a process of its own
	mustMake(t, err)
	if n, err := pins.Revoke("a"); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if r.profile().Pinned {
		t.Error("it is pinned after that was revoked")
	}
}

// The file says what answers: nothing is written that would then be refused.
func TestASwitchThatWouldBeRefusedWritesNothing(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	text := r.seal(strings.Replace(r.two("a"), r.upA.URL, "http://127.0.0.1:9", 1))
	r.write(text)
	r.until("the file is refused", func() bool { return !r.status().File.OK })
	v, err := admin.Dial(r.paths.Socket).Use(t.Context(), "b")
	if err != nil || v.OK || v.Active != "a" || len(v.Problems) != 1 || v.Problems[0].Code != config.CodePinMismatch {
		t.Errorf("%+v, %v", v, err)
	}
	if v.Changed == nil || v.Added == nil || v.Removed == nil || v.Notes == nil {
		t.Errorf("lists that are null: %+v", v)
	}
	if now, err := os.ReadFile(r.paths.Profiles); err != nil || string(now) != string(text) {
		t.Errorf("the file was written, %v:\n%s", err, now)
	}
	if _, err := os.Stat(r.paths.ActiveFile); !os.IsNotExist(err) {
		t.Errorf("a choice was kept, %v", err)
	}
	if v, err := admin.Dial(r.paths.Socket).Trust(t.Context(), "a"); err != nil || !v.OK || v.Active != "a" {
		t.Errorf("trust: %+v, %v", v, err)
	}
}

func TestErrorsStandBeforeWarnings(t *testing.T) {
	ps := config.Problems{{Severity: config.SeverityWarning, Line: 1}, {Severity: config.SeverityError, Line: 2}, {Severity: config.SeverityWarning, Line: 3}, {Severity: config.SeverityError, Line: 4}}
	var got []int
	for _, p := range ordered(ps) {
		got = append(got, p.Line)
	}
	if !slices.Equal(got, []int{2, 4, 1, 3}) || ps[0].Line != 1 {
		t.Errorf("%v", got)
	}
}
