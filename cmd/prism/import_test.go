package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// generated is what a folder of made-up transcripts adds up to.
type generated struct {
	rows, duplicates, synthetic, unpriced int
	input, output, read                   int64
	write5m, write1h, searches            int64
	cost                                  int64 // list price in 1e-10 USD
}

// rates are prices in USD per million tokens times 10,000, which makes them 1e-10 USD per token.
// They stand in the client's own table.
type rates struct{ in, out, w5, w1, read int64 }

const searchPrice = 100_000_000 // a cent, in 1e-10 USD

// price finds the rates of a request; haiku-5-5 has two bands.
func price(model string, prompt int64) (rates, bool) {
	switch {
	case model == "claude-opus-5-5":
		return rates{40_000, 200_000, 50_000, 80_000, 2_000}, true
	case model == "claude-sonnet-5-5":
		return rates{20_000, 100_000, 25_000, 40_000, 1_000}, true
	case model == "claude-sonnet-4-5-20250929":
		return rates{30_000, 150_000, 37_500, 60_000, 3_000}, true
	case model == "claude-haiku-5-5" && prompt > 100_000:
		return rates{5_000, 25_000, 6_250, 10_000, 500}, true
	case model == "claude-haiku-5-5":
		return rates{1_000, 5_000, 1_250, 2_000, 100}, true
	}
	return rates{}, false
}

// generator writes transcripts of thirty days as the client does: a line for each block of an
// answer, with the final usage on the last one only; sub-agents in files of their own; sessions
// that were forked, with all that was said before copied; errors in the client's own words.
type generator struct {
	rnd   *rand.Rand
	dir   string
	total generated
	n     int
}

const (
	generatedDays = 30
	generatedLast = "2026-11-25" // the last day
)

func generate(dir string, seed uint64) (generated, error) {
	g := &generator{rnd: rand.New(rand.NewPCG(seed, 7)), dir: dir, n: int(seed-1) * 100_000}
	last, err := time.Parse(time.DateOnly, generatedLast)
	if err != nil {
		return g.total, err
	}
	for day := range generatedDays {
		for range 2 + g.rnd.IntN(4) {
			begin := last.AddDate(0, 0, day+1-generatedDays).Add(time.Duration(g.rnd.IntN(20*3600)) * time.Second)
			if err := g.session(begin); err != nil {
				return g.total, err
			}
		}
	}
	return g.total, nil
}

// session writes one session, perhaps with a sub-agent and a fork.
func (g *generator) session(at time.Time) error {
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x", g.rnd.Uint32(), g.rnd.Uint64()>>16)
	project := fmt.Sprintf("-home-u-project-%d", g.rnd.IntN(5))
	var lines []string
	for range 3 + g.rnd.IntN(20) {
		at = at.Add(time.Duration(5+g.rnd.IntN(90)) * time.Second)
		lines = append(lines, `{"type":"user","message":{"role":"user","content":"..."},"timestamp":"`+stampOf(at)+`"}`)
		lines = append(lines, g.message(id, "", at)...)
		if g.rnd.IntN(15) == 0 {
			lines = append(lines, g.synthetic(id, at))
		}
	}
	if err := g.write(filepath.Join(project, id+".jsonl"), lines, at); err != nil {
		return err
	}
	if g.rnd.IntN(3) == 0 {
		agent := fmt.Sprintf("a%016x", g.rnd.Uint64())
		var own []string
		for range 1 + g.rnd.IntN(5) {
			own = append(own, g.message(id, agent, at)...)
		}
		if err := g.write(filepath.Join(project, id, "subagents", "agent-"+agent+".jsonl"), own, at); err != nil {
			return err
		}
	}
	if g.rnd.IntN(6) == 0 {
		return g.fork(id, project, lines, at)
	}
	return nil
}

// fork copies a session to another one, which goes on.
func (g *generator) fork(id, project string, lines []string, at time.Time) error {
	other := strings.Replace(id, "-0000-", "-ffff-", 1)
	seen := map[string]bool{}
	copied := make([]string, len(lines))
	for i, l := range lines {
		copied[i] = strings.ReplaceAll(l, id, other)
		var m struct{ Message struct{ ID, Model string } }
		if json.Unmarshal([]byte(l), &m) == nil && m.Message.ID != "" && m.Message.Model != "<synthetic>" {
			seen[m.Message.ID] = true
		}
		if m.Message.Model == "<synthetic>" {
			g.total.synthetic++
		}
	}
	g.total.duplicates += len(seen)
	copied = append(copied, g.message(other, "", at.Add(time.Hour))...)
	return g.write(filepath.Join(project, other+".jsonl"), copied, at.Add(2*time.Hour))
}

