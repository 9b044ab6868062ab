package importer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// The transcripts in testdata were written by the client itself, version 2.1.330, against a
// simulated provider: a session with a sub-agent that was continued, and one forked from it. The
// provider's bill had nine messages; what was said was replaced.
func TestATranscriptOfTheClientComesToTheProvidersBill(t *testing.T) {
	list, counts := take(t, filepath.Join("testdata", "claude-2.1.330"), Options{Places: true})
	if len(list) != 9 || counts.Files != 4 || counts.Skipped[SkipDuplicate] != 3 {
		t.Fatalf("%d entries of %d files, %v left out; want 9 of 4, 3 duplicates", len(list), counts.Files, counts.Skipped)
	}
	var input, output, read, write5m, write1h int64
	agents := 0
	for _, e := range list {
		input += int64(e.Usage.Input)
		output += int64(e.Usage.Output)
		read += int64(e.Usage.CacheRead)
		write5m += int64(e.Usage.CacheWrite5m)
		write1h += int64(e.Usage.CacheWrite1h)
		if e.AgentID != "" {
			agents++
		}
		if e.UsageSource != ledger.UsageFinal || e.Outcome != ledger.OutcomeOK || e.GitBranch != "" || e.Project != "proj" || e.ClientVersion != "2.1.330" {
			t.Errorf("%+v", e)
		}
	}
	// Each answer n was billed as 1000+n, 200+3n, 30000+7n, 400+11n and 50+13n tokens; the
	// answers were 1, 10, 11, 2, 3, 1, 10, 11, 2, whose n add up to 51.
	if input != 9*1000+51 || output != 9*200+3*51 || read != 9*30000+7*51 || write5m != 9*400+11*51 || write1h != 9*50+13*51 {
		t.Errorf("input %d, output %d, read %d, written %d and %d", input, output, read, write5m, write1h)
	}
	if agents != 4 {
		t.Errorf("%d messages of sub-agents, want 4", agents)
	}
}

func TestTheLastLineOfAMessageCounts(t *testing.T) {
	tests := map[string]struct {
		lines []string
		want  stream.Count
	}{
		"placeholder first":         {[]string{said("a", "", 1), said("a", "", 2), said("a", "end_turn", 200)}, 200},
		"corrected later":           {[]string{said("a", "tool_use", 100), said("a", "tool_use", 200)}, 200},
		"a late line without a end": {[]string{said("a", "end_turn", 200), said("a", "", 1)}, 200},
		"others in between":         {[]string{said("a", "", 1), said("b", "end_turn", 7), said("a", "end_turn", 200)}, 200},
		"never an end":              {[]string{said("a", "", 1), said("a", "", 3)}, 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, _ := take(t, folder(t, file(tt.lines...)), Options{})
			for _, e := range list {
				if e.ResponseID == "msg_a" && e.Usage.Output == tt.want {
					return
				}
			}
			t.Errorf("no entry of msg_a with output %d among %d", tt.want, len(list))
		})
	}
}

func TestAMessageWithoutAStopReasonIsPartial(t *testing.T) {
	list, _ := take(t, folder(t, file(said("a", "", 1))), Options{})
	if len(list) != 1 || list[0].UsageSource != ledger.UsagePartial || list[0].Outcome != "" {
		t.Fatalf("%+v, want one entry, partial, of unknown outcome", list)
	}
}

func TestWhatTheRequestAskedForDecidesWhereCacheWritesBelong(t *testing.T) {
	list, _ := take(t, folder(t, file(said("a", "end_turn", 5))), Options{})
	u := list[0].Usage
	if u.CacheWrite5m != 0 || u.CacheWrite1h != 300 || list[0].UsageNotes[0] != stream.NoteTTLInferred || list[0].PromptTokens != 2310 {
		t.Errorf("%+v, notes %q, prompt %d; want 300 for an hour, inferred", u, list[0].UsageNotes, list[0].PromptTokens)
	}
}

