package connect

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// margin is the white space in front of the next member: that of its neighbour, without its comments.
func (s *Settings) margin(o *hujson.Object, depth int) hujson.Extra {
	if len(o.Members) == 0 {
		return s.indent(depth)
	}
	before := string(o.Members[len(o.Members)-1].Name.BeforeExtra)
	if len(o.Members) > 1 && before == "" { // {"a":1,"b":2}
		return nil
	}
	if i := strings.LastIndexByte(before, '\n'); i >= 0 {
		margin := before[i+1:]
		return hujson.Extra(newline(before[:i+1]) + margin[:len(margin)-len(strings.TrimLeft(margin, " \t"))])
	}
	if len(o.Members) == 1 && strings.TrimSpace(before) == "" {
		return hujson.Extra(" ")
	}
	return hujson.Extra(before[len(strings.TrimRight(before, " \t")):])
}

// indent is a new line and the margin of a member that lies so deep, as the first member of the file has it.
func (s *Settings) indent(depth int) hujson.Extra {
	step, line := "  ", "\n"
	if members := s.root().Members; len(members) > 0 {
		before := string(members[0].Name.BeforeExtra)
		i := strings.LastIndexByte(before, '\n')
		if i < 0 {
			return nil // all on one line
		}
		line = newline(before[:i+1])
		if margin := before[i+1:]; margin != "" && strings.TrimSpace(margin) == "" {
			step = margin
		}
	}
	return hujson.Extra(line + strings.Repeat(step, depth))
}

// besides splits off the comments that begin on the line of the member before. eol is the new line that must
// follow them, "" where the last one has an end of its own.
func besides(extra hujson.Extra) (line hujson.Extra, eol string, rest hujson.Extra) {
	end := 0
	for i := 0; i < len(extra) && extra[i] != '\n'; {
		switch {
		case bytes.HasPrefix(extra[i:], []byte("//")):
			n := bytes.IndexByte(extra[i:], '\n')
			if n < 0 {
				n = len(extra) - i
			}
			eol, end = newline(string(extra[:min(i+n+1, len(extra))])), i+len(bytes.TrimRight(extra[i:i+n], " \t\r"))
			i += n
		case bytes.HasPrefix(extra[i:], []byte("/*")):
			i += len("/*")
			i += bytes.Index(extra[i:], []byte("*/")) + len("*/")
			eol, end = "", i
		default:
			i++
		}
	}
	return slices.Clone(extra[:end]), eol, extra[end:]
}

// joined puts comments in front of what follows them, on a line of its own where they need that.
func joined(line hujson.Extra, eol string, next hujson.Extra) hujson.Extra {
	if eol != "" && !bytes.HasPrefix(bytes.TrimLeft(next, " \t\r"), []byte("\n")) {
		line = append(line, eol...)
	}
	return append(line, next...)
}

func newline(s string) string {
	if strings.HasSuffix(s, "\r\n") {
		return "\r\n"
	}
	return "\n"
}
