package config

import (
	"fmt"
	"net"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// byteSize matches an amount of bytes: 4096, 512KiB, 32 MiB.
var byteSize = regexp.MustCompile(`^([0-9]{1,13})\s*(|[KMG]i?B?)$`)

// parseSetting parses text into the leaf s. It returns what was expected and an example if
// text is not that.
func parseSetting(s setting, text string) (message, fix string) {
	enum := s.field.Tag.Get("enum")
	switch v := s.value.Addr().Interface().(type) {
	case *bool:
		on, err := strconv.ParseBool(text)
		if err != nil {
			return "expected true or false", "true"
		}
		*v = on
	case *time.Duration:
		d, err := time.ParseDuration(text)
		low, high := s.field.Tag.Get("min"), s.field.Tag.Get("max")
		if err != nil || d < tagDuration(low) || d > tagDuration(high) {
			return "expected a duration from " + low + " to " + high, formatDuration(tagDuration(formatDefault(s)))
		}
		*v = d
	case *int64:
		n, ok := parseBytes(text)
		low, _ := parseBytes(s.field.Tag.Get("min"))
		high, _ := parseBytes(s.field.Tag.Get("max"))
		if !ok || n < low || n > high {
			return "expected a size from " + formatBytes(low) + " to " + formatBytes(high), formatDefault(s)
		}
		*v = n
	case *string:
		switch {
		case enum != "" && !strings.Contains(","+enum+",", ","+text+","):
			choices := strings.Split(enum, ",")
			if fix = nearest(text, choices); fix == "" {
				fix = choices[0]
			}
			return "expected " + oneOf(choices), fix
		case s.field.Tag.Get("kind") == "listen" && !listenable(text):
			return "expected an address of this machine only, such as 127.0.0.1:3000", "127.0.0.1:3000"
		case s.field.Tag.Get("kind") == "dashboard" && text != "off" && !listenable(text):
			return "expected an address of this machine only, or off", "127.0.0.1:3001"
		case s.field.Tag.Get("kind") == "otlp" && text != "off" && text != "env" && !webhook(text):
			return "expected an https URL, or http to this machine, without a password; or env; or off", "http://127.0.0.1:4318"
		case s.field.Tag.Get("kind") == "days" && !isDays(text):
			return "expected a number of days, or 0 for ever", "400d"
		case s.field.Tag.Get("kind") == "percent" && !isPercent(text):
			return "expected a share from 0% to 100%", formatDefault(s)
		case s.field.Tag.Get("kind") == "webhook" && text != "" && !webhook(text):
			return "expected an https URL, or http to this machine, without a password", "https://HOST/PATH"
		}
		*v = text
	}
	return "", ""
}

// listenable tells whether addr is a loopback host with a port.
func listenable(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !isLoopback(host) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

// maxDays is more than anybody has to keep.
const maxDays = 36500

// parseDays reads 400d, or 0 for no limit.
func parseDays(text string) (int, bool) {
	text = strings.TrimSpace(text)
	if text == "0" || text == "" {
		return 0, true
	}
	number, ok := strings.CutSuffix(text, "d")
	n, err := strconv.ParseUint(number, 10, 32)
	if !ok || err != nil || n < 1 || n > maxDays {
		return 0, false
	}
	return int(n), true
}

func isDays(text string) bool {
	_, ok := parseDays(text)
	return ok
}

// parsePercent reads 20%.
func parsePercent(text string) (int, bool) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32)
	if !ok || err != nil || n > 100 {
		return 0, false
	}
	return int(n), true
}

func isPercent(text string) bool {
	_, ok := parsePercent(text)
	return ok
}

func parseBytes(text string) (int64, bool) {
	m := byteSize.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, false
	}
	shift := map[byte]uint{'K': 10, 'M': 20, 'G': 30}
	if m[2] != "" {
		n <<= shift[m[2][0]]
	}
	return n, n >= 0
}

// formatBytes writes n in the largest unit that divides it.
func formatBytes(n int64) string {
	for _, unit := range []struct {
		shift uint
		name  string
	}{{30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n > 0 && n%(1<<unit.shift) == 0 {
			return fmt.Sprintf("%d%s", n>>unit.shift, unit.name)
		}
	}
	return strconv.FormatInt(n, 10)
}

// formatDuration writes d in whole seconds where it has them: 330s, not 5m30s.
func formatDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.String()
}

func formatSetting(v reflect.Value) string {
	switch v := v.Interface().(type) {
	case time.Duration:
		return formatDuration(v)
	case int64:
		return formatBytes(v)
	default:
		return fmt.Sprint(v)
	}
}

// formatDefault returns the default of a setting as it would be written.
func formatDefault(s setting) string {
	settings := DefaultSettings()
	for _, d := range leaves(reflect.ValueOf(&settings).Elem(), nil) {
		if d.name() == s.name() {
			return formatSetting(d.value)
		}
	}
	return ""
}

// tagDuration parses the bounds in the tags of [Settings]; a test reads them all.
func tagDuration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return d
}