func TestAMessageBeginsWithItsRequest(t *testing.T) {
	asked := `{"type":"api-request","sessionId":"session","id":"ref-a","timestamp":"2026-11-20T10:00:01.500Z"}`
	later := `{"type":"api-request","sessionId":"session","id":"ref-b","timestamp":"2026-11-20T11:00:00.000Z"}`
	list, _ := take(t, folder(t, file(asked, said("a", "end_turn", 5), later, said("b", "end_turn", 5))), Options{})
	if got := list[0].StartedAt; !got.Equal(time.Date(2026, 11, 20, 10, 0, 1, 500_000_000, time.UTC)) {
		t.Errorf("a began at %s, not with its request", got)
	}
	if got := list[1].StartedAt; !got.Equal(list[1].EndedAt) {
		t.Errorf("b began at %s: a request cannot come after its answer", got)
	}
}

func TestACopiedSessionCountsOnceAndForTheOlderFile(t *testing.T) {
	old := file(said("a", "end_turn", 5), said("b", "end_turn", 6))
	fork := file(strings.ReplaceAll(old, `"sessionId":"session"`, `"sessionId":"fork"`) + said("c", "end_turn", 7))
	list, counts := take(t, folder(t, old, fork), Options{})
	if len(list) != 3 || counts.Skipped[SkipDuplicate] != 2 {
		t.Fatalf("%d entries, %v; want 3 and 2 duplicates", len(list), counts.Skipped)
	}
	if list[0].SessionID != "session" || list[1].SessionID != "session" {
		t.Errorf("sessions %s and %s, want those it was said in", list[0].SessionID, list[1].SessionID)
	}
}

func TestAnAnswerThatWasForkedInItsMiddleCountsWhole(t *testing.T) {
	whole := file(said("a", "", 1), said("a", "end_turn", 200))
	fork := strings.ReplaceAll(file(said("a", "", 1)), `"sessionId":"session"`, `"sessionId":"fork"`)
	longer := file(said("b", "", 1), said("b", "", 90))
	tests := map[string]struct {
		files   []string
		session string
		want    stream.Count
	}{
		"the fork is newer":         {[]string{whole, fork}, "session", 200},
		"the fork is older":         {[]string{fork, whole}, "fork", 200},
		"neither has the end":       {[]string{file(said("b", "", 1)), longer}, "session", 90},
		"the longer one is older":   {[]string{longer, file(said("b", "", 1))}, "session", 90},
		"and neither is alone":      {[]string{fork, fork, whole, fork}, "fork", 200},
		"nothing else than a start": {[]string{fork}, "fork", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, counts := take(t, folder(t, tt.files...), Options{})
			if len(list) != 1 || list[0].Usage.Output != tt.want || list[0].SessionID != tt.session {
				t.Fatalf("%d entries, the first %+v; want one of session %s with output %d", len(list), list[0], tt.session, tt.want)
			}
			if counts.Skipped[SkipDuplicate] != len(tt.files)-1 {
				t.Errorf("%v, want %d duplicates", counts.Skipped, len(tt.files)-1)
			}
		})
	}
}

func TestMoreBrokenMessagesThanWaitAreStillCountedOnce(t *testing.T) {
	var lines []string
	const n = maxBroken + 10
	for i := range n {
		lines = append(lines, said(strconv.Itoa(i), "", 1))
	}
	list, counts := take(t, folder(t, file(lines...), file(lines...)), Options{})
	if len(list) != n || counts.Skipped[SkipDuplicate] != n {
		t.Errorf("%d entries, %v; want %d of both", len(list), counts.Skipped, n)
	}
}

