package openai

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"prism/config"
	"prism/internal/translate"
)

// everyError returns the errors of all cases that came with a status.
func everyError(t testing.TB) (bodies [][]byte, statuses []int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.FromSlash("testdata/error/*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var call struct{ Status int }
		var body []byte
		for _, f := range a.Files {
			switch f.Name {
			case "call.json":
				if err := json.Unmarshal(f.Data, &call); err != nil {
					t.Fatal(err)
				}
			case "body":
				body = f.Data
			}
		}
		bodies, statuses = append(bodies, body), append(statuses, call.Status)
	}
	return bodies, statuses
}

// TestLessonsComeToAnEnd plays a provider that refuses everything there is a lesson for, in any
// order and again and again. What is remembered of it is kept as the running upstream does: by
// name, the last one of each, laid over what the file says.
func TestLessonsComeToAnEnd(t *testing.T) {
	var lessons []translate.Lesson
	bodies, statuses := everyError(t)
	for i, body := range bodies {
		if statuses[i] == 0 {
			continue
		}
		if l := (Chat{}).Failure(statuses[i], nil, body, 0).Lesson; l.Apply != nil {
			lessons = append(lessons, l)
		}
	}
	if len(lessons) < 40 {
		t.Fatalf("%d lessons only", len(lessons))
	}
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		file := someQuirks(rnd)
		var memory []translate.Lesson
		repeats := 0
		for range 1000 {
			lesson := lessons[rnd.IntN(len(lessons))]
			before := remembered(file, memory)
			after := before
			after.Strip, after.Efforts = slices.Clone(before.Strip), slices.Clone(before.Efforts)
			if lesson.Apply(&after); reflect.DeepEqual(before, after) {
				continue
			}
			repeats++
			memory = slices.DeleteFunc(memory, func(old translate.Lesson) bool { return old.Name == lesson.Name })
			memory = append(memory, lesson)
		}
		if repeats > len(lessons) {
			t.Errorf("seed %d: %d requests were repeated", seed, repeats)
		}
	}
}

// remembered is what is known of a model.
func remembered(q config.Quirks, memory []translate.Lesson) config.Quirks {
	q.Strip, q.Efforts = slices.Clone(q.Strip), slices.Clone(q.Efforts)
	for _, l := range memory {
		l.Apply(&q)
	}
	return q
}

// someQuirks are those of a provider that may be anything.
func someQuirks(rnd *rand.Rand) config.Quirks {
	pick := func(words ...string) string { return words[rnd.IntN(len(words))] }
	q := config.Quirks{
		MaxTokensField: pick("", "max_completion_tokens", "none"), StreamOptions: pick("", "continuous", "none"),
		Effort:      pick("", config.EffortObject, config.EffortThinking, config.EffortEnable, config.EffortTemplate, config.EffortNone),
		ReasoningIn: pick("", "none", "reasoning", "reasoning_content", "reasoning_details"), ToolChoice: pick("", "auto", "auto_thinking", "named_only_required"),
		ToolID: pick("", "max64", "max40", "short9"), SystemMiddle: pick("", "inplace"), Images: pick("", "none", "base64", "in_tool"),
		Documents: pick("", "file", "url"), Prefill: pick("", "prefix", "continue"), Format: pick("", "json_object", "none"), Schema: pick("", "gemini"), Stops: rnd.Int64N(6) - 1,
		Developer: rnd.IntN(2) == 0, CacheKey: rnd.IntN(2) == 0, TopK: rnd.IntN(2) == 0, MaxOutput: 10_000 * rnd.Int64N(3),
	}
	if rnd.IntN(2) == 0 {
		q.Efforts = []string{"low", "high"}
	}
	return q
}

// TestLessonsLeaveTheQuirksOfTheProfileAlone: what a profile says is shared by all of its requests.
func TestLessonsLeaveTheQuirksOfTheProfileAlone(t *testing.T) {
	file := config.Quirks{Strip: make([]string, 1, 8), Efforts: []string{"low", "high", "max"}}
	file.Strip[0] = "logprobs"
	bodies, statuses := everyError(t)
	for i, body := range bodies {
		if l := failure(max(statuses[i], 400), nil, body, 0).Lesson; l.Apply != nil {
			q := file
			l.Apply(&q)
		}
	}
	if file.Strip[0] != "logprobs" || file.Strip[:8][1] != "" || !slices.Equal(file.Efforts, []string{"low", "high", "max"}) {
		t.Errorf("a lesson has changed them: %q %q", file.Strip[:8], file.Efforts)
	}
}

func TestEveryLessonHasAFixedName(t *testing.T) {
	bodies, statuses := everyError(t)
	for i, body := range bodies {
		l := failure(max(statuses[i], 400), nil, body, 0).Lesson
		name, ok := strings.CutPrefix(l.Name, "learned:")
		if l.Apply != nil && (!ok || strings.ContainsFunc(name, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') })) {
			t.Errorf("the name %q is no word", l.Name)
		}
	}
}

// FuzzFailure: whatever a provider says, it becomes an error of the Messages API of a bearable
// length, and what it teaches does not depend on how often it is said.
func FuzzFailure(f *testing.F) {
	bodies, statuses := everyError(f)
	for i, body := range bodies {
		f.Add(statuses[i], body, "20")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, wait string) {
		h := http.Header{"X-Ratelimit-Reset": {wait}, "Retry-After-Ms": {wait}}
		got := failure(status, h, body, 0)
		if status < 400 || status > 599 {
			got = StreamFailure(body, 0)
		}
		if got.Status < 400 || got.Status > 599 && status < 600 || got.Type == "" || got.Message == "" || len(got.Message) > 8<<10 {
			t.Errorf("%+v", got)
		}
		if !json.Valid(got.Body()) {
			t.Errorf("not JSON: %s", got.Body())
		}
		if got.Lesson.Apply == nil {
			return
		}
		var q config.Quirks
		got.Lesson.Apply(&q)
		again := q
		if got.Lesson.Apply(&again); !reflect.DeepEqual(q, again) {
			t.Errorf("%s: %+v, then %+v", got.Lesson.Name, q, again)
		}
	})
}
