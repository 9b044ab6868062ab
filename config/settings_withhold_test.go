package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAddressesThatHoldATokenAreWithheld(t *testing.T) {
	src := "# https://old.example.com/T0KEN\r\nlisten: 127.0.0.1:3010 # sk-ant-api03-0123456789abcdefghijkl\r\n" +
		"notify: {desktop: true, webhook: 'HTTPS://hooks.example.com/T0KEN'} # was http://127.0.0.1?token=T0KEN\r\n" +
		"telemetry:\r\n  otlp: https://collector.example.com?key=T0KEN\r\n" +
		"# was https://user:T0KEN@hooks2.example.com and https://T0KEN@2@hooks2.example.com/x\r\nalerts:\r\n  - {name: a, query: \"select 1 -- https://x.example.com/kept\", every: 1h, above: 10}\r\n"
	for _, hosts := range []bool{false, true} {
		out, names, err := WithholdAddresses([]byte(src), hosts)
		if err != nil {
			t.Fatal(err)
		}
		text := string(out)
		if strings.Contains(text, "T0KEN") || strings.Contains(text, "sk-ant") || !slices.Equal(names, []string{"notify.webhook", "telemetry.otlp"}) {
			t.Errorf("%q\n%s", names, text)
		}
		if strings.Contains(text, "hooks.example.com") != hosts || strings.Count(text, "https://hooks2.example.com/"+Withheld) != 2 || !strings.Contains(text, "https://x.example.com/kept") || strings.Count(text, "\n") != strings.Count(src, "\n") {
			t.Errorf("hosts %v:\n%s", hosts, text)
		}
		file := filepath.Join(t.TempDir(), "prism.yaml")
		if err := os.WriteFile(file, out, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := LoadSettings(LoadOptions{File: file, Env: func(string) (string, bool) { return "", false }})
		if err != nil {
			t.Fatal(err)
		}
		if s.Listen != "127.0.0.1:3010" || !s.Notify.Desktop || !hosts && (s.Notify.Webhook != "" || s.Telemetry.OTLP != "off") {
			t.Errorf("%+v", s)
		}
	}
}

func TestWhatIsNoAddressStays(t *testing.T) {
	for _, src := range []string{"", "# nothing\n", "telemetry: {otlp: env}\n", "notify:\n  webhook:\n", "telemetry: {otlp: off} # see docs\nnotify: {webhook: ''}"} {
		if out, names, err := WithholdAddresses([]byte(src), false); err != nil || string(out) != src || len(names) != 0 {
			t.Errorf("%q: %q, %q, %v", src, out, names, err)
		}
	}
	for _, src := range []string{"notify: {webhook: \"https:\\x2f\\x2fh.example.com\\x2fT\"}\n", "notify:\n  webhook: |\n    https://h.example.com/T\n"} {
		if out, _, err := WithholdAddresses([]byte(src), true); !errors.Is(err, ErrSettingsShape) {
			t.Errorf("%q: %q, %v", src, out, err)
		}
	}
}
