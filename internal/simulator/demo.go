package simulator

import (
	"hash/crc32"
	"strings"
	"sync/atomic"
	"time"
)

// The requests of /v1/messages, counted from 1, that a [Demo] does not answer well.
const (
	DemoOverloaded = 6  // 529
	DemoBroken     = 11 // the stream is reset in the middle
)

// demo makes the answers of a canned provider.
type demo struct {
	seed  uint64
	count atomic.Uint64
}

// Demo returns a provider with varied answers that look like work on a code base: thinking,
// tool calls, cache figures, small delays. They depend on the seed, the request and its number;
// two of them are faults ([DemoOverloaded], [DemoBroken]). o.Default is ignored.
func Demo(o Options) *Server {
	d := &demo{seed: mix(o.Seed + 0x64656d6f)}
	o.Default = AnswerFunc(d.answer)
	if o.Models == nil {
		o.Models = []string{"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "kimi-k3", "kimi-k2.7-code", "glm-5.3", "qwen3-coder"}
	}
	return New(o)
}

// answer makes the answer to one request.
func (d *demo) answer(r Request) Answer {
	n := d.count.Add(1)
	dice := mix(fingerprint(r.Body) ^ d.seed ^ n)
	pace := Reply(
		Delay(time.Duration(15+dice%60)*time.Millisecond),
		Jitter(dice, time.Millisecond/2, 5*time.Millisecond),
		d.usage(&r, dice),
	)
	switch {
	case n == DemoOverloaded:
		return Overloaded().With(Header("Retry-After", "1"), Delay(20*time.Millisecond))
	case n == DemoBroken:
		return Reply(Text(demoText(dice)), pace, CutAfter(7, CutRST))
	case r.IsTitle():
		return Reply(Text(`{"title":"Make the tests green","isNewTopic":true}`), pace)
	case r.IsWebSearch():
		return Reply(
			WebSearch("go 1.26 release notes", "Go 1.26 Release Notes", "https://go.dev/doc/go1.26"),
			Text("The release notes of Go 1.26 are at go.dev/doc/go1.26."), pace)
	case len(r.Tools) > 0 && r.Rounds < 2:
		return d.work(&r, dice).With(pace)
	}
	return Reply(d.think(&r, dice), Text(demoText(dice>>8)), pace)
}

// work is a turn that calls tools: one of the client's, or two at once.
func (d *demo) work(r *Request, dice uint64) Answer {
	calls := []struct{ tool, say, input string }{
		{"Bash", "Let me run the tests first.", `{"command":"go test ./...","description":"Run all tests"}`},
		{"Read", "I will read the file that fails.", `{"file_path":"/src/parser/parser.go"}`},
		{"Grep", "Let me find the callers.", `{"pattern":"ParseLine\\(","output_mode":"files_with_matches"}`},
		{"Glob", "Which files are there?", `{"pattern":"**/*_test.go"}`},
	}
	parts := []Part{d.think(r, dice)}
	first := dice >> 16
	for i := range calls {
		c := calls[(first+uint64(i))%uint64(len(calls))]
		if !r.HasTool(c.tool) {
			continue
		}
		if len(parts) == 1 {
			parts = append(parts, Text(c.say))
		}
		parts = append(parts, ToolUse(c.tool, c.input))
		if len(parts) == 4 || dice>>24%3 > 0 {
			break
		}
	}
	if len(parts) == 1 {
		parts = append(parts, Text(demoText(dice)))
	}
	return Reply(parts...)
}

// think is a thinking block where the request allows it.
func (d *demo) think(r *Request, dice uint64) Answer {
	if r.Thinking == "" || r.Thinking == "disabled" || dice>>32%4 == 0 {
		return Answer{}
	}
	thoughts := []string{
		"The failing test compares two slices, so the order matters. I should look at how the parser collects its results.",
		"The user wants the smallest change. Two callers depend on the old signature; I will keep it and add a second function.",
		"Let me check the error path before I change anything: the file may be empty, or have no final newline.",
	}
	return Thinking(thoughts[dice>>40%uint64(len(thoughts))], "")
}

// usage makes figures as a day of work has them: a long prompt, most of it cached, that grows
// with every turn.
func (d *demo) usage(r *Request, dice uint64) Usage {
	session := mix(uint64(crc32.ChecksumIEEE([]byte(r.SessionID))) ^ d.seed)
	system := int64(11_000 + session%9_000)
	history := int64(r.Turns)*int64(900+session>>8%700) + int64(r.Rounds)*400
	u := Usage{
		Input:  int64(3 + dice%60),
		Output: int64(90 + dice>>8%900),
	}
	written := int64(350 + dice>>20%2_400)
	switch {
	case len(r.Tools) == 0:
		u.Input, u.Output = int64(300+dice%900), int64(12+dice>>8%40)
		return u
	case r.Turns == 0:
		written += system / 2
		u.CacheRead = system - system/2
	default:
		u.CacheRead = system + history
	}
	if session>>20%3 == 0 {
		u.CacheWrite1h = written
	} else {
		u.CacheWrite5m = written
	}
	if r.Thinking != "" && r.Thinking != "disabled" {
		u.Thinking = u.Output / 3
	}
	if r.IsWebSearch() {
		u.WebSearches = 1
	}
	if !strings.HasPrefix(r.Model, "claude-") {
		u.InStart = UsageNoSplit // others count cache writes, if at all, without their time to live
		u.CacheRead += u.CacheWrite5m + u.CacheWrite1h
		u.CacheWrite5m, u.CacheWrite1h = 0, 0
	}
	return u
}

// demoText returns one of the things a canned provider says.
func demoText(n uint64) string {
	texts := [...]string{
		"All tests pass now. The parser dropped the last line when the file had no final newline; `scan` keeps it, and there is a test for it.",
		"Three files use the old name: `server.go`, `client.go` and `client_test.go`. I renamed it in all of them and ran the tests again: 48 passed, none failed.",
		"The slow part is the regular expression in `match`: it is compiled for every line. Compiling it once takes the benchmark from 812 µs to 63 µs.",
		"Here is a summary — 変更点: the handler now checks the body's length before it reads it, and answers 413 where it used to hang. ✅",
		"There are two ways to do this. The smaller change is to make the field a pointer; the better one is a method that says whether it is set. I took the second.",
	}
	return texts[n%uint64(len(texts))]
}