func TestLinksAreFollowedAndNothingCountsTwice(t *testing.T) {
	dir, elsewhere := folder(t, file(said("a", "end_turn", 5))), folder(t, file(said("b", "end_turn", 6)))
	single := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(single, []byte(file(said("c", "end_turn", 7))), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"project": elsewhere, "again": elsewhere, "circle": dir, "one.jsonl": single, "nowhere.jsonl": "/nonexistent", "self.jsonl": "self.jsonl",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	list, counts := take(t, dir, Options{})
	if len(list) != 3 || counts.Files != 3 || len(counts.Skipped) != 0 {
		t.Errorf("%d entries of %d files, %v left out; want 3 of 3", len(list), counts.Files, counts.Skipped)
	}
}

func TestAFolderThatMayNotBeReadIsCountedAndCostsNoOther(t *testing.T) {
	dir := folder(t, file(said("a", "end_turn", 5)))
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadDir(closed); err == nil {
		t.Skip("this user may read everything")
	}
	list, counts := take(t, dir, Options{})
	if len(list) != 1 || counts.Skipped[SkipUnreadable] != 1 {
		t.Errorf("%d entries, %v; want one, and one that could not be read", len(list), counts.Skipped)
	}
}

func TestProvidersThatRepeatTheirIDsGetARowForEveryRequest(t *testing.T) {
	one := said("same", "end_turn", 5)
	two := strings.ReplaceAll(one, "req_same", "req_other")
	bare := strings.NewReplacer(`"requestId":"req_same",`, "", "ref-same", "ref-third").Replace(one)
	list, _ := take(t, folder(t, file(one, two, bare)), Options{})
	if len(list) != 3 {
		t.Errorf("%d entries, want 3", len(list))
	}
}

func TestWhatIsNoAnswerMakesNoEntry(t *testing.T) {
	ok := said("a", "end_turn", 5)
	tests := map[string]struct {
		text   string
		reason string // "" = not even counted
	}{
		"the client's own words": {file(strings.Replace(ok, "claude-opus-5-5", "<synthetic>", 1)), SkipSynthetic},
		"an error of the API":    {file(strings.Replace(ok, `"isSidechain"`, `"isApiErrorMessage":true,"isSidechain"`, 1)), SkipSynthetic},
		"no usage":               {file(strings.Replace(ok, `"usage":{`, `"usage":null,"was":{`, 1)), SkipNoUsage},
		"no time":                {file(strings.Replace(ok, `"timestamp":"2026-11-20T10:00:05.000Z"`, `"at":"x"`, 1)), SkipNoSuchTime},
		"broken":                 {file(ok[:len(ok)-40]), SkipUnreadable},
		"of another shape":       {file(strings.Replace(ok, `"sessionId":"session"`, `"sessionId":7`, 1)), SkipUnreadable},
		"being written":          {ok[:len(ok)-40], SkipUnfinished},
		"nested in progress":     {file(`{"type":"progress","data":{"message":` + ok + `}}`), ""},
		"a question":             {file(`{"type":"user","message":{"role":"user","content":"what is \"usage\" of the \"assistant\"?"}}`), ""},
		"nothing":                {"\n\n\r\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, counts := take(t, folder(t, tt.text), Options{})
			if len(list) != 0 {
				t.Fatalf("%d entries, want none", len(list))
			}
			if tt.reason == "" && len(counts.Skipped) != 0 || tt.reason != "" && counts.Skipped[tt.reason] != 1 {
				t.Errorf("left out: %v, want one %q", counts.Skipped, tt.reason)
			}
		})
	}
}

func TestADamagedLineCostsNoOther(t *testing.T) {
	text := file(said("a", "end_turn", 5), `{"type":"assistant","message":{"usage`, "\x00\x00\xff", said("b", "end_turn", 6))
	if list, _ := take(t, folder(t, text), Options{}); len(list) != 2 {
		t.Errorf("%d entries, want 2", len(list))
	}
}

func TestALineTooLongIsPassedOverInBoundedMemory(t *testing.T) {
	long := `{"type":"user","message":"` + strings.Repeat("x", maxLine+1) + `"}`
	list, counts := take(t, folder(t, file(said("a", "end_turn", 5), long, said("b", "end_turn", 6))), Options{})
	if len(list) != 2 || counts.Skipped[SkipTooLong] != 1 {
		t.Errorf("%d entries, %v; want 2 and one line too long", len(list), counts.Skipped)
	}
	near := strings.Replace(said("c", "end_turn", 7), `"text":"..."`, `"text":"`+strings.Repeat("y", 1<<20)+`"`, 1)
	if list, _ := take(t, folder(t, file(near)), Options{}); len(list) != 1 {
		t.Error("an answer of a megabyte was lost")
	}
}

