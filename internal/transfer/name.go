package transfer

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"prism/config"
)

// unusable matches what the name of a profile cannot hold.
var unusable = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// maxName leaves room for a number behind it.
const maxName = 56

// name makes a name that is free of what the source calls the profile, or of its host.
func (b *builder) name(d *draft) string {
	base := d.name
	for _, key := range b.secrets {
		if strings.Contains(base, key) {
			base = ""
		}
	}
	if base = plainName(base); base == "" {
		base = hostName(d.profile.BaseURL)
	}
	return freeName(base, func(name string) bool { return b.profile(name) != nil })
}

// plainName keeps of a name what a profile can be called; empty if that is nothing.
func plainName(s string) string {
	s = strings.Trim(unusable.ReplaceAllString(s, "-"), "-._")
	if len(s) > maxName {
		s = strings.TrimRight(s[:maxName], "-._")
	}
	if !config.UsableName(s) {
		return ""
	}
	return s
}

// hostName names a profile after its host: deepseek for https://api.deepseek.com.
func hostName(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "imported"
	}
	if loopback(address) {
		return "local"
	}
	if net.ParseIP(u.Hostname()) != nil {
		return "host"
	}
	labels := strings.Split(strings.ToLower(u.Hostname()), ".")
	n := len(labels) - 2 // the one before the top level
	if n > 0 && len(labels[n+1]) == 2 && len(labels[n]) <= 3 {
		n-- // of co.uk or com.cn
	}
	if name := plainName(labels[max(n, 0)]); name != "" {
		return name
	}
	return "imported"
}

// freeName appends a number to a name that is taken.
func freeName(base string, taken func(string) bool) string {
	name := base
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}
