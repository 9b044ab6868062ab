package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger"
)

func TestTheDoctorNamesTheKeysThatAreRefused(t *testing.T) {
	x := &examination{a: &app{}}
	x.health(admin.Status{Profiles: []admin.ProfileStatus{
		{Name: "work", State: ledger.HealthDenied, Why: "invalid x-api-key", Keys: []admin.KeyStatus{{State: ledger.HealthDenied}}},
		{Name: "pool", State: ledger.HealthOK, Keys: []admin.KeyStatus{{Name: "one", State: ledger.HealthOK}, {Name: "two", Masked: "sk-a…Q4f2", State: ledger.HealthDenied, Why: "403"}}},
		{Name: "flaky", State: ledger.HealthOpen, Why: "529"},
		{Name: "spare", State: ledger.HealthOK},
	}})
	var got []string
	for _, f := range x.findings {
		got = append(got, f.state+" "+f.what)
		if f.fix == "" {
			t.Errorf("%s has no fix", f.what)
		}
	}
	want := []string{
		"fail the provider of work refuses its key: invalid x-api-key",
		"warn the provider of pool refuses its key two (sk-a…Q4f2): 403",
		"warn flaky fails too often and is left out for a while: 529",
	}
	if !slices.Equal(got, want) {
		t.Errorf("findings %q, want %q", got, want)
	}
}

func TestABaseURLThatLeadsHereIsToldFromOneThatLooksLikeIt(t *testing.T) {
	const listen = "127.0.0.1:3000"
	for base, want := range map[string]bool{
		"http://127.0.0.1:3000": true, "http://127.0.0.1:3000/": true, "http://127.0.0.1:3000/p/work": true, "http://localhost:3000": true,
		"http://127.0.0.1:30001": false, "http://127.0.0.1:3000.evil.example": false, "https://127.0.0.1:3000": false, "http://localhost": false, "https://api.anthropic.com": false, "": false,
	} {
		if got := leadsHere(base, listen); got != want {
			t.Errorf("%q: %v", base, got)
		}
	}
}

func TestVersionsAreComparedNumberByNumber(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"2.1.329", "2.1.330", true}, {"2.1.330", "2.1.330", false}, {"2.1.1000", "2.1.330", false}, {"1.9.999", "2.1.330", true}, {"10.0.0", "2.1.330", false}} {
		if got := older(c.a, c.b); got != c.want {
			t.Errorf("%s before %s: %v", c.a, c.b, got)
		}
	}
	for s, want := range map[string]bool{"2.1.330": true, "2.1": false, "v2.1.330": false, "2.1.330-beta": false, "": false} {
		if isVersion(s) != want {
			t.Errorf("%q is a version: %v", s, !want)
		}
	}
}

// TestTheBundleHoldsNoSecret writes a bundle from files, settings, findings and a log that are all
// full of secrets, known ones and others.
func TestTheBundleHoldsNoSecret(t *testing.T) {
	a, r := ledgerApp(t)
	const key, second, token, webhook = "canary-one-0123456789abcdef", "canary-two-0123456789abcdef", "canary-token-0123456789abcdef", "canary-webhook-0123456789"
	const strange, identity = "sk-ant-canary-0123456789abcdef", "AGE-SECRET-KEY-1CANARY0123456789QQ"
	p := &config.Profiles{Active: "work", ClientToken: config.NewSecret(token), Profiles: []config.Profile{
		{Name: "work", BaseURL: "https://api.example", APIKey: config.NewSecret(key)},
		{Name: "pool", BaseURL: "https://api.example", Keys: []config.Key{{Name: "one", Secret: config.NewSecret(second)}}},
	}}
	r.settings.Notify.Webhook, r.settings.Telemetry.OTLP = "https://hooks.example/services/"+webhook, "https://user:"+webhook+"@otel.example/v1"
	log := filepath.Join(r.paths.State, "log", "serve.log")
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		t.Fatal(err)
	}
	said := strings.Repeat("x", bundledLog) + key + "\nkept " + second + " " + strange + " " + identity + "\nAuthorization: Bearer canary-bearer-0123\nhttp://user:canary-password@host/ " + a.getenv("HOME") + "/secret\x1b[2J\n"
	if err := os.WriteFile(log, []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	x := &examination{a: a, ctx: t.Context(), room: r, file: &profilesFile{File: &daemon.File{Profiles: p}}, status: &admin.Status{Active: "work", Unpriced: []string{token}}}
	x.add(stateFail, "gateway", "", "the provider said %s", key)
	t.Setenv("PRISM_CANARY", webhook)
	file := filepath.Join(t.TempDir(), "report.txt")
	if err := a.writeBundle(x, file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"canary", "CANARY0", a.getenv("HOME"), "\x1b"} {
		if i := strings.Index(strings.ReplaceAll(string(text), "PRISM_CANARY", ""), bad); i >= 0 {
			t.Errorf("%q is found: …%.80s", bad, text[max(0, i-20):])
		}
	}
	for _, good := range []string{"[redacted:work]", "[redacted:pool]", "[redacted:client_token]", "kept ", "https://hooks.example", "PRISM_CANARY", `"keys": 1`} {
		if !strings.Contains(string(text), good) {
			t.Errorf("%q is missing", good)
		}
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if err := a.writeBundle(x, file); err == nil {
		t.Error("a bundle was written over")
	}
}

func TestTheDoctorSeesAClockThatWasSetBack(t *testing.T) {
	a, r := ledgerApp(t)
	if err := os.MkdirAll(r.paths.State, 0o700); err != nil {
		t.Fatal(err)
	}
	ahead := a.now().Add(3 * time.Hour)
	file := filepath.Join(r.paths.State, "generation")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, ahead, ahead); err != nil {
		t.Fatal(err)
	}
	x := &examination{a: a, ctx: t.Context(), room: r}
	x.clock()
	if len(x.findings) != 1 || !strings.Contains(x.findings[0].what, "3h0m0s ahead of the clock") {
		t.Errorf("findings %+v", x.findings)
	}
	x.findings = nil
	a.now = func() time.Time { return ahead }
	if x.clock(); len(x.findings) != 0 {
		t.Errorf("findings %+v", x.findings)
	}
}

