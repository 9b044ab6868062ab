package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Text renders ps as prism check prints them: the file, each problem with its excerpt and its
// fix, and a last line that counts.
func (ps Problems) Text() string {
	var b strings.Builder
	file := ""
	for i := range ps {
		p := &ps[i]
		if p.File != file {
			file = p.File
			b.WriteString(file + "\n")
		}
		b.WriteString(p.Text())
	}
	b.WriteString(ps.Summary() + "\n")
	return b.String()
}

// Summary counts: 2 errors, 1 warning.
func (ps Problems) Summary() string {
	errs := ps.Errors()
	var parts []string
	if errs > 0 {
		parts = append(parts, plural(errs, "error", "errors"))
	}
	if warnings := len(ps) - errs; warnings > 0 {
		parts = append(parts, plural(warnings, "warning", "warnings"))
	}
	if parts == nil {
		return "no problems"
	}
	return strings.Join(parts, ", ")
}

// Text renders one problem without its file: the headline, the excerpt, the fix.
func (p *Problem) Text() string {
	var b strings.Builder
	b.WriteString(string(p.Severity))
	if p.Line > 0 {
		fmt.Fprintf(&b, " %d:%d", p.Line, p.Column)
	}
	b.WriteString("  " + p.headline() + "\n")
	if p.Excerpt != "" {
		b.WriteString(p.Excerpt)
	}
	if p.Fix != "" {
		for i, line := range strings.Split(p.Fix, "\n") {
			if i == 0 {
				line = "fix: " + line
			}
			b.WriteString("   " + line + "\n")
		}
	}
	return b.String()
}

// OneLine renders one problem on one line, for a log, such as profiles.yaml:20:14 profiles[x].auth: wrong.
func (p *Problem) OneLine() string {
	at := p.File
	if p.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	return strings.TrimSpace(at + " " + p.headline())
}

func (p *Problem) headline() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// problemJSON is the shape of a problem in the JSON output of every command.
type problemJSON struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Fix      string   `json:"fix,omitempty"`
	At       atJSON   `json:"at"`
}

type atJSON struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Path   string `json:"path,omitempty"`
}

// MarshalJSON gives severity, code, message, fix and the place under "at".
func (p Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(problemJSON{
		Severity: p.Severity, Code: p.Code, Message: p.Message, Fix: p.Fix,
		At: atJSON{File: p.File, Line: p.Line, Column: p.Column, Path: p.Path},
	})
}

// JSON renders ps as {"ok": …, "problems": […]} on one line; ok means that there is no error.
func (ps Problems) JSON() ([]byte, error) {
	out := struct {
		OK       bool     `json:"ok"`
		Problems Problems `json:"problems"`
	}{OK: ps.Errors() == 0, Problems: ps}
	if out.Problems == nil {
		out.Problems = Problems{}
	}
	return json.Marshal(out)
}

// GitHub renders ps as workflow commands, one line each, that annotate a pull request.
func (ps Problems) GitHub() string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for i := range ps {
		p := &ps[i]
		b.WriteString("::" + string(p.Severity) + " file=" + property.Replace(p.File))
		if p.Line > 0 {
			fmt.Fprintf(&b, ",line=%d,col=%d", p.Line, p.Column)
		}
		message := p.headline()
		if p.Fix != "" {
			message += "\nfix: " + p.Fix
		}
		b.WriteString(",title=" + property.Replace(p.Code) + "::" + data.Replace(message) + "\n")
	}
	return b.String()
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