// message makes the lines of one answer and adds it to the total.
func (g *generator) message(session, agent string, at time.Time) []string {
	g.n++
	models := []string{"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-sonnet-4-5-20250929", "my-own-model"}
	model := models[g.rnd.IntN(len(models))]
	in, out, read := int64(g.rnd.IntN(4000)), int64(1+g.rnd.IntN(9000)), int64(g.rnd.IntN(150_000))
	w5, w1, searches := int64(g.rnd.IntN(9000)), int64(0), int64(0)
	if g.rnd.IntN(4) == 0 {
		w5, w1 = int64(g.rnd.IntN(500)), int64(g.rnd.IntN(5000))
	}
	if g.rnd.IntN(20) == 0 {
		searches = int64(1 + g.rnd.IntN(3))
	}
	t := &g.total
	t.rows++
	t.input, t.output, t.read, t.write5m, t.write1h, t.searches = t.input+in, t.output+out, t.read+read, t.write5m+w5, t.write1h+w1, t.searches+searches
	if r, ok := price(model, in+read+w5+w1); ok {
		t.cost += in*r.in + out*r.out + read*r.read + w5*r.w5 + w1*r.w1 + searches*searchPrice
	} else {
		t.unpriced++
	}
	blocks := 1 + g.rnd.IntN(3)
	lines := make([]string, blocks)
	for i := range lines {
		reason, final := "null", int64(1)
		if i == blocks-1 {
			reason, final = `"end_turn"`, out
		}
		lines[i] = fmt.Sprintf(`{"parentUuid":"p","isSidechain":%t,"agentId":%q,"message":{"model":%q,"id":"msg_%06d","type":"message","role":"assistant",`+
			`"content":[{"type":"text","text":"..."}],"stop_reason":%s,"usage":{"input_tokens":%d,"cache_creation_input_tokens":%d,"cache_read_input_tokens":%d,`+
			`"cache_creation":{"ephemeral_5m_input_tokens":%d,"ephemeral_1h_input_tokens":%d},"output_tokens":%d,"server_tool_use":{"web_search_requests":%d},`+
			`"service_tier":"standard","speed":"standard","inference_geo":"global"}},"requestId":"req_%06d","type":"assistant","uuid":"%06d-%d","timestamp":%q,`+
			`"cwd":"/home/u/project","sessionId":%q,"version":"2.1.330","gitBranch":"main"}`,
			agent != "", agent, model, g.n, reason, in, w5+w1, read, w5, w1, final, searches, g.n, g.n, i, stampOf(at.Add(time.Duration(i)*time.Second)), session)
	}
	return lines
}

func (g *generator) synthetic(session string, at time.Time) string {
	g.total.synthetic++
	return fmt.Sprintf(`{"message":{"model":"<synthetic>","id":"x","role":"assistant","content":[],"stop_reason":"stop_sequence",`+
		`"usage":{"input_tokens":0,"output_tokens":0}},"isApiErrorMessage":true,"type":"assistant","timestamp":%q,"sessionId":%q}`, stampOf(at), session)
}

// write writes a file that was last touched at an instant.
func (g *generator) write(name string, lines []string, at time.Time) error {
	path := filepath.Join(g.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.Chtimes(path, at, at)
}

func stampOf(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }

// cmdTranscripts makes a folder of transcripts and sets GEN_ROWS and what else it adds up to:
// transcripts DIR SEED.
func cmdTranscripts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: transcripts DIR SEED")
	}
	var seed uint64
	_, err := fmt.Sscan(args[1], &seed)
	ts.Check(err)
	t, err := generate(ts.MkAbs(args[0]), seed)
	ts.Check(err)
	for name, v := range map[string]any{
		"GEN_ROWS": t.rows, "GEN_DUPLICATES": t.duplicates, "GEN_SYNTHETIC": t.synthetic, "GEN_UNPRICED": t.unpriced,
		"GEN_TOKENS": fmt.Sprintf("%d,%d,%d,%d,%d,%d", t.input, t.output, t.read, t.write5m, t.write1h, t.searches),
		"GEN_COST":   fmt.Sprintf("%d.%010d", t.cost/1e10, t.cost%1e10),
	} {
		ts.Setenv(name, fmt.Sprint(v))
	}
}

// cmdRetold writes a transcript of what passed through the gateway, as the client would have:
// retold DIR.
func cmdRetold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: retold DIR")
	}
	ts.Check(ts.Exec("prism", "sql", "--json", `select response_id, upstream_request_id, response_model as model,
		strftime(started_at - interval 1 hour, '%Y-%m-%dT%H:%M:%S.000Z') as at from requests where source = 'proxy' and response_id is not null`))
	var rows []map[string]string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &rows))
	var text strings.Builder
	for i, r := range rows {
		request := r["upstream_request_id"]
		if i%2 == 1 {
			request = "" // a gateway that does not pass it on
		}
		fmt.Fprintf(&text, `{"message":{"model":%q,"id":%q,"role":"assistant","content":[],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":6}},`+
			`"requestId":%q,"type":"assistant","timestamp":%q,"sessionId":"s"}`+"\n", r["model"], r["response_id"], request, r["at"])
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, "retold.jsonl"), []byte(text.String()), 0o600))
	ts.Setenv("RETOLD", fmt.Sprint(len(rows)))
}
