package daemon

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"prism/internal/admin"
	"prism/internal/simulator"
)

func TestSavingTheFileSwitchesTheRoute(t *testing.T) {
	r := newRig(t)
	first := r.seal(r.two("a"))
	r.write(first)
	r.start()
	if status, out, err := r.post(); status != 200 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, out)
	}
	r.write(bytes.Replace(first, []byte("active: a"), []byte("active: b"), 1))
	r.until("profile b answers", func() bool { return r.status().Active == "b" })
	if status, out, err := r.post(); status != 200 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, out)
	}
	if a, _ := r.a.Requests(); a != 1 {
		t.Errorf("upstream a saw %d requests, want 1", a)
	}
	if b, _ := r.b.Requests(); b != 1 {
		t.Errorf("upstream b saw %d requests, want 1", b)
	}
	events := r.events()
	if n := len(events); n != 2 || !events[1].Accepted || events[1].Generation != events[0].Generation+1 || events[1].Trigger != "file" {
		t.Errorf("events %+v", events)
	}
}

func TestABrokenFileChangesNothingAndIsReportedEverywhere(t *testing.T) {
	r := newRig(t)
	good := r.seal(r.two("a"))
	r.write(good)
	r.start()
	before := r.status()
	bad := bytes.Replace(good, []byte("active: a"), []byte("active: nobody"), 1)
	r.write(bad)
	r.until("the file is reported as refused", func() bool { return !r.status().File.OK })
	st := r.status()
	if st.Generation != before.Generation || st.Active != "a" || len(st.File.Problems) == 0 || st.File.Problems[0].Line != 1 {
		t.Errorf("status %+v", st)
	}
	if !strings.Contains(r.log.String(), `"message":"profiles refused"`) {
		t.Errorf("log:\n%s", r.log)
	}
	if status, out, _ := r.post(); status != 200 {
		t.Errorf("status %d: %s", status, out)
	}
	events := r.events()
	if last := events[len(events)-1]; last.Accepted || last.Reason == "" || last.Generation != before.Generation {
		t.Errorf("event %+v", last)
	}
	r.write(good)
	r.until("the file is well again", func() bool { return r.status().File.OK })
	if got := r.status().Generation; got != before.Generation {
		t.Errorf("generation %d after the same text came back, want %d", got, before.Generation)
	}
}

func TestAKnownKeyIsNotSentToANewHost(t *testing.T) {
	r := newRig(t)
	good := r.seal(r.two("a"))
	r.write(good)
	r.start()
	evil := bytes.Replace(good, []byte(r.upA.URL), []byte(r.upB.URL), 1)
	r.write(evil)
	r.until("the file is reported as refused", func() bool { return !r.status().File.OK })
	p := r.status().File.Problems[0]
	if p.Code != "pin_mismatch" || p.Fix != "prism trust a" || p.Line == 0 {
		t.Errorf("problem %+v", p)
	}
	if status, out, _ := r.post(); status != 200 {
		t.Errorf("status %d: %s", status, out)
	}
	if n, _ := r.b.Requests(); n != 0 {
		t.Errorf("the new host saw %d requests", n)
	}
	v, err := admin.Dial(r.paths.Socket).Trust(context.Background(), "a")
	if err != nil || !v.OK {
		t.Fatalf("trust: %+v, %v", v, err)
	}
	if !r.status().File.OK {
		t.Error("the file is still refused after trust")
	}
}

func TestUseWritesOneLineAndGoesBack(t *testing.T) {
	r := newRig(t)
	good := r.seal(r.two("a"))
	r.write(good)
	r.start()
	c := admin.Dial(r.paths.Socket)
	v, err := c.Use(context.Background(), "b")
	if err != nil || !v.OK || v.Active != "b" || v.Previous != "a" {
		t.Fatalf("use b: %+v, %v", v, err)
	}
	now, err := os.ReadFile(r.paths.Profiles)
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.Replace(good, []byte("active: a"), []byte("active: b"), 1); !bytes.Equal(now, want) {
		t.Errorf("the file is\n%s\nwant\n%s", now, want)
	}
	if v, err = c.Use(context.Background(), "-"); err != nil || v.Active != "a" {
		t.Fatalf("use -: %+v, %v", v, err)
	}
	if _, err = c.Use(context.Background(), "nobody"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("use nobody: %v", err)
	}
}

func TestASecondPrismIsRefusedBeforeItTouchesTheJournal(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	segments, _ := filepath.Glob(filepath.Join(r.paths.Journal, "*"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d, err := New(Options{Paths: r.paths, Settings: r.settings, Folder: noFold{}, Listener: ln})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(context.Background()); !errors.Is(err, ErrRunning) {
		t.Errorf("second run: %v, want ErrRunning", err)
	}
	if after, _ := filepath.Glob(filepath.Join(r.paths.Journal, "*")); len(after) != len(segments) {
		t.Errorf("the journal has %d files, had %d", len(after), len(segments))
	}
}

func TestSecretsAndPromptsAreInNoLogAndNoFile(t *testing.T) {
	const answer = "canary of an answer"
	r := newRig(t)
	r.a.Script(simulator.Always(simulator.Reply(simulator.Text(answer))))
	r.write(r.seal(r.two("a")))
	r.start()
	for range 3 {
		if status, out, _ := r.post(); status != 200 {
			t.Fatalf("status %d: %s", status, out)
		}
	}
	r.halt()
	root := filepath.Dir(r.paths.ConfigDir)
	root = filepath.Dir(root)
	texts := map[string]string{"log": r.log.String()}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		texts[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 4 {
		t.Fatalf("only %d files were looked at", len(texts))
	}
	for where, text := range texts {
		for _, secret := range []string{keyA, keyB, token, r.identity, "canary of a prompt", answer} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %.20q… in clear", where, secret)
			}
		}
	}
}
