//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/internal/service"
	"prism/internal/simulator"
)

// serviceScript runs in a mount namespace and a PID namespace of its own, where it starts a systemd
// for one user. $1 is prism, the home is not in /tmp, which a service does not see. $2 and $3 are
// addresses.
const serviceScript = `
mount --make-rprivate / && mount -t tmpfs tmpfs /run/systemd && mkdir -p /run/systemd/system || exit 77
mount -t tmpfs tmpfs /srv || exit 77
B=/srv/house; mkdir -p $B/.local/bin $B/run $B/.config/prism; chmod 700 $B/run
cp "$1" $B/.local/bin/prism
export HOME=$B XDG_RUNTIME_DIR=$B/run USER=root PATH=$B/.local/bin:$PATH DBUS_SESSION_BUS_ADDRESS=unix:path=$B/run/bus
systemd=$(command -v systemd || echo /lib/systemd/systemd)
$systemd --user --unit=basic.target >$B/run/systemd.log 2>&1 &
manager=$!
for i in $(seq 300); do systemctl --user is-system-running 2>/dev/null | grep -q running && break; sleep 0.1; done
[ $i = 300 ] && exit 77
cat >$B/.config/prism/profiles.yaml <<Y
active: work
profiles:
  - name: work
    base_url: http://127.0.0.1:9
    api_key: sk-test-000000000000000000000000
Y
printf 'allow_plaintext: true\nlisten: %s\ndashboard: %s\n' "$2" "$3" >$B/.config/prism/prism.yaml
pid() { prism status --jq .pid 2>/dev/null; }
say() { echo "=== $*"; }
export PRISM_LOG_LEVEL=warn
find $B/.config | sort >$B/run/before
say detached; prism start; detached=$(pid); echo "pid $detached"
say install; prism service install; echo "exit $?"
another() { [ -n "$1" ] && [ "$1" != "$2" ] && echo "another process runs"; }
service=$(pid); another "$service" "$detached"
systemctl --user show prism.service -p MainPID -p ActiveState -p UnitFileState
say again; prism service install; echo "exit $?"; [ -n "$service" ] && [ "$(pid)" = "$service" ] && echo "nothing was restarted"
say restart; prism restart; echo "exit $?"; another "$(pid)" "$service"
say less; env -u PRISM_LOG_LEVEL prism service status; env -u PRISM_LOG_LEVEL prism service install; echo "exit $?"
tr '\0' '\n' </proc/$(pid)/environ | grep PRISM_LOG_LEVEL
say stop; prism stop; echo "exit $?"
systemctl --user is-active prism.service prism.socket prism-control.socket prism-dashboard.socket
say start; prism start; echo "exit $?"; systemctl --user is-active prism.service prism.socket
say status; prism service status
held() { grep -qi ":$(printf %04X ${1##*:}) 00000000:0000 0A" /proc/net/tcp && echo "$2 is held"; }
say off; held $3 dashboard; sed -i 's/^dashboard:.*/dashboard: off/' $B/.config/prism/prism.yaml
prism service install; echo "exit $?"; held $3 "still the dashboard"; held $2 data; systemctl --user is-active prism-dashboard.socket prism.service
say uninstall; prism service uninstall; echo "exit $?"
pid || echo "nothing runs"
find $B/.config | sort >$B/run/after; cmp $B/run/before $B/run/after && echo "nothing is left"
systemctl --user list-unit-files 'prism*' --no-legend; systemctl --user list-units --all 'prism*' --no-legend
say odd
D="$B/odd \$HOME 100% %h b"; mkdir -p "$D/conf"; cp "$1" "$D/prism"
sed "s/^listen.*/listen: $2/" $B/.config/prism/prism.yaml >"$D/conf/prism.yaml"; cp $B/.config/prism/profiles.yaml "$D/conf/"
odd() { env -u PRISM_LOG_LEVEL "XDG_STATE_HOME=$D/state" "$D/prism" --config "$D/conf" "$@"; }
odd service install; echo "exit $?"; odd service status
main=$(pid); readlink /proc/$main/exe; tr '\0' '\n' </proc/$main/cmdline; tr '\0' '\n' </proc/$main/environ | grep XDG_STATE_HOME
systemctl --user reload prism.service; echo "reload $?"
prism service status | grep another
prism service install; echo "exit $?"
odd stop; prism stop; prism start; prism stop
odd service uninstall; echo "exit $?"
say end
kill $manager; wait $manager
exit 0
`

func before(text, mark string) string {
	text, _, _ = strings.Cut(text, mark)
	return text
}

