//go:build e2e

package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"prism/internal/translate/translatetest"
	gosdk "prism/internal/translate/translatetest/sdk"
)

// told is a stream that a client got.
type told struct{ name, stream string }

// TestTheSDKsPutEveryGoldenStreamTogether: refusals, limits, stop sequences, missing usage, errors,
// answers that are cut, and those of Bedrock.
func TestTheSDKsPutEveryGoldenStreamTogether(t *testing.T) {
	var all []told
	for _, folder := range []string{"openai", "cloud"} {
		files, err := filepath.Glob("../../internal/translate/" + folder + "/testdata/stream/*.txtar")
		if err != nil || len(files) == 0 {
			t.Fatalf("no golden streams of %s: %v", folder, err)
		}
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range a.Files {
				if f.Name == "want.sse" {
					all = append(all, told{folder + "/" + filepath.Base(file), string(f.Data)})
				}
			}
		}
	}
	mustPutTogether(t, all)
}

// assemble is a program that reads streams, numbered from 0, and prints for each a line with the
// message, or the error with which the SDK refuses it.
const assemble = `
const {Anthropic} = require('@anthropic-ai/sdk');
const [base, n] = process.argv.slice(2);
(async () => {
  for (let i = 0; i < Number(n); i++) {
    const c = new Anthropic({apiKey: 'k', baseURL: base + '/' + i, maxRetries: 0});
    const ask = {model: 'm', max_tokens: 1024, messages: [{role: 'user', content: 'x'}]};
    await c.messages.stream(ask).finalMessage().then(
      message => console.log(JSON.stringify({message})), e => console.log(JSON.stringify({error: String(e)})));
  }
})();
`

// assembled is what the TypeScript SDK made of a stream.
type assembled struct {
	Message *message
	Error   string
}

// message is what of a message is compared.
type message struct {
	StopReason string `json:"stop_reason"`
	Content    []struct {
		Type, ID, Name, Text, Thinking, Signature string
		Input                                     json.RawMessage
	}
}

// mustPutTogether has the SDKs read streams, one process for all: what they find must be what the
// grammar finds, and a stream that has no good end must be none for them.
func mustPutTogether(t *testing.T, all []told) {
	t.Helper()
	kinds := map[string]int{}
	for i, got := range byTypeScript(t, all) {
		answer, err := translatetest.Check(all[i].stream)
		if err != nil {
			kinds["parts"]++
			if !strings.HasPrefix(all[i].name, "cloud/") { // whose cases are not all whole messages
				t.Errorf("%s: the grammar: %v", all[i].name, err)
			}
			continue
		}
		switch {
		case !answer.Complete && got.Error == "":
			t.Errorf("%s: the TypeScript SDK takes it for a message: %+v", all[i].name, got.Message)
		case !answer.Complete:
			kinds["refused"]++
		case got.Message == nil:
			t.Errorf("%s: the TypeScript SDK refuses it: %s", all[i].name, got.Error)
		default:
			kinds[answer.StopReason]++
			mustHold(t, all[i].name, got.Message, answer)
		}
		if _, err := gosdk.Accumulate(all[i].stream); err != nil {
			t.Errorf("%s: the Go SDK refuses it: %v", all[i].name, err)
		}
	}
	t.Logf("both SDKs have read %d streams: %v", len(all), kinds)
}

// mustHold compares a message with what the grammar has put together.
func mustHold(t *testing.T, name string, m *message, answer *translatetest.Answer) {
	t.Helper()
	if m.StopReason != answer.StopReason || len(m.Content) != len(answer.Blocks) {
		t.Errorf("%s: the TypeScript SDK has %d blocks and %s, want %d and %s", name, len(m.Content), m.StopReason, len(answer.Blocks), answer.StopReason)
		return
	}
	for i, b := range m.Content {
		want := &answer.Blocks[i]
		same := b.Type == want.Type && b.ID == want.ID && b.Name == want.Name && b.Signature == want.Signature
		if len(b.Input) == 0 {
			same = same && b.Text+b.Thinking == want.Text
		} else if json.Valid([]byte(want.Text)) { // what the limit has cut off, the SDK closes
			same = same && sameJSON(t, b.Input, []byte(want.Text))
		}
		if !same {
			t.Errorf("%s: block %d of the TypeScript SDK is %+v, want %+v", name, i, b, *want)
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var v, w any
	if err := json.Unmarshal(a, &v); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &w); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(v, w)
}

// byTypeScript has the TypeScript SDK read streams from a server that says nothing else.
func byTypeScript(t *testing.T, all []told) []assembled {
	t.Helper()
	tools := need(t, "CONFORMANCE_TOOLS")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var i int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d/", &i); err != nil || i >= len(all) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(all[i].stream))
	}))
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), "node", "-", server.URL, fmt.Sprint(len(all)))
	cmd.Stdin, cmd.Dir = strings.NewReader(assemble), tools
	var failure strings.Builder
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v: %s", err, failure.String())
	}
	var list []assembled
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, len(out)+1)
	for lines.Scan() {
		var a assembled
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("%v in %s", err, lines.Bytes())
		}
		list = append(list, a)
	}
	if len(list) != len(all) {
		t.Fatalf("the TypeScript SDK has read %d of %d streams", len(list), len(all))
	}
	return list
}