func TestWhatMayGoOnIsLeftToTheNextImport(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 0, 5, 0, time.UTC)
	tests := map[string]struct {
		line  string
		after time.Duration
		want  int
	}{
		"answered a moment ago":      {said("a", "end_turn", 5), 59 * time.Second, 0},
		"answered":                   {said("a", "end_turn", 5), time.Minute, 1},
		"in the middle of an answer": {said("a", "", 1), settling - time.Second, 0},
		"broken off":                 {said("a", "", 1), settling, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, counts := take(t, folder(t, file(tt.line)), Options{Now: func() time.Time { return at.Add(tt.after) }})
			if len(list) != tt.want || counts.Skipped[SkipUnfinished] != 1-tt.want {
				t.Errorf("%d entries, %v", len(list), counts.Skipped)
			}
		})
	}
}

func TestTheTimeThatWasAskedForIsKept(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 0, 5, 0, time.UTC)
	dir := folder(t, file(said("a", "end_turn", 5)))
	tests := []struct {
		since, until time.Time
		want         int
	}{
		{time.Time{}, time.Time{}, 1},
		{at, at.Add(time.Second), 1},
		{at.Add(time.Second), time.Time{}, 0},
		{time.Time{}, at, 0},
		{now().Add(time.Hour), time.Time{}, 0}, // the file was not touched since
	}
	for _, tt := range tests {
		if list, _ := take(t, dir, Options{Since: tt.since, Until: tt.until}); len(list) != tt.want {
			t.Errorf("since %s until %s: %d entries, want %d", tt.since, tt.until, len(list), tt.want)
		}
	}
}

func TestPlacesAreLeftOutUnlessAskedFor(t *testing.T) {
	dir := folder(t, file(said("a", "end_turn", 5)))
	without, _ := take(t, dir, Options{})
	with, _ := take(t, dir, Options{Places: true})
	if e := without[0]; e.Cwd+e.Project+e.GitBranch != "" {
		t.Errorf("places: %q %q %q", e.Cwd, e.Project, e.GitBranch)
	}
	if e := with[0]; e.Cwd != "/home/u/proj" || e.Project != "proj" || e.GitBranch != "main" {
		t.Errorf("places: %q %q %q", e.Cwd, e.Project, e.GitBranch)
	}
}

func TestMoreOpenMessagesThanAreKeptAreStillCountedOnce(t *testing.T) {
	var first, second []string
	const n = 3 * maxOpen
	for i := range n {
		id := string(rune('a'+i%26)) + strings.Repeat("i", i/26)
		first, second = append(first, said(id, "", 1)), append(second, said(id, "end_turn", 9))
	}
	list, counts := take(t, folder(t, file(append(first, second...)...)), Options{})
	if len(list) != n || counts.Skipped[SkipDuplicate] == 0 {
		t.Errorf("%d entries, %v; want %d", len(list), counts.Skipped, n)
	}
}

func TestAnErrorOfTheTakerEndsTheReading(t *testing.T) {
	src, err := OpenTranscripts(folder(t, file(said("a", "end_turn", 5), said("b", "end_turn", 5))), Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	full, calls := errors.New("full"), 0
	err = src.Each(t.Context(), func(*ledger.Entry) error { calls++; return full })
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := src.Each(ctx, func(*ledger.Entry) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := folder(t, file(said("a", "end_turn", 5)))
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "endless.jsonl")); err != nil {
		t.Skip(err)
	}
	linked := filepath.Join(t.TempDir(), "projects")
	if err := os.Symlink(dir, linked); err != nil {
		t.Fatal(err)
	}
	if list, _ := take(t, linked, Options{}); len(list) != 1 {
		t.Errorf("%d entries, want 1: what is endless is no transcript", len(list))
	}
	if _, err := OpenTranscripts(filepath.Join(dir, "nowhere"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want that it does not exist", err)
	}
	if _, err := OpenTranscripts(t.TempDir(), Options{}); !errors.Is(err, ErrNoTranscripts) {
		t.Errorf("%v, want that there are none", err)
	}
	renamed := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(renamed, []byte(file(said("a", "end_turn", 5))), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, _ := take(t, renamed, Options{}); len(list) != 1 {
		t.Errorf("%d entries, want 1: a file that is named is read whatever it is called", len(list))
	}
}