// TestTheServiceUnderARealUserManager installs, stops, starts and uninstalls the service with
// systemd itself: what starts at login, what takes over from a gateway in the background, and what
// is left at the end, which is nothing.
func TestTheServiceUnderARealUserManager(t *testing.T) {
	for _, tool := range []string{"unshare", "systemctl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s here: the service is not tried", tool)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a systemd of its own to a test")
	}
	bin, err := filepath.Abs(os.Getenv("PRISM_BIN"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", serviceScript, "sh", bin, freeAddress(t), freeAddress(t))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C"}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 77 {
		t.Skipf("no systemd can be started here: %s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	steps := map[string]string{}
	for _, part := range strings.Split(string(out), "=== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		steps[name] = text
	}
	for step, wants := range map[string][]string{
		"detached": {"started the gateway in the background"},
		"install": {
			"makes room for the service", "prism.service\twritten", "prism.socket\twritten", "prism-control.socket\twritten", "prism-dashboard.socket\twritten",
			"exit 0", "another process runs", "ActiveState=active", "UnitFileState=enabled", "loginctl enable-linger root",
		},
		"again":   {"prism.service\tunchanged", "exit 0", "nothing was restarted"},
		"restart": {"exit 0", "another process runs"},
		"less":    {"prism.service\tunchanged", "exit 0", "PRISM_LOG_LEVEL=warn"}, // a shell that lacks the variable
		"stop":    {"stopped the service", "exit 0", "inactive\ninactive\ninactive\ninactive\n"},
		"start":   {"exit 0", "active\nactive\n"},
		"status":  {"starts by itself"},
		"off":     {"dashboard is held", "prism-dashboard.socket\tremoved", "exit 0", "data is held", "inactive\nactive\n"},
		"odd": {
			"prism.service\twritten", "exit 0", `/odd $HOME 100% %h b/prism` + "\n", "--config\n", `/odd $HOME 100% %h b/conf` + "\n", `/odd $HOME 100% %h b/state` + "\n",
			"reload 0", "it runs another gateway: ", "runs another gateway", "exit 9", "stopped the service\nthe gateway does not run\nstarted the gateway in the background", "stopped the gateway (PID", "prism.service\tremoved",
		},
		"uninstall": {"prism.service\tremoved", "exit 0", "nothing runs", "nothing is left"},
	} {
		for _, want := range wants {
			if !strings.Contains(steps[step], want) {
				t.Errorf("%s: %q is missing", step, want)
			}
		}
	}
	if strings.Contains(steps["status"]+steps["less"]+before(steps["odd"], "reload 0"), "differs") {
		t.Error("what was installed a moment ago is out of date")
	}
	if strings.Contains(steps["off"], "still the dashboard is held") {
		t.Error("the port of a dashboard that is off is held")
	}
	if units := regexp.MustCompile(`(?m)^.*prism.*\.(service|socket)\s+(loaded|enabled|disabled).*$`).FindAllString(steps["uninstall"], -1); len(units) > 0 {
		t.Errorf("the manager still knows %q", units)
	}
	if t.Failed() || !slices.Contains(strings.Split(string(out), "\n"), "=== end") {
		t.Errorf("it said:\n%s", out)
	}
}

// TestUnitsOfHostilePathsAreSound asks systemd about units whose words have in them what systemd
// gives a meaning to.
func TestUnitsOfHostilePathsAreSound(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here: the unit files are not looked at")
	}
	for _, system := range []bool{false, true} {
		home := shortDir(t)
		odd := filepath.Join(home, `a $HOME ${x} %h 100% "q" 'r' \b ;#é`)
		if err := os.Mkdir(odd, 0o700); err != nil {
			t.Fatal(err)
		}
		// Quotes and backslashes in the path of a program are what systemd takes for a mistake.
		program := filepath.Join(home, "a $HOME ${x} %h 100% ;#é prism")
		if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		s, err := service.New(service.Options{Platform: "linux", System: system, Home: home, Runtime: home, Run: func(context.Context, ...string) (string, error) { return "", nil }})
		if err != nil {
			t.Fatal(err)
		}
		files := s.Files(service.Spec{
			Program: program, Args: []string{"--config", odd}, User: `CORP\ann`, Data: "127.0.0.1:3000", Dashboard: "[::1]:3001", Control: filepath.Join(odd, "prism.sock"),
			Env: []service.Variable{{Name: "PATH", Value: odd + ":/usr/bin"}, {Name: "SOPS_AGE_KEY_CMD", Value: `sh -c "echo $x; cat '%h'" \`}},
		})
		args := []string{"verify", "--man=no"}
		if !system {
			args = append(args, "--user")
		}
		for _, f := range files {
			path := filepath.Join(home, filepath.Base(f.Path))
			if err := os.WriteFile(path, []byte(f.Content), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, path)
		}
		cmd := exec.Command(analyze, args...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + home}
		out, err := cmd.CombinedOutput()
		unusual := "Accepting user/group name 'CORP\\ann', which does not match strict user/group name rules.\n"
		if said := strings.TrimPrefix(string(out), unusual); err != nil || said != "" || system == (said == string(out)) {
			t.Errorf("of the machine %v: %v: %s\n%s", system, err, out, files[0].Content)
		}
	}
}

// TestStopNowBreaksOffWhatIsInFlight: the drain is not waited for, and the client hears why.
func TestStopNowBreaksOffWhatIsInFlight(t *testing.T) {
	const streams = 5
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three", 5), simulator.Pause(4, time.Hour))))
	cmd, _ := h.launch(t)
	out := h.streams(t, streams)
	began := time.Now()
	stop := exec.Command(os.Getenv("PRISM_BIN"), "stop", "--now")
	stop.Env, stop.Dir = h.env, h.dir
	if said, err := stop.CombinedOutput(); err != nil || !strings.Contains(string(said), "stopped the gateway") {
		t.Fatalf("%v: %s", err, said)
	}
	ended(t, cmd)
	if took := time.Since(began); took > limit/2 {
		t.Errorf("it took %v, as long as the drain", took)
	}
	if got, example := count(streams, out); got.told != streams {
		t.Errorf("%+v, such as %q", got, example)
	}
}
