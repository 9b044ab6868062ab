package openai

import "strings"

// thinkTags finds reasoning that stands in the text, between <think> and </think>. The tags may be
// split anywhere. An opening tag counts where a text begins; further on, it is what the text is
// about.
type thinkTags struct {
	on    bool
	in    bool   // inside the tags
	fresh bool   // nothing but white space came since the text began
	trim  bool   // white space behind a tag is left out
	held  string // that a tag may begin with
}

const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
	blank      = " \t\r\n"
)

// feed takes the next piece of the text and writes what of it is known to be what.
func (t *thinkTags) feed(s string, write func(s string, thinking bool)) {
	s = t.held + s
	t.held = ""
	for s != "" {
		if t.trim {
			if s = strings.TrimLeft(s, blank); s == "" {
				return
			}
			t.trim = false
		}
		if !t.in {
			if s = t.outside(s, write); !t.in {
				return
			}
			continue
		}
		at := strings.Index(s, thinkClose)
		if at < 0 {
			keep := beginning(s, thinkClose)
			write(s[:len(s)-keep], true)
			t.held = s[len(s)-keep:]
			return
		}
		write(s[:at], true)
		s = s[at+len(thinkClose):]
		t.in, t.fresh, t.trim = false, true, true
	}
}

// outside takes text outside of the tags, and returns what stands behind an opening one.
func (t *thinkTags) outside(s string, write func(s string, thinking bool)) string {
	if !t.fresh {
		write(s, false)
		return ""
	}
	rest := strings.TrimLeft(s, blank)
	write(s[:len(s)-len(rest)], false)
	switch {
	case strings.HasPrefix(rest, thinkOpen):
		t.in, t.trim = true, true
		return rest[len(thinkOpen):]
	case strings.HasPrefix(thinkOpen, rest):
		t.held = rest
	default:
		t.fresh = false
		write(rest, false)
	}
	return ""
}

// flush returns what was held. It belongs where t.in says.
func (t *thinkTags) flush() string {
	held := t.held
	t.held = ""
	if held != "" {
		t.fresh = false
	}
	return held
}

// beginning is the length of the longest end of s that tag begins with.
func beginning(s, tag string) int {
	for n := min(len(s), len(tag)-1); n > 0; n-- {
		if strings.HasSuffix(s, tag[:n]) {
			return n
		}
	}
	return 0
}
