package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestProblemsAreReportedAsGolden runs testdata/problems/*.txtar: profiles.yaml, the words of
// the file options (sealed, unopened, active NAME, own ADDR, value CIPHER CLEAR), and the text
// that prism check prints.
func TestProblemsAreReportedAsGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/problems/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			opt := ParseOptions{File: "profiles.yaml", AllowPlaintext: true}
			var src []byte
			for _, f := range ar.Files {
				switch f.Name {
				case "profiles.yaml":
					src = f.Data
				case "options":
					parseTestOptions(t, &opt, string(f.Data))
				}
			}
			profiles, problems := ParseProfiles(src, opt)
			if (problems.Err() == nil) != (profiles != nil) {
				t.Errorf("profiles %v beside the error %v", profiles, problems.Err())
			}
			checkProblems(t, src, problems)
			ar.Files = append(dropFile(ar.Files, "want"), txtar.File{Name: "want", Data: []byte(problems.Text())})
			golden(t, file, txtar.Format(ar))
		})
	}
}

func dropFile(files []txtar.File, name string) []txtar.File {
	var out []txtar.File
	for _, f := range files {
		if f.Name != name {
			out = append(out, f)
		}
	}
	return out
}

func parseTestOptions(t *testing.T, opt *ParseOptions, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch words[0] {
		case "sealed":
			opt.Sealed, opt.AllowPlaintext = true, false
		case "clear":
			opt.AllowPlaintext = false
		case "unopened":
			opt.Unopened = true
		case "active":
			opt.Active = words[1]
		case "own":
			opt.Own = append(opt.Own, words[1])
		case "value":
			if opt.Values == nil {
				opt.Values = make(map[string]string)
			}
			opt.Values[words[1]] = words[2]
		default:
			t.Fatalf("unknown option %q", line)
		}
	}
}

// checkProblems asserts what holds for every problem of every file.
func checkProblems(t *testing.T, src []byte, problems Problems) {
	t.Helper()
	lines := newExcerpts(src).lines
	for _, p := range problems {
		if p.Line < 0 || p.Line > len(lines) || p.Line == 0 && p.Column != 0 {
			t.Errorf("line %d of %d: %s", p.Line, len(lines), p.Message)
		} else if p.Line > 0 && (p.Column < 1 || p.Column > len([]rune(lines[p.Line-1]))+1) {
			t.Errorf("column %d of %q: %s", p.Column, lines[p.Line-1], p.Message)
		}
		if p.Message == "" || p.Code == "" || p.Severity == "" {
			t.Errorf("incomplete: %+v", p)
		}
		if p.Severity == SeverityError && p.Fix == "" {
			t.Errorf("no fix: %s", p.Message)
		}
	}
}

func TestParseReadsTheWholeFile(t *testing.T) {
	profiles, problems := ParseProfiles([]byte(exampleFile), ParseOptions{AllowPlaintext: true})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if profiles.Active != "work" || profiles.ActivePos != (Pos{2, 9}) {
		t.Errorf("active %q at %v", profiles.Active, profiles.ActivePos)
	}
	if profiles.ClientToken.Reveal() != "a-token-made-by-prism-init" {
		t.Error("client token")
	}
	work, kimi, local := profiles.Profile("work"), profiles.Profile("kimi"), profiles.Profile("local")
	if work == nil || kimi == nil || local == nil || len(profiles.Profiles) != 4 {
		t.Fatalf("profiles: %+v", profiles.Profiles)
	}
	if work.Auth != AuthXAPIKey || work.Dialect != DialectAnthropic || work.Provider != "anthropic" || work.Multiplier != "1" || work.InputIncludesCache != "auto" {
		t.Errorf("defaults: %+v", work)
	}
	if work.BaseURLPos != (Pos{6, 15}) || work.KeyPos != (Pos{7, 14}) || work.Pos != (Pos{5, 5}) {
		t.Errorf("places: %v %v %v", work.BaseURLPos, work.KeyPos, work.Pos)
	}
	if kimi.Auth != AuthBearer || kimi.Provider != "moonshot" || kimi.APIKey.Reveal() != "paste-the-key-and-run-prism-seal" {
		t.Errorf("kimi: %+v", kimi)
	}
	hold := 2 * time.Second
	if !reflect.DeepEqual(kimi.Timeouts, Timeouts{FirstByte: 2 * time.Minute, Idle: 4 * time.Minute, Hold: &hold}) || work.Timeouts != (Timeouts{}) {
		t.Errorf("timeouts: %v, %v", kimi.Timeouts, work.Timeouts)
	}
	if len(kimi.Keys) != 2 || kimi.Keys[1].Name != "second" || !kimi.Keys[0].Secret.Equal(kimi.APIKey) || kimi.Keys[1].Pos != (Pos{15, 33}) || kimi.KeyPos != kimi.Keys[0].Pos {
		t.Errorf("keys: %+v", kimi.Keys)
	}
	if len(work.Keys) != 1 || work.Keys[0].Name != "" || !work.Keys[0].Secret.Equal(work.APIKey) || local.Keys != nil {
		t.Errorf("keys: %+v, %+v", work.Keys, local.Keys)
	}
	if !kimi.Keepalive || work.Keepalive || work.FallbackOnAuth || work.OnClientDisconnect != "cancel" || work.OnTruncate != "error" || !reflect.DeepEqual(work.Fallback, []string{"kimi"}) {
		t.Errorf("behaviour: %+v, %+v", work, kimi)
	}
	if got := kimi.Target("claude-haiku-5"); got != "kimi-k2.7-code" {
		t.Errorf("haiku -> %s", got)
	}
	if got := kimi.Target("claude-opus-5"); got != "kimi-k3" {
		t.Errorf("opus -> %s", got)
	}
	if got := work.Target("claude-opus-5"); got != "claude-opus-5" {
		t.Errorf("no models: opus -> %s", got)
	}
	box := profiles.Profile("box")
	if box.Dialect != DialectOpenAI || box.Preset != "vllm" || !box.Quirks.TopK || !reflect.DeepEqual(box.Quirks.Efforts, []string{"low", "high"}) ||
		box.Window("claude-opus-5") != 131072 || work.Window("claude-opus-5") != 0 {
		t.Errorf("box: %+v", box)
	}
	if local.Auth != AuthNone || local.Provider != "local" || !reflect.DeepEqual(local.Models, []ModelRule{{Match: "*", Use: "qwen3-coder"}}) {
		t.Errorf("local: %+v", local)
	}
	wantRules := []Rule{
		{Model: "*haiku*", Use: "kimi", Pos: Pos{37, 5}},
		{Agent: "*", Use: "kimi", Pos: Pos{38, 5}},
		{Header: &HeaderRule{Name: "X-Claude-Code-Request-Class", Match: "auxiliary"}, Use: "local", Pos: Pos{39, 5}},
		{Tag: &TagRule{Name: "team", Match: "blue"}, Between: "22:00-06:00", Days: []string{"mon", "tue", "wed", "thu", "fri"}, Use: "local", Pos: Pos{40, 5}},
		{Path: "/v1/messages/count_tokens", PromptOver: 200000, Use: "work", Pos: Pos{41, 5}},
	}
	if !reflect.DeepEqual(profiles.Rules, wantRules) {
		t.Errorf("rules: %+v", profiles.Rules)
	}
	wantPrice := PriceRow{Provider: "moonshot", ModelMatch: "kimi-k3*", Input: "0.60", Output: "2.50", CacheRead: "0.15"}
	if len(profiles.Prices) != 1 || !reflect.DeepEqual(profiles.Prices[0], wantPrice) {
		t.Errorf("prices: %+v", profiles.Prices)
	}
}

func TestOriginNamesThePortAndIsLowerCase(t *testing.T) {
	for url, want := range map[string]string{
		"https://API.Anthropic.com":      "https://api.anthropic.com:443",
		"https://api.anthropic.com:443/": "https://api.anthropic.com:443",
		"HTTPS://x.example:8443/a/B":     "https://x.example:8443",
		"http://127.0.0.1:11434":         "http://127.0.0.1:11434",
		"http://localhost":               "http://localhost:80",
		"http://[::1]:9":                 "http://[::1]:9",
	} {
		p := Profile{BaseURL: url}
		if got := p.Origin(); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

// TestSealedValuesAreFoundByTheirCiphertext also proves that a file sealed whole is read.
func TestSealedValuesAreFoundByTheirCiphertext(t *testing.T) {
	src := "active: ENC[1]\nprofiles:\n  - name: ENC[2]\n    base_url: ENC[3]\n    api_key: ENC[4]\n    flat_fee: ENC[5]\n" +
		"    multiplier: ENC[6]\n#ENC[7]\nsops:\n  mac: ENC[8]\n  age: [{recipient: x, enc: \"a\\nb\"}]\n"
	values := map[string]string{"ENC[1]": "w", "ENC[2]": "w", "ENC[3]": "https://x.example", "ENC[4]": "the-key", "ENC[5]": "true", "ENC[6]": "0.5"}
	profiles, problems := ParseProfiles([]byte(src), ParseOptions{Sealed: true, Values: values})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := profiles.Profile("w")
	if profiles.Active != "w" || p == nil || p.BaseURL != "https://x.example" || p.APIKey.Reveal() != "the-key" || !p.FlatFee || p.Multiplier != "0.5" {
		t.Errorf("%+v", profiles)
	}
}

// TestSealedCommentsInListsAreComments: where everything is sealed, sops makes a comment above an item of a list an item
// of its own.
func TestSealedCommentsInListsAreComments(t *testing.T) {
	src := "active: w\nprofiles:\n  - ENC[AES256_GCM,data:a,type:comment]\n  - name: w\n    base_url: https://x.example\n    auth: none\n" +
		"    fallback:\n      - ENC[AES256_GCM,data:b,type:comment]\n      - v\n  - ENC[AES256_GCM,data:c,type:comment]\n  - {name: v, base_url: 'https://y.example', auth: none}\n"
	for _, opt := range []ParseOptions{{Sealed: true}, {Sealed: true, Unopened: true}} {
		profiles, problems := ParseProfiles([]byte(src), opt)
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		if len(profiles.Profiles) != 2 || profiles.Profiles[1].Name != "v" || len(profiles.Profiles[0].Fallback) != 1 {
			t.Errorf("%+v", profiles)
		}
	}
	if _, problems := ParseProfiles([]byte(src), ParseOptions{}); problems.Err() == nil {
		t.Error("a sealed comment was taken in a file that is not sealed")
	}
}

func TestEveryPriceColumnIsCopied(t *testing.T) {
	shape, row := reflect.TypeFor[priceShape](), reflect.TypeFor[PriceRow]()
	for f := range shape.Fields() {
		if fieldName(f) == "" {
			continue
		}
		to, ok := row.FieldByName(f.Name)
		if !ok || to.Tag.Get("yaml") != fieldName(f) {
			t.Errorf("%s is not a field of PriceRow called %s", f.Name, fieldName(f))
		}
	}
	src := "active: a\nprofiles: [{name: a, base_url: \"https://x.example\", auth: none}]\nprices:\n" +
		"  - {provider: p, model_match: m, effective_from: 2026-01-02, effective_to: \"2026-02-03T04:05:06+01:00\", tier_over_prompt_tokens: 200_000,\n" +
		"     tier_input: 1.50, peak_windows_utc: [\"01:00-04:00\", \"22:00-24:00\"], peak_days: [1, 5]}\n"
	profiles, problems := ParseProfiles([]byte(src), ParseOptions{AllowPlaintext: true})
	if problems.Err() != nil {
		t.Fatal(problems)
	}
	want := PriceRow{
		Provider: "p", ModelMatch: "m", TierOverPromptTokens: 200000, TierInput: "1.50",
		EffectiveFrom: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), EffectiveTo: time.Date(2026, 2, 3, 3, 5, 6, 0, time.UTC),
		PeakWindowsUTC: []string{"01:00-04:00", "22:00-24:00"}, PeakDays: []int{1, 5},
	}
	if !reflect.DeepEqual(profiles.Prices[0], want) {
		t.Errorf("%+v", profiles.Prices[0])
	}
}
