//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
for i in $(seq 100); do systemctl --user is-system-running 2>/dev/null | grep -q running && break; sleep 0.1; done
[ $i = 100 ] && exit 77
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
find $B/.config | sort >$B/run/before
say detached; prism start; detached=$(pid); echo "pid $detached"
say install; prism service install; echo "exit $?"
service=$(pid); [ "$service" != "$detached" ] && echo "another process runs"
systemctl --user show prism.service -p MainPID -p ActiveState -p UnitFileState
say again; prism service install; echo "exit $?"; [ "$(pid)" = "$service" ] && echo "nothing was restarted"
say restart; prism restart; echo "exit $?"; [ "$(pid)" != "$service" ] && echo "another process runs"
say stop; prism stop; echo "exit $?"
systemctl --user is-active prism.service prism.socket prism-control.socket prism-dashboard.socket
say start; prism start; echo "exit $?"; systemctl --user is-active prism.service prism.socket
say status; prism service status
say uninstall; prism service uninstall; echo "exit $?"
pid || echo "nothing runs"
find $B/.config | sort >$B/run/after; cmp $B/run/before $B/run/after && echo "nothing is left"
systemctl --user list-unit-files 'prism*' --no-legend; systemctl --user list-units --all 'prism*' --no-legend
say end
kill $manager; wait $manager
exit 0
`

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
		"again":     {"prism.service\tunchanged", "exit 0", "nothing was restarted"},
		"restart":   {"exit 0", "another process runs"},
		"stop":      {"stopped the service", "exit 0", "inactive\ninactive\ninactive\ninactive\n"},
		"start":     {"exit 0", "active\nactive\n"},
		"status":    {"starts by itself"},
		"uninstall": {"prism.service\tremoved", "exit 0", "nothing runs", "nothing is left"},
	} {
		for _, want := range wants {
			if !strings.Contains(steps[step], want) {
				t.Errorf("%s: %q is missing", step, want)
			}
		}
	}
	if strings.Contains(steps["status"], "differs") {
		t.Error("what was installed a moment ago is out of date")
	}
	if units := regexp.MustCompile(`(?m)^.*prism.*\.(service|socket)\s+(loaded|enabled|disabled).*$`).FindAllString(steps["uninstall"], -1); len(units) > 0 {
		t.Errorf("the manager still knows %q", units)
	}
	if t.Failed() || !slices.Contains(strings.Split(string(out), "\n"), "=== end") {
		t.Errorf("it said:\n%s", out)
	}
}