// A gateway that hangs takes connections and says nothing.
func TestTheDoctorLeavesTheSocketOfAGatewayThatHangs(t *testing.T) {
	a, r := ledgerApp(t)
	path := socketOf(r.paths, r.settings)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	x := &examination{a: a, ctx: ctx, room: r}
	x.gateway()
	x.socket()
	x.others()
	if len(x.findings) != 1 || x.findings[0].state != stateFail || x.findings[0].check != "gateway" || x.findings[0].repair != nil {
		t.Errorf("findings %+v", x.findings)
	}
	x = &examination{a: a, ctx: t.Context(), room: r, absent: true} // as if it had come since
	x.socket()
	if len(x.findings) != 1 || x.findings[0].repair == nil {
		t.Fatalf("findings %+v", x.findings)
	}
	if err := x.findings[0].repair(); !errors.Is(err, admin.ErrInUse) {
		t.Errorf("the repair says %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}

func TestTheDoctorDoesNotFold(t *testing.T) {
	a, r := ledgerApp(t)
	if _, err := a.appendRecords(t.Context(), r, randomEntries(3)); err != nil {
		t.Fatal(err)
	}
	x := &examination{a: a, ctx: t.Context(), room: r}
	if err := os.WriteFile(r.paths.LedgerFile, []byte(strings.Repeat("no ledger", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	before := everything(t, r.paths.Data)
	x.ledger()
	if len(x.findings) != 1 || x.findings[0].state != stateFail || x.findings[0].fix != "prism ledger verify" {
		t.Errorf("findings %+v", x.findings)
	}
	if after := everything(t, r.paths.Data); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestTheBundleTakesNothingFromWhereItIsMade(t *testing.T) {
	a, _ := ledgerApp(t)
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.Mkdir("log", 0o700), os.WriteFile(filepath.Join("log", "serve.log"), []byte("a line of a stranger\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	x := &examination{a: a, ctx: t.Context()} // whose settings cannot be read
	x.add(stateFail, "settings", "", "not valid YAML")
	if err := a.writeBundle(x, "report.txt"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("report.txt")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "stranger") || strings.Contains(string(text), "== settings") || !strings.Contains(string(text), "not valid YAML") {
		t.Errorf("report:\n%s", text)
	}
}

func TestAFullTemporaryFolderIsNoLossOfRows(t *testing.T) {
	a, r := ledgerApp(t)
	x := &examination{a: a, ctx: t.Context(), room: r}
	x.disk(disk{free: 1 << 20}, "/tmp", false)
	x.disk(disk{free: 1 << 20}, "/data", true)
	if len(x.findings) != 2 || x.findings[0].state != stateWarn || strings.Contains(x.findings[0].what, "rows") ||
		x.findings[1].state != stateFail || !strings.Contains(x.findings[1].what, "rows would be lost") {
		t.Errorf("findings %+v", x.findings)
	}
}

func TestAProgramThatLeavesAChildBehindDoesNotHoldTheDoctor(t *testing.T) {
	x := &examination{a: &app{}, ctx: t.Context()}
	began := time.Now()
	line, err := x.ask("sh", "-c", "echo 2.1.330; sleep 9 & exit 0")
	if took := time.Since(began); took > askLimit {
		t.Errorf("it took %s", took)
	}
	if line != "2.1.330" || err != nil {
		t.Errorf("it said %q, %v", line, err)
	}
}
