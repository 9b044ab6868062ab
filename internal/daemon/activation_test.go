package daemon

import (
	"strings"
	"testing"
)

func TestAnInheritedPortThatTheSettingsDoNotNameIsToldOf(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"127.0.0.1:3000", "127.0.0.1:3000", true},
		{"127.0.0.1:3000", "localhost:3000", true},
		{"127.0.0.1:3000", "127.0.0.1:3001", false},
		{"[::1]:3000", "127.0.0.1:3000", false},
		{"[::1]:3000", "[::1]:3000", true},
		{"127.0.0.1:3000", "", false},
	} {
		if got := sameAddress(tt.a, tt.b); got != tt.same {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	v := r.start() // on a listener of its own
	if got := r.log.String(); !strings.Contains(got, "the inherited data port is not the one that the settings name") || !strings.Contains(got, "set listen: "+v.Listen) {
		t.Errorf("log: %s", got)
	}
}
